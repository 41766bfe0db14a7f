"""SMS to a list in this process, for tests: `memory:`."""

from notices.content.messages import Wording
from notices.models import Delivery
from notices.providers.base import Provider

__all__ = ["Memory"]

SENT: list[tuple[str, str]] = []  # (address, text)


class Memory(Provider):
    name = "memory"

    def send(self, delivery: Delivery, wording: Wording) -> str:
        SENT.append((delivery.address, wording.text))
        return str(len(SENT))
