"""Slices: a notice is sent in short turns, several workers side by side."""

import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from django.db import connection, transaction
from django.db.models import Min
from django.utils import timezone

from notices import batch, deliver, ending, escalation, mailing, suppression
from notices.channels import Route
from notices.errors import Away
from notices.models import Delivery, Notice, Slice, State
from notices.outcome import PAUSE
from notices.record import LEASE
from notices.turn import SLICE, Turn, Waits

CLAIM = 50  # deliveries at a time
MOST = 800  # where they are held together
# What it takes to send one: a row is twice as wide.
READ = (
    "message", "notice", "channel", "address", "name", "language", "origin", "state", "reason",
    "tries", "expires_at", "provider", "provider_ref", "doubt_until",
)  # fmt: skip
BRISK = 0.2  # seconds: who sent all that it claimed within them claims twice as many


def send_slice(notice_id: int, channel: str, waits: Waits = lambda: None) -> datetime | None:
    """Sends deliveries of a notice by one channel over one connection for a short turn, which
    ends when `waits` says that something more urgent does.

    Returns when to go on: at once, later when all that is left must wait, or None when there is
    nothing left that another worker does not have in hand.
    """
    notice = Notice.objects.filter(pk=notice_id, state=Notice.State.SENDING).first()
    if notice is None:
        return None
    if held_until := ending.hold(Notice.objects.filter(pk=notice_id)):
        return held_until
    if notice.not_after and notice.not_after <= timezone.now():
        ending.expire_queued(notice_id)
    Notice.objects.filter(pk=notice_id).update(rung_at=timezone.now())
    if notice.escalated_at:
        escalation.spare(notice)
    with Route(channel) as route:
        pause = send_until(Turn(waits), notice, channel, route)
    ending.cancel_queued(notice_id, SLICE)
    ending.finish(notice_id)
    if pause:
        return on_the_grid(timezone.now() + timedelta(seconds=pause))
    return next_due(notice_id, channel)


def send_until(turn: Turn, notice: Notice, channel: str, route: Route) -> float:
    """Sends until the turn is over or nothing is left. Seconds to pause when nobody can carry
    anything, else 0."""
    send, many = way(route), route.batch or CLAIM
    while not turn.is_over():
        token, began = uuid4().hex, time.monotonic()
        claimed = claim(notice, channel, token, many, in_order=route.in_order)
        if not claimed:
            break
        try:
            send(claimed, route, token, turn)
        except Away as away:
            pause = away.after or PAUSE
            if pause > 1:
                free_claimed(token)
                return pause
            # Its rate is used up. The scheduler's second would be longer than that.
            time.sleep(min(pause, turn.left))
        free_claimed(token)
        if route.in_order and time.monotonic() - began < BRISK:
            many = min(2 * many, MOST)
    return 0


def way(route: Route) -> Callable[[Sequence[Delivery], Route, str, Turn], None]:
    if route.batch:
        return batch.send_claimed
    return mailing.send_claimed if route.in_order else deliver.send_claimed


def on_the_grid(moment: datetime) -> datetime:
    """The next full ten seconds: who has to pause comes back together."""
    return datetime.fromtimestamp(math.ceil(moment.timestamp() / PAUSE) * PAUSE, UTC)


def free_claimed(token: str) -> None:
    Delivery.objects.filter(token=token, state=State.QUEUED).update(token=None, lease_until=None)


def claim(
    notice: Notice, channel: str, token: str, many: int = CLAIM, *, in_order: bool = False
) -> list[Delivery]:
    """Takes in hand what is due and in nobody's, the first ids first. `in_order`: as a slice that
    holds them until it is settled, not for a time."""
    wanted = ending.in_state(notice.pk, State.QUEUED, channel).filter(deliver.free())
    wanted = wanted.annotate(stopped_by=suppression.stopped_by()).only(*READ)
    lease_until = timezone.now() + LEASE
    with transaction.atomic():
        if not Notice.objects.filter(pk=notice.pk, state=Notice.State.SENDING).exists():
            return []
        if connection.features.has_select_for_update_skip_locked:
            wanted = wanted.select_for_update(skip_locked=True, of=("self",))
        deliveries: list[Delivery] = list(wanted[:many])
        if deliveries and in_order:
            Slice.objects.create(token=token, notice=notice, lease_until=lease_until)
        for delivery in deliveries:
            delivery.notice = notice  # one notice, one rendering
        Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries]).update(
            token=token, lease_until=None if in_order else lease_until
        )
    return deliveries


def next_due(notice_id: int, channel: str) -> datetime | None:
    queued = ending.in_state(notice_id, State.QUEUED, channel)
    if queued.filter(deliver.free()).values("pk")[:1]:
        return timezone.now()
    waiting = queued.filter(not_before__gt=timezone.now())
    first: datetime | None = waiting.aggregate(first=Min("not_before"))["first"]
    return first
