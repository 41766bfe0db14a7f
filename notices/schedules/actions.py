"""What staff do with a schedule. Each step first decides what is due already, under the lock that
the worker takes, too: so no instant is run twice, and none is lost between two hands."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_noop

import jobs
from config import clock
from notices.delivery import high_water
from notices.models import Notice, Occurrence, Schedule
from notices.schedules import occurrences
from signup import security
from signup.models import User

__all__ = [
    "NotNow", "NothingLeft", "add", "change", "end", "pause", "plan", "resume", "run_now", "skip",
    "upcoming", "was_done",
]  # fmt: skip

MOST = 100  # instants that anybody is shown ahead
SKIPPED = gettext_noop("Skipped by hand.")
RUN_NOW = gettext_noop("Run now, by hand.")
LEADS_TO = {
    "pause": Schedule.State.PAUSED,
    "resume": Schedule.State.ACTIVE,
    "end": Schedule.State.ENDED,
}


class NotNow(Exception):  # noqa: N818
    """The schedule is in a state in which that makes no sense; nothing was changed."""


class NothingLeft(NotNow):
    """It would never run again; nothing was changed."""


def upcoming(schedule: Schedule, number: int = 5) -> list[datetime]:
    """The next instants: none while nothing would run."""
    if schedule.state != Schedule.State.ACTIVE or schedule.in_question_since:
        return []
    return list(islice(schedule.instants(), min(number, MOST)))


def plan(schedule: Schedule) -> None:
    """Computes its next instant as if it were active. Does not save."""
    schedule.state = Schedule.State.ACTIVE
    schedule.advance(max(clock.now(), schedule.handled_until))


def add(schedule: Schedule) -> None:
    """Saves a new schedule; what it plans before this moment is passed by."""
    with transaction.atomic():
        schedule.advance(clock.now())
        schedule.save()
        security.tell("schedule-added", schedule=schedule.pk)
        ring(schedule, None)


def ring(schedule: Schedule, notice: Notice | None) -> None:
    if notice:
        jobs.now(jobs.start_notice, notice.pk)
    if schedule.next_at and schedule.state == Schedule.State.ACTIVE:
        jobs.later(schedule.next_at, jobs.run_schedule, schedule.pk)


@contextmanager
def in_hand(pk: int, *states: Schedule.State) -> Iterator[tuple[Schedule, datetime]]:
    """The schedule, locked, with nothing undecided that is due by the moment that is given with
    it; saved and rung for at the end. Raises NotNow when it is in none of `states`, or in question
    after a restore."""
    high_water.rise()
    with transaction.atomic():
        schedule, now = occurrences.lock(pk), clock.now()
        if schedule is None or schedule.state not in states or schedule.in_question_since:
            raise NotNow
        before, notice = schedule.next_at, None
        while schedule.state == Schedule.State.ACTIVE:
            notice = occurrences.decide_due(schedule, now)
            if schedule.next_at is None or schedule.next_at > now:
                break
        yield schedule, now
        schedule.save()
        ring(schedule, notice)
        if before and before != schedule.next_at:
            transaction.on_commit(lambda: jobs.forget(before, jobs.run_schedule, pk), robust=True)


def change(pk: int, edit: Callable[[Schedule], None]) -> None:
    """Lets `edit` set what a form holds. Counts for what is not due yet. Raises NotNow when the
    schedule has ended, NothingLeft when it would never run again."""
    with in_hand(pk, Schedule.State.ACTIVE, Schedule.State.PAUSED) as (schedule, now):
        edit(schedule)
        paused = schedule.state == Schedule.State.PAUSED
        schedule.state = Schedule.State.ACTIVE  # also when what was due just now was its last
        schedule.advance(now)
        if schedule.next_at is None:
            raise NothingLeft
        if paused:
            stop(schedule, Schedule.State.PAUSED)
        security.tell("schedule-changed", schedule=pk)


def stop(schedule: Schedule, state: Schedule.State) -> None:
    schedule.state, schedule.next_at = state, None


def pause(pk: int) -> None:
    with in_hand(pk, Schedule.State.ACTIVE) as (schedule, _):
        if schedule.state != Schedule.State.ACTIVE:
            raise NotNow
        stop(schedule, Schedule.State.PAUSED)
        security.tell("schedule-paused", schedule=pk)


def resume(pk: int) -> None:
    """What was planned meanwhile is passed by. Raises NothingLeft when that was all."""
    with in_hand(pk, Schedule.State.PAUSED) as (schedule, now):
        schedule.state = Schedule.State.ACTIVE
        schedule.advance(now)
        if schedule.next_at is None:
            raise NothingLeft
        security.tell("schedule-resumed", schedule=pk)


def end(pk: int) -> None:
    """No further notice; one that was made already is cancelled on its own page."""
    with in_hand(pk, Schedule.State.ACTIVE, Schedule.State.PAUSED) as (schedule, _):
        stop(schedule, Schedule.State.ENDED)
        security.tell("schedule-ended", schedule=pk)


def skip(pk: int, by: User | None = None, at: datetime | None = None) -> datetime:
    """Passes the next instant by; which one that is. NotNow when that is not `at`."""
    with in_hand(pk, Schedule.State.ACTIVE) as (schedule, _):
        following = schedule.next_at
        if following is None or at not in (None, following):
            raise NotNow
        Occurrence.objects.create(
            schedule=schedule,
            planned_at=following,
            state=Occurrence.State.SKIPPED,
            reason=SKIPPED,
            by=by,
        )
        schedule.advance(schedule.handled_until)
        security.tell("schedule-skipped", schedule=pk)
        return following


def run_now(
    pk: int,
    by: User | None = None,
    request_key: str | None = None,
    undo: timedelta = timedelta(0),
) -> Notice:
    """A notice out of turn, at most one a minute: who presses twice means it once. With the key of
    an earlier request the notice that was made then, however long ago. `undo`: so long it waits."""
    with in_hand(pk, *Schedule.State) as (schedule, now):
        before = Notice.objects.filter(request_key=request_key, occurrence__schedule=pk)
        if request_key and (made := before.first()):
            return made
        lately = now - timedelta(minutes=1)
        just_run = Q(extra=True, decided_at__gt=lately) | Q(planned_at=now)
        if schedule.occurrences.filter(just_run).exists():
            raise NotNow
        notice = occurrences.start(schedule, now, RUN_NOW, by, request_key)
        security.tell("schedule-run", schedule=pk)
        if undo:
            notice.start_at = now + undo
            notice.save(update_fields=["start_at"])
            jobs.later(notice.start_at, jobs.start_notice, notice.pk)
        else:
            jobs.now(jobs.start_notice, notice.pk)
        return notice


def was_done(pk: int, step: str, at: datetime | None = None) -> bool:
    """When a step raised NotNow: whether the schedule is where it leads, or the instant `at` is
    skipped. So who presses twice is told what the first press did."""
    if step == "skip":
        skipped = Occurrence.objects.filter(schedule=pk, state=Occurrence.State.SKIPPED)
        return at is not None and skipped.filter(planned_at=at).exists()
    return step in LEADS_TO and Schedule.objects.filter(pk=pk, state=LEADS_TO[step]).exists()
