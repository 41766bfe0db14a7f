"""What every provider is, and what some can do besides."""

import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from notices.content.messages import Batch, Templated, Wording, fill_in
from notices.models import Delivery
from notices.providers.errors import NotSent, Refused, TryLater, Unknown
from notices.providers.exchange import Exchanges, Post
from notices.providers.reply import Reply

__all__ = ["Asking", "Batching", "Closing", "Provider", "Recognising", "Streaming"]


class Closing:
    """A context manager: leaving it closes."""

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Provider(Closing):
    """Carries messages of one channel. A context manager: leaving it closes the connection.

    `send` raises errors.Refused, TryLater, Away or Unknown, and nothing else on purpose. `open` is
    called before each message and does nothing while the connection stands; it raises Away when no
    message can go at the moment.
    """

    name: str  # in rows: never changed (registry.py)
    guarded = False  # left alone for a while when it fails much (breaker.py)
    rate = ""  # how many it may be asked, as the limits library writes it
    max_connections = 1  # that a job may have open to it, if the settings allow as many

    def __init__(self, url: str = "") -> None:
        self.url = url

    def carries(self, delivery: Delivery, wording: Wording) -> bool:
        """Whether it takes messages of this kind, to such an address, at all."""
        return True

    def open(self) -> None: ...

    def send(self, delivery: Delivery, wording: Wording) -> str:
        """Hands one message over; the provider's id of it, or an empty text."""
        raise NotImplementedError


class Asking(Provider):
    """Is asked by HTTP, and nobody waits in `send`: what is asked is one thing, what an answer
    means another, and between the two others are asked (delivery/connections.py)."""

    max_connections = sys.maxsize

    def ask(
        self, deliveries: Sequence[Delivery], wording: Wording, batch: Batch | None = None
    ) -> Post:
        """The request that hands over these: one, or a batch."""
        raise NotImplementedError

    def answers(self, post: Post, reply: Reply) -> list[str | NotSent]:
        """One for each delivery in their order: the provider's id of it, or why it did not go.
        Raises as `send` does when that holds for all."""
        raise NotImplementedError

    def send(self, delivery: Delivery, wording: Wording) -> str:
        post = self.ask([delivery], wording)
        exchanges = Exchanges()
        exchanges.start(post, None)
        while not exchanges.done:
            exchanges.turn()
        [(_, reply)] = exchanges.take()
        if isinstance(reply, Exception):
            raise reply
        [answer] = self.answers(post, reply)
        if isinstance(answer, NotSent):
            raise answer
        return answer


class Batching(Asking):
    """Takes many messages in one request."""

    max_batch = 0  # so many; 0: this time only one at a time

    def batch_key(self, delivery: Delivery) -> str:
        """Who it is to in a batch, where nobody may be twice; empty when it must go alone."""
        raise NotImplementedError


class Streaming(Provider):
    """Takes messages one after the other without an id for each: nothing must be kept of one but
    that it went (delivery/stream.py)."""

    streams = True

    def check(self, delivery: Delivery) -> None:
        """Raises Refused when it can carry nothing to such an address."""

    def send_stream(
        self,
        messages: Iterator[Templated],
        may_leave: Callable[[Delivery], bool],
        waiting: Callable[[], None] = lambda: None,
    ) -> Iterator[tuple[Delivery, NotSent | None]]:
        """Hands them over in their order: each, and why it did not go. Just before one leaves
        `may_leave` is asked; it ends when that says no, or the connection does not stand. An
        answer may take minutes: `waiting` is called every few seconds meanwhile."""
        for delivery, template, values in messages:
            if not may_leave(delivery):
                return
            try:
                self.send(delivery, fill_in(template, values))
            except (Refused, TryLater, Unknown) as problem:
                yield delivery, problem
                return
            yield delivery, None


class Recognising(Provider):
    """Knows a request again, and does not carry it twice. Its errors name the `request_id`."""

    def recognises_until(self) -> datetime | None:
        """Until when, for a request of now; None when it does not this time."""
        raise NotImplementedError
