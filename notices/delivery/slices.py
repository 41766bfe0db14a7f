"""Slices: a notice is sent in short turns, several workers side by side."""

import logging
import math
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from django.db.models import Min, QuerySet

from config import clock
from notices.delivery import (
    brake,
    claims,
    escalation,
    finish,
    high_water,
    quiet_hours,
    retry,
    states,
    stream,
)
from notices.delivery.budget import Budget, Waits
from notices.delivery.connections import Connections
from notices.delivery.limits import (
    CANCEL_SECONDS,
    PAUSE_SECONDS,
    SHORT_PAUSE_SECONDS,
)
from notices.delivery.sender import Sender
from notices.models import Delivery, Notice, State
from notices.providers.errors import Away, NotSent

__all__ = ["send_slice", "worth"]

MOST_STREAMED = 800  # deliveries that a stream claims at a time
BRISK_SECONDS = 0.2  # a stream that sent all that it claimed within them claims twice as many
log = logging.getLogger(__name__)


def send_slice(notice_id: int, channel: str, waits: Waits = lambda: None) -> datetime | None:
    """Sends deliveries of a notice by one channel for a short turn, which ends when `waits` says
    that something more urgent does.

    Returns when to go on: at once, later when all that is left must wait, or None when there is
    nothing left that another worker has not claimed.
    """
    high_water.rise_before()
    sending = Notice.objects.filter(pk=notice_id, state=Notice.State.SENDING)
    notice = sending.filter(in_question_since=None).first()
    if notice is None or brake.holds(notice_id, channel):
        return None
    if held_until := quiet_hours.hold(Notice.objects.filter(pk=notice_id)):
        return held_until
    if notice.not_after and notice.not_after <= clock.now():
        finish.expire_queued(notice_id)
    Notice.objects.filter(pk=notice_id).update(active_at=clock.now())
    if notice.escalated_at:
        escalation.spare(notice)
    with Connections(channel, bulk=True) as connections:
        pause = send_until(Budget(waits), notice, connections)
    high_water.rise()
    if finish.finish(notice_id, channel):
        return None
    finish.cancel_queued(notice_id, CANCEL_SECONDS)
    brake.look(notice_id)
    if pause:
        return on_the_grid(clock.now() + timedelta(seconds=pause))
    return next_due(notice_id, channel)


def send_until(budget: Budget, notice: Notice, connections: Connections) -> float:
    """Sends until the budget is used up or nothing is left. Seconds to pause when nobody can carry
    anything, else 0."""
    send = send_by_stream if connections.route.streaming else send_by_requests
    many = claims.AT_ONCE
    while True:
        token, began = uuid4().hex, time.monotonic()
        try:
            if not send(notice, connections, token, budget, many):
                return 0
        except Away as away:
            pause = away.after or PAUSE_SECONDS
            if pause > SHORT_PAUSE_SECONDS:
                left, name = states.release(token), connections.channel
                log.info("Notice %d, %s: %d put off for %d s.", notice.pk, name, left, pause)
                return pause
            time.sleep(min(pause, budget.left))  # its rate is used up
        states.release(token)
        if time.monotonic() - began < BRISK_SECONDS:
            many = min(2 * many, MOST_STREAMED)
        if budget.is_over():
            return 0
        high_water.rise()


def send_by_requests(
    notice: Notice, connections: Connections, token: str, budget: Budget, _many: int
) -> bool:
    """Whether there was anything. Raises Away when nobody can carry anything."""
    sender = NoticeSender(connections, token, notice, budget)
    if not sender.waiting:
        return False
    sender.run()
    if sender.away:
        raise sender.away
    return True


def send_by_stream(
    notice: Notice, connections: Connections, token: str, budget: Budget, many: int
) -> bool:
    """The same over SMTP, which has nothing to keep of a message but that it went. Whether there
    may be more."""
    claimed = claims.claim(notice, connections.channel, token, many, streamed=True)
    if not claimed:
        return False
    ended = stream.send_claimed(claimed, connections.route, token, budget.is_over)
    return len(claimed) == many or not ended


class NoticeSender(Sender):
    """Claims more itself, so that no connection waits for the slowest."""

    def __init__(
        self, connections: Connections, token: str, notice: Notice, budget: Budget
    ) -> None:
        super().__init__(connections, token)
        self.notice, self.budget = notice, budget
        # Further ones just as many as go at once: what one worker has claimed another cannot send.
        self.further = connections.size * connections.per_request
        if self.further == 1:
            self.further = claims.AT_ONCE
        first = max(connections.per_request, claims.AT_ONCE)
        self.waiting = deque(self.claim(first))  # before it begins
        self.away: Away | None = None
        self.no_more = False

    def claim(self, most: int) -> list[Delivery]:
        return claims.claim(self.notice, self.connections.channel, self.token, most)

    def take(self, most: int) -> Sequence[Delivery] | None:
        if self.away or self.budget.is_over():
            return None
        if not self.no_more and len(self.waiting) < most:
            more = self.claim(self.further)
            self.waiting += more
            self.no_more = not more
        return [self.waiting.popleft() for _ in range(min(most, len(self.waiting)))]

    def unroutable(self, delivery: Delivery, row: QuerySet[Delivery], problem: NotSent) -> None:
        if isinstance(problem, Away):
            self.away = problem
        else:
            retry.leave(delivery, row, problem)


def worth(notice_id: int, channel: str, most: int) -> int:
    """How many slices side by side what is due of a notice is worth: one to `most`."""
    for rows in claims.places(notice_id, channel):
        if due := rows.filter(claims.free())[: most * claims.AT_ONCE].count():
            return math.ceil(due / claims.AT_ONCE)
    return 1


def on_the_grid(moment: datetime) -> datetime:
    """The next full ten seconds: who has to pause comes back together."""
    grid = math.ceil(moment.timestamp() / PAUSE_SECONDS) * PAUSE_SECONDS
    return datetime.fromtimestamp(grid, UTC)


def next_due(notice_id: int, channel: str) -> datetime | None:
    if claims.any_free(notice_id, channel):
        return clock.now()
    queued = claims.in_state(notice_id, State.QUEUED, channel)
    waiting = queued.filter(not_before__gt=clock.now())
    first: datetime | None = waiting.aggregate(first=Min("not_before"))["first"]
    return first
