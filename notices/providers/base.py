"""What every provider is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from notices.content.messages import Merge, Wording, fill_in
from notices.models import Delivery
from notices.providers.errors import NotSent, Refused, TryLater, Unknown

# What is to go, as an email with fields in it, and the words for them.
Letter = tuple[Delivery, Wording, Mapping[str, str]]


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

    `open` and `send` raise errors.Refused, TryLater, Away or Unknown, and nothing else on
    purpose. `open` is called before each message and does nothing while the connection stands;
    a TryLater from it says that no message can go at the moment.
    """

    name: str
    guarded = False  # left alone for a while when it fails much (breaker.py)
    rate = ""  # how many it may be asked, as the limits library writes it
    numbers = True  # gives what it accepts a number, by which it will report
    lines = 1  # connections to it that a job may have open, each with one message on its way
    batch = 0  # messages that go in one call; 0: only one at a time

    def __init__(self, url: str = "") -> None:
        self.url = url

    def carries(self, delivery: Delivery, wording: Wording) -> bool:
        """Whether it takes messages of this kind, to such a number, at all."""
        return True

    def recognises_until(self) -> datetime | None:
        """Until when it knows a message again that it was asked to carry now, and does not carry
        it twice; None when it does not. See Unknown's `ref`."""
        return None

    def open(self) -> None: ...

    def send(self, delivery: Delivery, wording: Wording) -> str:
        """Hands one message over; the provider's number for it, or an empty text."""
        raise NotImplementedError

    def check(self, delivery: Delivery) -> None:
        """Raises Refused when it can carry nothing to such an address."""

    def send_in_order(
        self, letters: Iterator[Letter], may_leave: Callable[[Delivery], bool]
    ) -> Iterator[tuple[Delivery, NotSent | None]]:
        """Hands them over in their order: each, and why it did not go. Just before one leaves
        `may_leave` is asked; it ends when that says no, or the connection does not stand."""
        for delivery, form, words in letters:
            if not may_leave(delivery):
                return
            try:
                self.send(delivery, fill_in(form, words))
            except (Refused, TryLater, Unknown) as problem:
                yield delivery, problem
                return
            yield delivery, None

    def joins(self, delivery: Delivery) -> str:
        """Who it is to in a batch, where nobody may be twice; empty when it must go alone."""
        raise NotImplementedError

    def send_together(self, deliveries: Sequence[Delivery], merge: Merge) -> list[str | NotSent]:
        """Hands a batch over. An answer for each in their order: the provider's number, or why it
        did not go. Raises one of the three when that holds for all."""
        raise NotImplementedError
