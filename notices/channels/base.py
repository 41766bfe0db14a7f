"""What every provider is."""

from types import TracebackType
from typing import Self

from notices.messages import Wording
from notices.models import Delivery


class Provider:
    """Carries messages of one channel. A context manager: leaving it closes the connection.

    `open` and `send` raise notices.errors.Refused, TryLater or Unknown, and nothing else on
    purpose. `open` is called before each message and does nothing while the connection stands;
    a TryLater from it says that no message can go at the moment.
    """

    name: str

    def __init__(self, url: str = "") -> None:
        self.url = url

    def open(self) -> None: ...

    def close(self) -> None: ...

    def send(self, delivery: Delivery, wording: Wording) -> str:
        """Hands one message over; the provider's number for it, or an empty text."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
