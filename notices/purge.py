"""Removes what nobody needs any more, a chunk at a time, and reckons schedules anew."""

import logging
from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from notices import occurrences
from notices.models import OPEN, Delivery, Schedule
from signup.models import Verification

CHUNK = 1000
log = logging.getLogger(__name__)


def run() -> None:
    now = timezone.now()
    old = now - timedelta(days=settings.KEEP_DAYS)
    single = Delivery.objects.filter(notice=None, created_at__lt=old).exclude(state__in=OPEN)
    remove(single.order_by("created_at"))
    unused = Verification.objects.filter(created_at__lt=old, delivery=None)
    remove(unused.order_by("created_at"))
    remove(Session.objects.filter(expire_date__lt=now).order_by("expire_date"))
    for pk in Schedule.objects.filter(state=Schedule.State.ACTIVE).values_list("pk", flat=True):
        try:
            reckon(pk)
        except Exception:  # one bad row holds up none of the others
            log.exception("Schedule %d cannot be reckoned.", pk)


def remove(rows: QuerySet) -> None:  # type: ignore[type-arg]
    """Ordered by the column whose index finds them: by number, PostgreSQL may read the whole
    table to find that there are none."""
    while chosen := list(rows.values_list("pk", flat=True)[:CHUNK]):
        rows.model._default_manager.filter(pk__in=chosen).delete()


def reckon(schedule_id: int) -> None:
    """The next instant by the time-zone data of today: a deploy may have brought other laws."""
    with transaction.atomic():
        schedule = occurrences.lock(schedule_id)
        if schedule is None or schedule.state != Schedule.State.ACTIVE:
            return
        before = schedule.next_at
        schedule.advance(schedule.handled_until)
        if schedule.next_at != before:
            schedule.save()
