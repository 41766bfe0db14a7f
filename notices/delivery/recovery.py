"""Repairs what was interrupted, and says whom to ring for, now or soon. Any number may
run side by side.

Bounded chunks and partial indexes: with nothing to repair it costs a handful of small queries.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest

from config import clock
from notices.content import messages
from notices.delivery import (
    brake,
    claims,
    erasure,
    escalation,
    finish,
    high_water,
    restored,
    states,
    stream,
)
from notices.delivery.limits import SILENCE_SECONDS
from notices.models import UNDER_WAY, Delivery, Notice, Receipt, Schedule, State
from signup.uploads.models import WORKED_ON, Upload

__all__ = ["Bells", "run", "wake_ups"]

SILENCE = timedelta(seconds=SILENCE_SECONDS)
SOON = timedelta(seconds=30)  # an emptied Redis has forgotten who was to be woken when
CHUNK = 1000  # rows that one sweep repairs or rings for, of each kind
log = logging.getLogger(__name__)

Job = Callable[..., Any]


class Bells(NamedTuple):
    """The jobs that a sweep may have queued."""

    send_single: Mapping[str, Job]  # by channel
    send_in_bulk: Job
    start_notice: Job
    resume_notice: Job
    send_notice: Job
    escalate_notice: Job
    run_schedule: Job
    take_receipts: Job
    take_upload: Job
    erase_person: Job


Args = tuple[int | str, ...]
Ring = tuple[Job, Args]
Waits = Callable[[Job, Args], bool]  # whether such a job is queued


def run(bells: Bells, waits: Waits = lambda job, args: False) -> Iterator[Ring]:
    """Yields the jobs to queue. What merely waits in its queue is not rung for again: a queue that
    is longer than a sweep's interval would grow for ever."""
    high_water.rise()
    settle_expired()
    settle_lost()
    stream.settle_dead()
    settle_cancelled()
    restored.settle()
    for job, args in silent(bells, waits):
        if not waits(job, args):
            yield job, args


def silent(bells: Bells, waits: Waits) -> Iterator[Ring]:
    yield from silent_deliveries(bells)
    yield from silent_notices(bells, waits)
    yield from due_schedules(bells)
    yield from silent_receipts(bells)
    yield from silent_uploads(bells)
    yield from ((bells.escalate_notice, (pk,)) for pk in escalation.due())
    yield from ((bells.erase_person, (pk,)) for pk in erasure.unfinished())


def settle_expired() -> None:
    """Codes and other messages whose time was over before anybody sent them."""
    now = clock.now()
    late = Delivery.objects.filter(claims.free(), notice=None, expires_at__lte=now)
    states.stop(Delivery.objects.filter(pk__in=ids(late)), State.EXPIRED, claims.TOO_LATE)


def settle_lost() -> None:
    """Deliveries in the hand of a worker that died: a code may go again, a notice may not."""
    now = clock.now()
    lost = Delivery.objects.filter(state=State.SENDING, lease_until__lt=now)
    repeatable = Q(message__in=messages.REPEATABLE)
    again = Delivery.objects.filter(pk__in=ids(lost.filter(repeatable)))
    if rescued := states.rescue(again, now - SILENCE):
        log.warning("%d deliveries of a worker that died go again.", rescued)
    in_doubt = list(lost.exclude(repeatable).values_list("pk", "notice_id")[:CHUNK])
    if lost_now := states.lose(Delivery.objects.filter(pk__in=[pk for pk, _ in in_doubt])):
        log.warning("%d deliveries of a worker that died are uncertain.", lost_now)
    for notice_id in {notice_id for _, notice_id in in_doubt if notice_id}:
        finish.finish(notice_id)


def settle_cancelled() -> None:
    """What a worker that died held back when its notice was cancelled."""
    lately = clock.now() - timedelta(days=1)
    for pk in Notice.objects.filter(
        state=Notice.State.CANCELLED, finished_at__gt=lately
    ).values_list("pk", flat=True):
        finish.cancel_queued(pk)


