"""SMS to a list in this process, for tests: `memory:`."""

from notices.channels.base import Provider
from notices.messages import Wording
from notices.models import Delivery

SENT: list[tuple[str, str]] = []  # (address, text)


class Memory(Provider):
    name = "memory"

    def send(self, delivery: Delivery, wording: Wording) -> str:
        SENT.append((delivery.address, wording.text))
        return str(len(SENT))
