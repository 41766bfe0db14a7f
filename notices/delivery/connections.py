"""What the providers of a channel are asked, and the answers that are still to come.

Those that are asked by HTTP are asked side by side, and what waits for an answer is a socket and no
thread (providers/exchange.py). Any other is asked in turn: `send` waits.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from django.conf import settings

from config import clock
from notices.audience import preferences
from notices.content.messages import Batch, Wording
from notices.models import Delivery
from notices.providers.base import Asking, Batching, Closing, Provider
from notices.providers.errors import NotSent
from notices.providers.exchange import Exchanges, Post
from notices.providers.reply import Reply
from notices.providers.router import Route

__all__ = ["Answers", "Connections", "Request", "grouped"]

SHRINK = 8  # after each refusal of a whole request, until the one that spoils it stands alone
MANY = 8  # requests under way
GATHER_SECONDS = 0.03  # in which further answers are waited for, when there are many
Answers = list[str | NotSent] | BaseException  # one for each delivery, or what was raised


@dataclass(frozen=True, eq=False)
class Request:
    """What one provider is asked at once. `batch`: each one's own values, when they are many.
    `tried`: names of the providers that would not take it now."""

    provider: Provider
    deliveries: tuple[Delivery, ...]
    wording: Wording
    batch: Batch | None = None
    tried: tuple[str, ...] = ()
    began: float = field(default_factory=time.monotonic)
    began_at: float = field(default_factory=clock.unix)


class Connections(Closing):
    """As many requests at once as the settings and each of the channel's providers allow. `bulk`:
    one may hold many deliveries, which count each.

    Leaving it hangs up on whoever has not answered; the connections of the others stay open for the
    next job."""

    def __init__(self, channel: str, *, bulk: bool = False) -> None:
        self.channel, self.route = channel, Route(channel)
        batching = self.route.batching if bulk else None
        most = batching.max_batch if batching else 1
        self.per_request = min(most, settings.IN_FLIGHT)  # deliveries that may share one
        allowed = min(provider.max_connections for provider in self.route.providers)
        self.size = max(1, min(allowed, settings.IN_FLIGHT // self.per_request))
        self.exchanges = Exchanges()
        self.busy: dict[Request, float] = {}  # and since when
        self.found: list[tuple[Request, Answers]] = []  # of those that are still busy

    @property
    def idle(self) -> int:
        return self.size - len(self.busy)

    @property
    def slowest(self) -> float:
        """Seconds that the slowest of the answers has been waited for."""
        now = time.monotonic()
        return now - min(self.busy.values(), default=now)

    def start(self, request: Request) -> None:
        self.busy[request] = time.monotonic()
        provider, deliveries = request.provider, request.deliveries
        try:
            if isinstance(provider, Asking):
                post = provider.ask(deliveries, request.wording, request.batch)
                self.exchanges.start(post, (request, provider, post))
                self.exchanges.turn(0)  # nobody's handshake waits until all have begun
            else:
                self.found.append((request, [provider.send(deliveries[0], request.wording)]))
        except Exception as problem:
            self.found.append((request, problem))

    def answers(self, seconds: float = 1) -> list[tuple[Request, Answers]]:
        """Waits up to `seconds` for an answer, and gives those that came."""
        if not self.found:
            self.exchanges.wait(seconds)
            if self.exchanges.done and len(self.exchanges.open) >= MANY:
                # What is done for one then is done for several.
                self.exchanges.gather(GATHER_SECONDS)
        found, self.found = self.found, []
        found += [
            (request, read(provider, post, reply))
            for (request, provider, post), reply in self.exchanges.take()
        ]
        for request, _answers in found:
            del self.busy[request]
        return found

    def close(self) -> None:
        self.exchanges.close()
        self.route.close()


def read(provider: Asking, post: Post, reply: Reply | Exception) -> Answers:
    try:
        return reply if isinstance(reply, Exception) else provider.answers(post, reply)
    except Exception as problem:
        return problem


# What may share a request


def grouped(claimed: Sequence[Delivery], provider: Batching, most: int) -> Iterator[list[Delivery]]:
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
        found, size = list(alike), max(1, most // SHRINK**tries)
        yield from (found[first : first + size] for first in range(0, len(found), size))


def kind(delivery: Delivery) -> tuple[int, str, bool, bool]:
    linked = bool(preferences.unsubscribe_url(delivery))
    return delivery.tries, delivery.language, linked, bool(delivery.name)