def silent_deliveries(bells: Bells) -> Iterator[Ring]:
    """Single deliveries that are due and that nobody has rung for lately."""
    now = clock.now()
    silent = Delivery.objects.filter(claims.free(), notice=None, changed_at__lte=now - SILENCE)
    found = list(silent.values_list("pk", "channel", "is_bulk")[:CHUNK])
    Delivery.objects.filter(pk__in=[pk for pk, *_ in found]).update(changed_at=now)
    for pk, channel, is_bulk in found:
        yield (
            (bells.send_in_bulk, (pk, channel)) if is_bulk else (bells.send_single[channel], (pk,))
        )


def silent_notices(bells: Bells, waits: Waits = lambda job, args: False) -> Iterator[Ring]:
    """Notices that should have started or gone on, and of which no worker has a slice. Those that
    were not looked at for longest come first."""
    now = clock.now()
    silent = Notice.objects.filter(
        Q(active_at=None) | Q(active_at__lte=now - SILENCE),
        Q(held_until=None) | Q(held_until__lte=now),
        in_question_since=None,
        state__in=UNDER_WAY,
        start_at__lte=now - SILENCE / 2,
    ).order_by(F("active_at").asc(nulls_first=True), "pk")
    with transaction.atomic():  # another sweep takes others
        silent = silent.select_for_update(skip_locked=True).only("pk", "state", "channels")
        found = list(silent[:CHUNK])
        Notice.objects.filter(pk__in=[notice.pk for notice in found]).update(active_at=now)
    for notice in found:
        if notice.state != Notice.State.SENDING:
            yield bells.start_notice, (notice.pk,)
            continue
        if any(waits(bells.send_notice, (notice.pk, channel)) for channel in notice.channels):
            continue
        finish.finish(notice.pk)
        brake.rest(notice.pk)
        for channel in notice.channels:
            if not brake.holds(notice.pk, channel) and claims.any_free(notice.pk, channel):
                yield bells.resume_notice, (notice.pk, channel)


def silent_receipts(bells: Bells) -> Iterator[Ring]:
    """Receipts that nobody was rung for, or that wait for their delivery."""
    if Receipt.objects.filter(handled_at=None, due_at__lte=clock.now()).exists():
        yield bells.take_receipts, ()


def silent_uploads(bells: Bells) -> Iterator[Ring]:
    """Files with people that nobody works on."""
    silent = Upload.objects.filter(
        state__in=WORKED_ON, active_at__lte=clock.now() - SILENCE
    ).values_list("pk", flat=True)
    for pk in list(silent[:CHUNK]):
        yield bells.take_upload, (pk,)


def due_schedules(bells: Bells) -> Iterator[Ring]:
    """Schedules that nobody woke in time."""
    late = clock.now() - SILENCE / 5
    active = Schedule.objects.filter(state=Schedule.State.ACTIVE, in_question_since=None)
    due = active.filter(next_at__lte=late)
    for pk in due.order_by("next_at").values_list("pk", flat=True)[:CHUNK]:
        yield bells.run_schedule, (pk,)


def wake_ups(bells: Bells) -> Iterator[tuple[datetime, Job, int]]:
    """What is due soon. Mostly its bell is there already, and this one takes its place."""
    soon = (clock.now(), clock.now() + SOON)
    waiting = Notice.objects.filter(state=Notice.State.WAITING, start_at__lte=soon[1]).annotate(
        due=Greatest("start_at", Coalesce("held_until", "start_at"))
    )
    for pk, when in waiting.filter(due__range=soon).values_list("pk", "due")[:CHUNK]:
        yield when, bells.start_notice, pk
    schedules = Schedule.objects.filter(state=Schedule.State.ACTIVE, next_at__range=soon)
    for schedule in schedules.only("next_at")[:CHUNK]:
        if schedule.next_at:
            yield schedule.next_at, bells.run_schedule, schedule.pk


def ids(rows: QuerySet[Delivery]) -> list[int]:
    return list(rows.values_list("pk", flat=True)[:CHUNK])
