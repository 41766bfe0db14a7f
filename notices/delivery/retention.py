"""Removes what nobody needs any more, a chunk at a time."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Q, QuerySet

from config import clock
from notices.models import OPEN, UNPREPARED, Delivery, Notice, Request
from signup.models import BudgetRelease, ContactChange, SignedIn, Upload, Verification

__all__ = ["run"]

CHUNK = 1000
KEEP_UPLOADS = timedelta(days=1)


def run() -> None:
    now = clock.now()
    old = now - timedelta(days=settings.KEEP_DAYS)
    single = Delivery.objects.filter(notice=None, created_at__lt=old).exclude(state__in=OPEN)
    remove(single.order_by("created_at"))
    unused = Verification.objects.filter(created_at__lt=old, delivery=None)
    remove(unused.order_by("created_at"))
    remove(Request.objects.filter(started_at__lt=old).order_by("started_at"))
    remove(ContactChange.objects.filter(made_at__lt=old).order_by("made_at"))
    remove(SignedIn.objects.filter(since__lt=old).order_by("since"))
    forget_networks(now - timedelta(days=1))
    remove(BudgetRelease.objects.filter(until__lt=now).order_by("until"))
    remove(unneeded_uploads(now).order_by("made_at"))
    remove(Session.objects.filter(expire_date__lt=now).order_by("expire_date"))


def unneeded_uploads(now: datetime) -> QuerySet[Upload]:
    """Files of which nobody is to be told any more, of a draft as long as anything is kept."""
    draft = Q(state=Notice.State.DRAFT, created_at__gt=now - timedelta(days=settings.KEEP_DAYS))
    needed = Notice.objects.filter(draft | Q(state__in=UNPREPARED), upload__isnull=False)
    old = Upload.objects.filter(made_at__lt=now - KEEP_UPLOADS)
    return old.exclude(pk__in=needed.values("upload"))


def forget_networks(old: datetime) -> None:
    """A verification tells where it was asked for no longer than the budget of codes needs it."""
    asked = Verification.objects.filter(network__gt="", created_at__lt=old)
    while chosen := list(asked.values_list("pk", flat=True)[:CHUNK]):
        Verification.objects.filter(pk__in=chosen).update(network="")


def remove(rows: QuerySet) -> None:  # type: ignore[type-arg]
    """Ordered by the column whose index finds them: by number, PostgreSQL may read the whole
    table to find that there are none."""
    while chosen := list(rows.values_list("pk", flat=True)[:CHUNK]):
        rows.model._default_manager.filter(pk__in=chosen).delete()
