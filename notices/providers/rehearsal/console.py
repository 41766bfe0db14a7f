"""SMS to the terminal: `console:`."""

import sys

from notices.content.messages import Wording
from notices.models import Delivery
from notices.providers.base import Provider

__all__ = ["Console"]


class Console(Provider):
    name = "console"

    def send(self, delivery: Delivery, wording: Wording) -> str:
        sys.stdout.write(f"SMS to {delivery.address}: {wording.text}\n")
        sys.stdout.flush()
        return ""
