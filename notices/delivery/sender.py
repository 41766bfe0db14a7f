"""Sends deliveries: one loop for every provider that answers requests. A mail server, which only
says yes or no in their order, has a loop of its own (stream.py).

1. Take    what is claimed and due: slices.py says of a notice, single.py of codes.
2. Write   settle what must not go any more, compose the rest.
3. Route   choose a provider for each request.
4. Mark    as SENDING, in one transaction with the record of what came back in the round before.
5. Ask     with no transaction open: one delivery a request, or many where the provider takes many.
6. Judge   retry.py: sent, never, later, or in doubt.

All is done in one thread. A worker that dies leaves in doubt what its open requests hold: of
deliveries as many as the settings say (IN_FLIGHT). What it had claimed and not marked is free again
when the lease is over.
"""

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import groupby

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_noop

from config.database import AWAY
from notices.content import messages
from notices.delivery import claims, doubts, retry, states
from notices.delivery.connections import Answers, Connections, Request, grouped
from notices.delivery.limits import LEASE_SECONDS
from notices.delivery.states import Outcome
from notices.models import Delivery, State
from notices.providers.errors import Away, NotSent, Refused, TryLater, Unknown

__all__ = ["Sender", "patiently", "version_of"]

SHARED = gettext_noop("The provider refused a call for many. Each goes again with fewer others.")

log = logging.getLogger(__name__)


