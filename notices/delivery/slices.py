"""Slices: a notice is sent in short turns, several workers side by side."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

from django.db.models import Min
from django.utils import timezone

from notices.delivery import batch, claims, deliver, ending, escalation, sender, stream
from notices.delivery.retry import PAUSE
from notices.delivery.turn import SLICE, Turn, Waits
from notices.models import Delivery, Notice, State
from notices.providers.connections import Lines
from notices.providers.errors import Away
from notices.providers.router import Route

log = logging.getLogger(__name__)
MOST = 800  # where they are held together
LINES = 32  # each with one message that is in doubt when the worker dies; a code may go again
BRISK = 0.2  # seconds: who sent all that it claimed within them claims twice as many


def send_slice(notice_id: int, channel: str, waits: Waits = lambda: None) -> datetime | None:
    """Sends deliveries of a notice by one channel for a short turn, which ends when `waits` says
    that something more urgent does.

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
    with Lines(channel, LINES) as lines:
        pause = send_until(Turn(waits), notice, lines)
    ending.cancel_queued(notice_id, SLICE)
    ending.finish(notice_id)
    if pause:
        return on_the_grid(timezone.now() + timedelta(seconds=pause))
    return next_due(notice_id, channel)


def send_until(turn: Turn, notice: Notice, lines: Lines) -> float:
    """Sends until the turn is over or nothing is left. Seconds to pause when nobody can carry
    anything, else 0."""
    route, channel = lines.first, lines.channel
    send, many = way(lines), route.batch or claims.CLAIM
    while True:
        token, began = uuid4().hex, time.monotonic()
        claimed = claims.claim(notice, channel, token, many, in_order=route.in_order)
        if not claimed:
            return 0
        try:
            send(claimed, route, token, turn)
        except Away as away:
            pause = away.after or PAUSE
            if pause > 1:
                left = claims.let_go(token)
                log.info("Notice %d, %s: %d put off for %d s.", notice.pk, channel, left, pause)
                return pause
            # Its rate is used up. The scheduler's second would be longer than that.
            time.sleep(min(pause, turn.left))
        claims.let_go(token)
        if route.in_order and time.monotonic() - began < BRISK:
            many = min(2 * many, MOST)
        if turn.is_over():
            return 0


def way(lines: Lines) -> Callable[[Sequence[Delivery], Route, str, Turn], None]:
    """One by one, unless the channel's providers allow better."""
    if lines.most > 1:
        return partial(sender.send_claimed, lines)
    if lines.first.batch:
        return batch.send_claimed
    return stream.send_claimed if lines.first.in_order else deliver.send_claimed


def on_the_grid(moment: datetime) -> datetime:
    """The next full ten seconds: who has to pause comes back together."""
    return datetime.fromtimestamp(math.ceil(moment.timestamp() / PAUSE) * PAUSE, UTC)


def next_due(notice_id: int, channel: str) -> datetime | None:
    queued = ending.in_state(notice_id, State.QUEUED, channel)
    if queued.filter(claims.free()).values("pk")[:1]:
        return timezone.now()
    waiting = queued.filter(not_before__gt=timezone.now())
    first: datetime | None = waiting.aggregate(first=Min("not_before"))["first"]
    return first
