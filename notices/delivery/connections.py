"""The connections to the providers of a channel, and the requests that are under way on them.

Where there may be several, each request waits for its answer in a thread of its own, which does
nothing else: the database and Redis are the business of whoever asks. Where there may be one, it
waits in the asker's thread.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import groupby

from config import clock
from notices.audience import preferences
from notices.content.messages import Batch, Wording
from notices.delivery.limits import GIVE_UP_SECONDS
from notices.models import Delivery
from notices.providers.base import Batching, Closing, Provider
from notices.providers.errors import NotSent
from notices.providers.router import Route

__all__ = ["Answers", "Connections", "Request", "grouped"]

SHRINK = 8  # after each refusal of a whole request, until the one that spoils it stands alone
MANY = 8  # requests under way
GATHER_SECONDS = 0.03  # in which further answers are waited for, when there are many
Answers = list[str | NotSent] | BaseException  # one for each delivery, or what was raised
log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Request:
    """What one provider is asked at once. `batch`: each one's own values, when they are many.
    `tried`: names of the providers that would not take it now."""

    route: Route
    provider: Provider
    deliveries: tuple[Delivery, ...]
    wording: Wording
    batch: Batch | None = None
    tried: tuple[str, ...] = ()
    began: float = field(default_factory=time.monotonic)
    began_at: float = field(default_factory=clock.unix)

    def ask(self) -> Answers:
        try:
            if self.batch and isinstance(self.provider, Batching):
                return self.provider.send_batch(self.deliveries, self.batch)
            return [self.provider.send(self.deliveries[0], self.wording)]
        except Exception as problem:
            return problem


class Connections(Closing):
    """Made as they are needed, at most as many as each of the channel's providers allows, and not
    more than `most`. `take()` lends one; it is given back by `free()`, or has a request started on
    it, and is the taker's again when `answers()` has told what came of that.

    Leaving it closes what is idle and waits for nobody: a thread whose provider never answers ends
    with the process."""

    def __init__(self, channel: str, most: int | None = None) -> None:
        self.channel = channel
        self.first = Route(channel)
        self.open = [self.first]
        allowed = min(provider.max_connections for provider in self.first.providers)
        self.size = min(allowed, most or allowed)
        self.threads = ThreadPoolExecutor(self.size, "connection") if self.size > 1 else None
        self.busy: dict[Future[Answers], tuple[Request, float]] = {}  # and since when

    @property
    def idle(self) -> int:
        return self.size - len(self.busy)

    @property
    def slowest(self) -> float:
        """Seconds that the slowest of the answers has been waited for."""
        now = time.monotonic()
        return now - min((since for _, since in self.busy.values()), default=now)

    def take(self) -> Route:
        return self.open.pop() if self.open else Route(self.channel)

    def free(self, route: Route) -> None:
        self.open.append(route)

    def start(self, request: Request) -> None:
        began = time.monotonic()
        if self.threads:
            future = self.threads.submit(request.ask)
        else:
            future = Future()
            future.set_result(request.ask())
        self.busy[future] = request, began

    def answers(self, seconds: float = GIVE_UP_SECONDS) -> list[tuple[Request, Answers]]:
        """Waits up to `seconds` for an answer, and gives those that came. A connection without one
        for longer than GIVE_UP_SECONDS is given up."""
        if not self.busy:
            return []
        patience = max(0, min(seconds, GIVE_UP_SECONDS - self.slowest))
        done, others = wait(self.busy, patience, FIRST_COMPLETED)
        if done and len(others) >= MANY:  # what is done for one then is done for several
            done, _others = wait(self.busy, GATHER_SECONDS)
        found = [(self.busy.pop(future)[0], future.result()) for future in done]
        for future, (request, since) in list(self.busy.items()):
            if time.monotonic() - since > GIVE_UP_SECONDS:
                name = request.provider.name
                log.warning("%s has not answered for %d seconds.", name, GIVE_UP_SECONDS)
                del self.busy[future]
                self.size -= 1
        return found

    def close(self) -> None:
        if self.threads:
            self.threads.shutdown(wait=False, cancel_futures=True)
        for route in self.open:
            route.close()


# What may share a request


def grouped(claimed: Sequence[Delivery], provider: Batching) -> Iterator[list[Delivery]]:
    """One language, all with a link to unsubscribe or none, a name or none; nobody twice."""
    seen = {""}
    together: list[Delivery] = []
    for delivery in claimed:
        person = provider.batch_key(delivery)
        if person in seen:
            yield [delivery]
        else:
            seen.add(person)
            together.append(delivery)
    for (tries, *_rest), alike in groupby(sorted(together, key=kind), kind):
        found, size = list(alike), max(1, provider.max_batch // SHRINK**tries)
        yield from (found[first : first + size] for first in range(0, len(found), size))


def kind(delivery: Delivery) -> tuple[int, str, bool, bool]:
    linked = bool(preferences.unsubscribe_url(delivery))
    return delivery.tries, delivery.language, linked, bool(delivery.name)
