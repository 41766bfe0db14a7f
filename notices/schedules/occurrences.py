"""What is due of a schedule becomes occurrences and notices: here and nowhere else.

One transaction under the schedule's lock, and an instant is unique: whoever runs it, however often
and wherever it is killed, an instant is decided once.
"""

import logging
from datetime import datetime, timedelta
from itertools import islice, takewhile

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from notices.models import CONTENT_FIELDS, Notice, Occurrence, Schedule
from signup.models import User

__all__ = ["decide_due", "lock", "reckon_all", "run", "start"]

CHUNK = 1000  # instants decided in one transaction
PROMPT = timedelta(minutes=1)  # what starts within it counts as on time

TOO_LATE = gettext_noop("It was found too long after its time.")
OVERTAKEN = gettext_noop("A later one was due by then, too, and ran in its place.")
log = logging.getLogger(__name__)


def run(schedule_id: int) -> tuple[Notice | None, datetime | None]:
    """Decides all instants that are due; the notice to start, if any, and when to come again."""
    with transaction.atomic():
        schedule = lock(schedule_id)
        if schedule is None or schedule.state != Schedule.State.ACTIVE:
            return None, None
        notice = decide_due(schedule, timezone.now())
        schedule.save()
    return notice, schedule.next_at


def lock(schedule_id: int) -> Schedule | None:
    return Schedule.objects.select_for_update().filter(pk=schedule_id).first()


def decide_due(schedule: Schedule, now: datetime) -> Notice | None:
    """Of several that are due the last one runs, once, unless it is too late for that. Needs the
    lock; the caller saves the schedule, and comes again if what is next is due, too."""
    found = list(islice(takewhile(lambda at: at <= now, schedule.instants()), CHUNK + 1))
    due, more = found[:CHUNK], found[CHUNK:]
    notice = None
    if due and not more and is_in_time(schedule, due[-1], now):
        notice = start(schedule, due[-1])
    handled_until = due[-1] if due else schedule.handled_until
    Occurrence.objects.bulk_create(
        Occurrence(
            schedule=schedule,
            planned_at=at,
            state=Occurrence.State.MISSED,
            reason=OVERTAKEN if is_in_time(schedule, at, now) else TOO_LATE,
            decided_at=now,
        )
        for at in (due[:-1] if notice else due)
    )
    schedule.advance(handled_until)
    return notice


def is_in_time(schedule: Schedule, at: datetime, now: datetime) -> bool:
    if schedule.late_minutes is None:
        return True
    return now - at <= max(PROMPT, timedelta(minutes=schedule.late_minutes))


def start(
    schedule: Schedule,
    at: datetime,
    reason: str = "",
    by: User | None = None,
    request_key: str | None = None,
) -> Notice:
    """Makes the notice of an instant, or with a `reason` one out of turn. Raises IntegrityError
    when the instant had one."""
    facts = {name: getattr(schedule, name) for name in CONTENT_FIELDS}
    notice = Notice.objects.create(
        **facts,
        author=schedule.author,
        zone=schedule.zone,
        in_quiet_hours=schedule.in_quiet_hours,
        request_key=request_key,
        start_at=at,
    )
    Occurrence.objects.create(
        schedule=schedule,
        planned_at=at,
        state=Occurrence.State.STARTED,
        reason=reason,
        extra=bool(reason),
        by=by,
        notice=notice,
    )
    return notice


def reckon_all() -> None:
    """The next instants by the time-zone data of today: a deploy may have brought other laws."""
    for pk in Schedule.objects.filter(state=Schedule.State.ACTIVE).values_list("pk", flat=True):
        try:
            reckon(pk)
        except Exception:  # one bad row holds up none of the others
            log.exception("Schedule %d cannot be reckoned.", pk)


def reckon(schedule_id: int) -> None:
    with transaction.atomic():
        schedule = lock(schedule_id)
        if schedule is None or schedule.state != Schedule.State.ACTIVE:
            return
        before = schedule.next_at
        schedule.advance(schedule.handled_until)
        if schedule.next_at != before:
            schedule.save()
