"""Sending side by side: an SMS provider takes its time over each message, so several are asked for
at once, on several lines.

As in deliver.py: claimed, marked just before the request leaves, recorded by the token. All of that
is done in one thread, for several deliveries in one transaction; what came back is recorded with
the marks of those that go next. A worker that dies leaves at most one delivery in doubt per line.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import groupby

from django.db import transaction
from django.db.models import QuerySet

from notices.content import messages
from notices.delivery import batch, claims, deliver, retry, states
from notices.delivery.states import Outcome
from notices.delivery.turn import Turn
from notices.models import Delivery, State
from notices.providers.connections import Call, Lines
from notices.providers.errors import Away, NotSent, Refused, TryLater, Unknown
from notices.providers.router import Route


class Abreast:
    """Sends what `take` gives, until it gives nothing and every answer has come."""

    look = 60.0  # seconds after which it takes again, though no answer came

    def __init__(self, lines: Lines, token: str) -> None:
        self.lines, self.token = lines, token
        self.held = Delivery.objects.filter(state=State.QUEUED, token=token)
        self.heard: list[tuple[Call, str | BaseException]] = []  # not yet judged
        self.answered: list[Outcome] = []  # not yet recorded
        self.bug: BaseException | None = None
        self.spoiled: int | None = None  # the delivery that cannot even be composed

    def begin(self) -> None:
        """What goes before all others."""

    def take(self, many: int) -> Sequence[Delivery]:
        """Up to `many` that are ours and queued."""
        raise NotImplementedError

    def nobody(self, delivery: Delivery, row: QuerySet[Delivery], problem: NotSent) -> None:
        """No provider can be asked about this one."""
        raise NotImplementedError

    def run(self) -> None:
        try:
            self.begin()
            while self.step():
                pass
        finally:
            self.finish()
        if self.bug:
            raise self.bug

    def step(self) -> bool:
        """Whether there is more to do."""
        taken = [] if self.bug else self.take(self.lines.room)
        self.start(self.prepare(taken, self.held), self.held)
        self.hear()
        return bool(taken or self.lines.calls or self.answered)

    def prepare(self, taken: Iterable[Delivery], held: QuerySet[Delivery]) -> list[Call]:
        """What can go, each with a line and a provider. `held`: the rows that are ours."""
        ready: list[Call] = []
        for delivery in taken:
            try:
                call = self.call(delivery, held.filter(pk=delivery.pk))
            except Away:
                break
            except Exception as bug:  # also RQ's "your time is over": those before it go
                self.bug, self.spoiled = bug, delivery.pk
                break
            ready += [call] if call else []
        return ready

    def call(self, delivery: Delivery, row: QuerySet[Delivery]) -> Call | None:
        """None when this one cannot go. Raises Away when nobody can carry anything."""
        if deliver.settle_objection(delivery, row):
            return None
        wording, route = messages.compose(delivery), self.lines.take()
        try:
            return Call(route, route.choose(delivery, wording), delivery, wording)
        except NotSent as problem:
            self.lines.free(route)
            self.nobody(delivery, row, problem)
            if isinstance(problem, Away):
                raise
        return None

    def start(self, ready: Sequence[Call], held: QuerySet[Delivery]) -> list[int]:
        """Records what was answered, marks those that go next, and lets them go; which went."""
        if not (ready or self.answered):
            return []
        with transaction.atomic():
            states.record_all(self.answered, self.token)
            ours = self.mark(ready, held)
        self.answered = []
        for call in ready:
            (self.lines.start(call) if call.delivery.pk in ours else self.lines.free(call.route))
        return [call.delivery.pk for call in ready if call.delivery.pk in ours]

    def mark(self, ready: Sequence[Call], held: QuerySet[Delivery]) -> set[int]:
        """Which of them are still ours to send."""
        ours: set[int] = set()
        for _name, calls in groupby(sorted(ready, key=by_provider), by_provider):
            alike = list(calls)
            wanted = {call.delivery.pk for call in alike}
            if states.mark(held.filter(pk__in=wanted), alike[0].carrier, self.token):
                ours |= wanted
        if len(ours) > 1:
            sending = Delivery.objects.filter(state=State.SENDING, token=self.token, pk__in=ours)
            ours = set(sending.values_list("pk", flat=True))
        return ours

    def hear(self) -> None:
        self.heard += self.lines.answers(self.look)
        while self.heard:
            call, answer = self.heard[-1]  # and there it stays when something goes wrong
            if (found := self.judge(call, answer)) and not self.goes_on(call, found):
                self.lines.free(call.route)
                self.answered.append(found)
            self.heard.pop()

    def judge(self, call: Call, answer: str | BaseException) -> Outcome | None:
        """None when it is a bug: this delivery stays in hand, and what is under way ends."""
        if isinstance(answer, str | Refused | TryLater | Unknown):
            return retry.judge(answer, call.route, call.carrier, call.delivery, call.wording)
        self.bug = self.bug or answer
        return None

    def goes_on(self, call: Call, found: Outcome) -> bool:
        """Whether it is on its way to another provider."""
        return False

    def finish(self) -> None:
        """Whatever happened: keeps what is known, and waits for the answers still under way."""
        while True:
            if self.answered:
                batch.keep(self.answered, self.token)
            if not (self.heard or self.lines.calls):
                return
            heard, self.heard = self.heard or self.lines.answers(), []
            self.answered = [found for each in heard if (found := self.judge(*each))]


def by_provider(call: Call) -> str:
    return call.carrier.name


# A slice of a notice


def send_claimed(
    lines: Lines, claimed: Sequence[Delivery], _route: Route, token: str, turn: Turn
) -> None:
    """As deliver.send_claimed. Claims more itself, so that no line waits for the slowest."""
    part = Share(lines, token, claimed, turn)
    part.run()
    if part.away:
        raise part.away


class Share(Abreast):
    def __init__(self, lines: Lines, token: str, claimed: Sequence[Delivery], turn: Turn) -> None:
        super().__init__(lines, token)
        self.waiting, self.turn = deque(claimed), turn
        self.notice = claimed[0].notice
        self.away: Away | None = None

    def take(self, many: int) -> Sequence[Delivery]:
        if self.away or self.turn.is_over():
            return []
        if self.notice and len(self.waiting) < many:
            more = claims.claim(self.notice, self.lines.channel, self.token, self.lines.most)
            self.waiting += more
            self.notice = self.notice if more else None
        return [self.waiting.popleft() for _ in range(min(many, len(self.waiting)))]

    def nobody(self, delivery: Delivery, row: QuerySet[Delivery], problem: NotSent) -> None:
        if isinstance(problem, Away):
            self.away = problem
        else:
            retry.leave(delivery, row, problem)