class Sender:
    """Sends what `take` gives, until it gives nothing and every answer has come."""

    poll = 60.0  # seconds after which it takes again, though no answer came

    def __init__(self, connections: Connections, token: str) -> None:
        self.connections, self.token = connections, token
        self.claimed = Delivery.objects.filter(state=State.QUEUED, token=token)
        self.groups: deque[list[Delivery]] = deque()  # each for a request, not yet marked
        self.heard: list[tuple[Request, Answers]] = []  # not yet judged
        self.outcomes: list[Outcome] = []  # not yet recorded
        self.bug: BaseException | None = None
        self.spoiled = 0  # the delivery that cannot even be composed

    # What a notice and a code do otherwise

    def begin(self) -> None:
        """What goes before all others."""

    def take(self, most: int) -> Sequence[Delivery] | None:
        """Up to `most` that are claimed; None to ask for nothing more, not even what was taken."""
        raise NotImplementedError

    def unroutable(self, delivery: Delivery, row: QuerySet[Delivery], problem: NotSent) -> None:
        """No provider can be asked about this one."""
        raise NotImplementedError

    def departed(self, pks: set[int]) -> None:
        """Their requests are on their way."""

    def goes_on(self, request: Request, outcome: Outcome) -> bool:
        """Whether another provider is being asked already."""
        return False

    # The loop

    def run(self) -> None:
        try:
            self.begin()
            while self.step():
                pass
        finally:
            self.end()
        if self.bug:
            raise self.bug

    def step(self) -> bool:
        """Whether there is more to do."""
        groups = [] if self.bug else self.next_groups()
        self.ask(self.prepare(groups, self.claimed), self.claimed)
        self.hear()
        return bool(groups or self.connections.busy or self.outcomes)

    def next_groups(self) -> list[list[Delivery]]:
        """As many as may go."""
        idle, many = self.connections.idle, self.connections.per_request
        taken = self.take(max(0, idle - len(self.groups)) * many)
        if taken is None:
            self.groups.clear()
        elif many > 1 and (batching := self.connections.route.batching):
            self.groups += grouped(taken, batching, many)
        else:
            self.groups += [[delivery] for delivery in taken]
        return [self.groups.popleft() for _ in range(min(idle, len(self.groups)))]

    def prepare(
        self, groups: Sequence[Sequence[Delivery]], rows: QuerySet[Delivery]
    ) -> list[Request]:
        """What can go, each with a provider. `rows`: those that are ours."""
        ready: list[Request] = []
        for group in groups:
            try:
                request = self.request(group, rows)
            except Away:
                break
            except Exception as bug:  # also RQ's "your time is over": those before it go
                self.bug, self.spoiled = bug, group[0].pk
                break
            ready += [request] if request else []
        return ready

    def request(self, group: Sequence[Delivery], rows: QuerySet[Delivery]) -> Request | None:
        """None when nothing of it can go. Raises Away when nobody can carry anything."""
        wanted = tuple(one for one in group if not claims.settle_objection(one, rows))
        if not wanted:
            return None
        batch = messages.batch(wanted) if len(wanted) > 1 else None
        wording = batch.template if batch else messages.compose(wanted[0])
        try:
            provider = self.connections.route.choose(wanted[0], wording)
            return Request(provider, wanted, wording, batch)
        except NotSent as problem:
            for one in wanted:
                self.unroutable(one, rows.filter(pk=one.pk), problem)
            if isinstance(problem, Away):
                raise
        return None

    def ask(self, ready: Sequence[Request], rows: QuerySet[Delivery]) -> None:
        """Records what was answered, marks what goes next, and lets it go."""
        if not ready:
            keep(self.outcomes, self.token)
            self.outcomes = []
            return
        with transaction.atomic():
            record_all(self.outcomes, self.token)
            marked = self.mark(ready, rows)
        self.outcomes = []
        for request in ready:
            ours = tuple(one for one in request.deliveries if one.pk in marked)
            if ours:
                self.connections.start(replace(request, deliveries=ours))
        self.departed(marked)

    def mark(self, ready: Sequence[Request], rows: QuerySet[Delivery]) -> set[int]:
        """Which of their deliveries are still ours to send."""
        marked: set[int] = set()
        for _name, requests in groupby(sorted(ready, key=provider_name), provider_name):
            alike = list(requests)
            wanted = {one.pk for request in alike for one in request.deliveries}
            count = states.mark(
                rows.filter(pk__in=wanted),
                alike[0].provider,
                self.token,
                version_of(alike[0].deliveries[0]),
            )
            if count < len(wanted):
                sending = Delivery.objects.filter(state=State.SENDING, token=self.token)
                wanted = set(sending.filter(pk__in=wanted).values_list("pk", flat=True))
            marked |= wanted
        return marked

    def hear(self) -> None:
        self.heard += self.connections.answers(self.poll)
        while self.heard:
            request, answers = self.heard[-1]  # and there it stays when something goes wrong
            outcomes = self.judge(request, answers)
            if not (outcomes and self.goes_on(request, outcomes[0])):
                self.outcomes += outcomes
            self.heard.pop()

    def judge(self, request: Request, answers: Answers) -> list[Outcome]:
        """Empty when it is a bug: what was asked stays marked, and what is under way ends."""
        deliveries, provider = request.deliveries, request.provider
        if isinstance(answers, Refused) and len(deliveries) > 1:
            # Whose fault it was shows in smaller requests.
            return [Outcome(one, State.QUEUED, SHARED, provider.name) for one in deliveries]
        if isinstance(answers, Refused | TryLater | Unknown):
            self.report(request, answers)
            answers = [answers] * len(deliveries)
        elif isinstance(answers, BaseException):
            self.bug = self.bug or answers
            return []
        else:
            for answer in answers:
                self.report(request, answer)
        found = zip(deliveries, answers, strict=True)
        return [self.judge_one(request, one, answer) for one, answer in found]

    def report(self, request: Request, answer: str | NotSent) -> None:
        """What it says of the provider."""
        bulk = request.deliveries[0].notice_id is not None
        route, provider = self.connections.route, request.provider
        route.report(provider, answer, bulk=bulk, began=request.began_at)

    def judge_one(self, request: Request, delivery: Delivery, answer: str | NotSent) -> Outcome:
        failed = isinstance(answer, TryLater | Unknown)
        able = len(self.connections.route.able(delivery, request.wording)) if failed else 0
        outcome = retry.decide(answer, delivery, request.provider, able)
        if isinstance(answer, Unknown):
            asked_at = datetime.fromtimestamp(request.began_at, UTC)
            return replace(outcome, together=len(request.deliveries), asked_at=asked_at)
        return outcome

    def end(self) -> None:
        """Whatever happened: keeps what is known, and waits for the answers still under way."""
        while True:
            keep(self.outcomes, self.token)
            if not (self.heard or self.connections.busy):
                break
            heard, self.heard = self.heard or self.connections.answers(), []
            self.outcomes = [outcome for each in heard for outcome in self.judge(*each)]
        if self.bug:
            states.release(self.token, but=self.spoiled)


def version_of(delivery: Delivery) -> int:
    """Of its notice's text; all that a sender has are of one notice, or of none."""
    return delivery.notice.version if delivery.notice else 0


def provider_name(request: Request) -> str:
    return request.provider.name


def keep(outcomes: Sequence[Outcome], token: str) -> None:
    """Also when the database is away for a while: nobody else knows it."""
    if not outcomes:
        return
    try:
        with transaction.atomic():
            record_all(outcomes, token)
    except AWAY:
        connection.close()
        for each in outcomes:
            patiently(partial(states.record, each, token))


def record_all(outcomes: Sequence[Outcome], token: str) -> None:
    states.record_all(outcomes, token)
    doubts.pause(outcomes)
    if outcomes and log.isEnabledFor(logging.DEBUG):
        counts = Counter(one.state.value for one in outcomes)
        log.debug("Recorded: %s.", ", ".join(f"{n} {state}" for state, n in counts.items()))


def patiently(keep: Callable[[], None]) -> None:
    """Tries again for half a lease when the database is away."""
    until = time.monotonic() + LEASE_SECONDS / 2
    while True:
        try:
            return keep()
        except AWAY:
            if time.monotonic() > until:
                raise
            connection.close()
            time.sleep(0.5)
