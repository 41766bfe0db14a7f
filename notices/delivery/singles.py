"""Single SMS, mostly codes that somebody waits for: sent side by side, one job for all that wait.

Where the provider can be asked on one line only, each is sent by its own job (deliver.py).
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from django.db.models import QuerySet
from django.utils import timezone

from notices.delivery import claims, deliver, retry
from notices.delivery.sender import Abreast
from notices.delivery.states import Outcome
from notices.models import Channel, Delivery
from notices.providers.connections import Call, Lines
from notices.providers.errors import Away, NotSent

TURN = 5  # seconds that a job takes further ones; their own bells ring for those after it
SLOW = 1  # seconds; while an answer takes longer than that, others need not wait for it
LONGEST_TURN = 10
LOOK = 0.05  # seconds between two looks for further ones

Taken = Callable[[Collection[int]], None]  # is told the pks of others that have just left


def waiting() -> QuerySet[Delivery]:
    return Delivery.objects.filter(claims.free(), notice=None, channel=Channel.SMS)


def send(delivery_id: int, taken: Taken) -> dict[int, datetime]:
    """Sends a single SMS and, side by side with it, all others that wait or come meanwhile; which
    are to be tried again, and when."""
    with Lines(Channel.SMS) as lines:
        if lines.most == 1:
            again = deliver.send_one(delivery_id)
            return {delivery_id: again} if again else {}
        singles = Singles(lines, delivery_id, taken)
        singles.run()
    return singles.again | singles.overlooked()


class Singles(Abreast):
    look = LOOK

    def __init__(self, lines: Lines, first: int, taken: Taken) -> None:
        super().__init__(lines, uuid4().hex)
        self.first, self.taken = first, taken
        self.began, self.paused_until = time.monotonic(), 0.0
        self.again: dict[int, datetime] = {}
        self.dry = self.left = False

    def begin(self) -> None:
        """Its own is not claimed: nobody looks at a phone for the sake of the others."""
        own = Delivery.objects.filter(claims.free(), pk=self.first)
        self.start(self.prepare(claims.complete(own), own), own)

    def take(self, many: int) -> Sequence[Delivery]:
        now = time.monotonic()
        turn = LONGEST_TURN if self.lines.waits > SLOW else TURN
        if not many or now < self.paused_until or now > self.began + turn:
            self.dry = False
            return []
        self.dry = not waiting().exists()
        # Read after they are held: PostgreSQL, which expects more of them, would join whole tables.
        if self.dry or not claims.hold(waiting().only("pk").order_by("id"), self.token, many):
            return []
        return list(claims.complete(self.held).order_by("id"))

    def nobody(self, delivery: Delivery, row: QuerySet[Delivery], problem: NotSent) -> None:
        self.left = True
        if again := retry.leave(delivery, row, problem):
            self.again[delivery.pk] = again
            if isinstance(problem, Away):
                pause = (again - timezone.now()).total_seconds()
                self.paused_until = time.monotonic() + pause

    def start(self, ready: Sequence[Call], held: QuerySet[Delivery]) -> list[int]:
        went = super().start(ready, held)
        for pk in went:
            self.again.pop(pk, None)
        if self.left:
            self.left = False
            claims.let_go(self.token)
        if others := [pk for pk in went if pk != self.first]:
            self.taken(others)
        return went

    def step(self) -> bool:
        if super().step():
            return True
        pause = self.paused_until - time.monotonic()
        # Its rate is used up. The scheduler's second would be longer than that.
        short = 0 < pause <= 1 and time.monotonic() < self.began + TURN
        if short and not self.bug:
            time.sleep(pause)
            return True
        return False

    def goes_on(self, call: Call, found: Outcome) -> bool:
        passed = (*call.passed, call.carrier.name)
        if not found.not_now or time.monotonic() > call.began + deliver.SWITCHING:
            further = None
        else:
            further = deliver.turn_to_another(call.route, found, call.wording, passed, self.token)
        if further:
            self.lines.start(replace(call, carrier=further, passed=passed))
        elif found.not_before:
            self.again[call.delivery.pk] = found.not_before
        return further is not None

    def finish(self) -> None:
        super().finish()
        if self.spoiled:
            self.held.exclude(pk=self.spoiled).update(token=None, lease_until=None)

    def overlooked(self) -> dict[int, datetime]:
        """One that waits and was not looked at: its own bell may have been in vain."""
        found = None if self.dry else waiting().order_by("id").first()
        return {found.pk: timezone.now()} if found else {}
