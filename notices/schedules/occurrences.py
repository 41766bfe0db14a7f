"""What is due of a schedule becomes occurrences and notices: here and nowhere else.

One transaction under the schedule's lock, and an instant is unique: whoever runs it, however often
and wherever it is killed, an instant is decided once.
"""

import logging
from datetime import datetime, timedelta
from itertools import islice, takewhile

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_noop

from config import clock
from notices.delivery import high_water
from notices.models import CONTENT_FIELDS, Notice, Occurrence, Schedule
from signup.models import User

__all__ = [
    "decide_due", "in_question", "let_go", "lock", "reckon_all", "run", "settle", "start",
    "undecided",
]  # fmt: skip

CHUNK = 1000  # instants decided in one transaction
PROMPT = timedelta(minutes=1)  # what starts within it counts as on time

TOO_LATE = gettext_noop("It was found too long after its time.")
MAY_HAVE_RUN = gettext_noop("It may have run before the database was restored from a copy.")
OVERTAKEN = gettext_noop("A later one was due by then, too, and ran in its place.")
log = logging.getLogger(__name__)


def run(schedule_id: int) -> tuple[Notice | None, datetime | None]:
    """Decides all instants that are due; the notice to start, if any, and when to come again."""
    high_water.rise_before()
    with transaction.atomic():
        schedule = lock(schedule_id)
        if schedule is None or schedule.state != Schedule.State.ACTIVE:
            return None, None
        if schedule.in_question_since:
            return None, None
        notice = decide_due(schedule, clock.now())
        schedule.save()
    return notice, schedule.next_at


def lock(schedule_id: int) -> Schedule | None:
    return Schedule.objects.select_for_update().filter(pk=schedule_id).first()


def decide_due(schedule: Schedule, now: datetime) -> Notice | None:
    """Of several that are due the last one runs, once, unless it is too late for that. Needs the
    lock; the caller saves the schedule, and comes again if what is next is due, too."""
    found = undecided(schedule, now)
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


def undecided(schedule: Schedule, now: datetime) -> list[datetime]:
    """The instants that are due: a chunk of them, and one more if there are more."""
    return list(islice(takewhile(lambda at: at <= now, schedule.instants()), CHUNK + 1))


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


# In question after a restore (delivery/restored.py)


def in_question() -> QuerySet[Schedule]:
    return Schedule.objects.filter(in_question_since__isnull=False).order_by("pk")


def let_go(schedule_id: int) -> bool:
    """It goes on as this database has it: what is due was missed."""
    return bool(in_question().filter(pk=schedule_id).update(in_question_since=None))


def settle(schedule_id: int, by: User | None = None) -> bool:
    """It goes on from now: what is due by now is skipped, since it may have run. Whether it was in
    question."""
    with transaction.atomic():
        schedule, now = lock(schedule_id), clock.now()
        if schedule is None or not schedule.in_question_since:
            return False
        while due := undecided(schedule, now):
            Occurrence.objects.bulk_create(
                Occurrence(
                    schedule=schedule,
                    planned_at=at,
                    state=Occurrence.State.SKIPPED,
                    reason=MAY_HAVE_RUN,
                    by=by,
                )
                for at in due
            )
            schedule.advance(due[-1])
        schedule.in_question_since = None
        schedule.save()
    return True


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
