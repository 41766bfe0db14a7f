"""Single deliveries, mostly codes that somebody waits for. One job sends its own and, side by side
with it, all others that wait or come meanwhile; where the provider can be asked on one connection
only, each is sent by its own job.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from django.db import transaction
from django.db.models import Case, F, QuerySet, When

from config import clock
from notices.channels import EMAIL
from notices.delivery import claims, high_water, retry, states
from notices.delivery.connections import Connections, Request
from notices.delivery.limits import (
    SHORT_PAUSE_SECONDS,
    SINGLES_POLL_SECONDS,
    SINGLES_SECONDS,
    SINGLES_SLOW_SECONDS,
    SLOW_SECONDS,
    SWITCH_SECONDS,
)
from notices.delivery.sender import Sender
from notices.delivery.states import Outcome
from notices.models import Delivery, State
from notices.providers.base import Provider
from notices.providers.errors import Away, NotSent

__all__ = ["send"]

AT_ONCE = 100  # that are taken along: the first leaves when all of them are written
Unring = Callable[[Collection[int]], None]  # is told the pks of others that have just left


def send(
    delivery_id: int,
    channel: str,
    unring: Unring = lambda pks: None,
    stops: Callable[[], bool | None] = lambda: False,
    *,
    bulk: bool = False,
) -> dict[int, datetime]:
    """Sends a single delivery, unless somebody else does or did, and others beside it that are
    `bulk` or not as it is, until `stops` says that this worker has other things to do; which are to
    be tried again, and when."""
    if channel == EMAIL:  # after a restore a welcome must not go twice; a code may
        high_water.rise()
    with Connections(channel) as connections:
        sender = SingleSender(connections, delivery_id, unring, stops, bulk)
        sender.run()
    return sender.again | sender.overlooked()


class SingleSender(Sender):
    poll = SINGLES_POLL_SECONDS

    def __init__(
        self,
        connections: Connections,
        own: int,
        unring: Unring,
        stops: Callable[[], bool | None],
        bulk: bool = False,
    ) -> None:
        super().__init__(connections, uuid4().hex)
        self.own, self.unring, self.stops, self.bulk = own, unring, stops, bulk
        self.alone = connections.size == 1
        self.began, self.paused_until = time.monotonic(), 0.0
        self.again: dict[int, datetime] = {}
        self.none_waits = self.unsent = False

    def waiting(self) -> QuerySet[Delivery]:
        of_channel = Delivery.objects.filter(notice=None, channel=self.connections.channel)
        return of_channel.filter(claims.free(), is_bulk=self.bulk)

    def begin(self) -> None:
        """Its own first, and without a claim: that statement is saved where somebody looks at a
        phone. Its mark asks again whether it is free."""
        own = Delivery.objects.filter(claims.free(), pk=self.own)
        self.ask(self.prepare([[delivery] for delivery in claims.complete(own)], own), own)

    def take(self, most: int) -> Sequence[Delivery]:
        if self.unsent:
            self.unsent = False
            states.release(self.token)
        now = time.monotonic()
        slow = self.connections.slowest > SLOW_SECONDS
        seconds = SINGLES_SLOW_SECONDS if slow else SINGLES_SECONDS
        over = now > self.began + seconds or self.stops()
        if self.alone or not most or now < self.paused_until or over:
            self.none_waits = False
            return []
        self.none_waits = not self.waiting().exists()
        if self.none_waits:
            return []
        # Read after they are claimed: PostgreSQL, which expects more of them, would join whole
        # tables.
        waiting, most = self.waiting().only("pk"), min(most, AT_ONCE)
        # Codes before what programs send, of which very many may wait.
        waiting = waiting.order_by(Case(When(verification=None, then=1), default=0), "id")
        if not claims.claim_rows(waiting, self.token, most):
            return []
        return list(claims.complete(self.claimed).order_by("id"))

    def unroutable(self, delivery: Delivery, row: QuerySet[Delivery], problem: NotSent) -> None:
        self.unsent = True
        if again := retry.leave(delivery, row, problem):
            self.again[delivery.pk] = again
            if isinstance(problem, Away):
                pause = (again - clock.now()).total_seconds()
                self.paused_until = time.monotonic() + pause

    def departed(self, pks: set[int]) -> None:
        for pk in pks:
            self.again.pop(pk, None)
        if others := pks - {self.own}:
            self.unring(others)

    def step(self) -> bool:
        if super().step():
            return True
        pause = self.paused_until - time.monotonic()
        # Its rate is used up. The scheduler's second would be longer than that.
        short = 0 < pause <= SHORT_PAUSE_SECONDS and not self.alone
        if short and not self.bug and time.monotonic() < self.began + SINGLES_SECONDS:
            time.sleep(pause)
            return True
        return False

    def goes_on(self, request: Request, outcome: Outcome) -> bool:
        tried = (*request.tried, request.provider.name)
        late = time.monotonic() > request.began + SWITCH_SECONDS
        further = (
            self.next_provider(request, outcome, tried) if outcome.not_now and not late else None
        )
        if further:
            self.connections.start(
                replace(request, provider=further, tried=tried, began_at=clock.unix())
            )
        elif outcome.not_before:
            self.again[outcome.delivery.pk] = outcome.not_before
        return further is not None

    def next_provider(
        self, request: Request, outcome: Outcome, tried: Collection[str]
    ) -> Provider | None:
        """The next for what was not taken now, marked as on its way to it; None when there is
        none, or the delivery is no longer ours."""
        delivery = outcome.delivery
        row = Delivery.objects.filter(pk=delivery.pk, token=self.token, state=State.SENDING)
        try:
            further = self.connections.route.choose(delivery, request.wording, tried)
        except NotSent:
            return None
        with transaction.atomic():
            states.keep_attempt(outcome)
            if not outcome.counts:
                row.update(tries=F("tries") - 1)
            if not states.mark(row, further, self.token):
                return None
        delivery.tries += outcome.counts
        return further

    def overlooked(self) -> dict[int, datetime]:
        """One that waits and was not looked at: its own bell may have been in vain."""
        if self.none_waits or self.alone:
            return {}
        found = self.waiting().order_by("id").first()
        return {found.pk: clock.now()} if found else {}
