"""What staff do with a schedule. Each step first decides what is due already, under the lock that
the worker takes, too: so no instant is run twice, and none is lost between two hands."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

import jobs
from notices import occurrences
from notices.models import Notice, Occurrence, Schedule
from signup.models import User

MOST = 100  # instants that anybody is shown ahead


class NotNow(Exception):  # noqa: N818
    """The schedule is in a state in which that makes no sense; nothing was changed."""


def upcoming(schedule: Schedule, number: int = 5) -> list[datetime]:
    """The next instants: none while nothing would run."""
    if schedule.state != Schedule.State.ACTIVE:
        return []
    return list(islice(schedule.instants(), min(number, MOST)))


def add(schedule: Schedule) -> None:
    """Saves a new schedule; what it plans before this moment is passed by."""
    with transaction.atomic():
        schedule.advance(timezone.now())
        schedule.save()
        ring(schedule, None)


def ring(schedule: Schedule, notice: Notice | None) -> None:
    if notice:
        jobs.now(jobs.start_notice, notice.pk)
    if schedule.next_at and schedule.state == Schedule.State.ACTIVE:
        when, pk = schedule.next_at, schedule.pk
        transaction.on_commit(lambda: jobs.wake(when, jobs.run_schedule, pk) and None, robust=True)


@contextmanager
def in_hand(pk: int, *states: Schedule.State) -> Iterator[Schedule]:
    """The schedule, locked, with nothing due left undecided; saved and rung for at the end.
    Raises NotNow when it is in none of `states`."""
    with transaction.atomic():
        schedule = occurrences.lock(pk)
        if schedule is None or schedule.state not in states:
            raise NotNow
        before = schedule.next_at
        notice = None
        if schedule.state == Schedule.State.ACTIVE:
            notice = occurrences.decide_due(schedule)
        yield schedule
        schedule.save()
        ring(schedule, notice)
        if before and before != schedule.next_at:
            transaction.on_commit(lambda: jobs.forget(before, jobs.run_schedule, pk), robust=True)


def change(pk: int, edit: Callable[[Schedule], None]) -> None:
    """Lets `edit` set what a form holds. Counts for what is not due yet."""
    with in_hand(pk, Schedule.State.ACTIVE, Schedule.State.PAUSED) as schedule:
        edit(schedule)
        state = schedule.state
        schedule.advance(max(timezone.now(), schedule.handled_until))
        if schedule.next_at:
            schedule.state = state


def pause(pk: int) -> None:
    with in_hand(pk, Schedule.State.ACTIVE) as schedule:
        schedule.state = Schedule.State.PAUSED
        schedule.next_at = None


def resume(pk: int) -> None:
    """What was planned meanwhile is passed by."""
    with in_hand(pk, Schedule.State.PAUSED) as schedule:
        schedule.state = Schedule.State.ACTIVE
        schedule.advance(max(timezone.now(), schedule.handled_until))


def end(pk: int) -> None:
    """No further notice; one that was made already is cancelled on its own page."""
    with in_hand(pk, Schedule.State.ACTIVE, Schedule.State.PAUSED) as schedule:
        schedule.state = Schedule.State.ENDED
        schedule.next_at = None


def skip(pk: int, by: User | None = None, at: datetime | None = None) -> datetime:
    """Passes the next instant by; which one that is. Raises NotNow when that is not `at`."""
    with in_hand(pk, Schedule.State.ACTIVE) as schedule:
        if schedule.next_at is None or at not in (None, schedule.next_at):
            raise NotNow
        at = schedule.next_at
        Occurrence.objects.create(
            schedule=schedule,
            planned_at=at,
            state=Occurrence.State.SKIPPED,
            reason=f"Skipped by {by or 'a script'}.",
        )
        schedule.advance(at)
        return at


def run_now(pk: int, by: User | None = None) -> Notice:
    """A notice out of turn, at most one a minute: who presses twice means it once."""
    now = timezone.now()
    with in_hand(pk, *Schedule.State) as schedule:
        lately = now - timedelta(minutes=1)
        just_run = Q(extra=True, decided_at__gt=lately) | Q(planned_at=now)
        if schedule.occurrences.filter(just_run).exists():
            raise NotNow
        reason = f"Run now by {by or 'a script'}."
        notice = occurrences.start(schedule, now, reason, extra=True)
        jobs.now(jobs.start_notice, notice.pk)
        return notice
