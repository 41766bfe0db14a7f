"""How long a job may go on that can be done in turns: a slice of a notice, a part of its
preparation."""

import math
import time
from collections.abc import Callable

from notices.delivery.limits import MAX_SECONDS, MIN_SECONDS, POLL_SECONDS, UNTOLD_SECONDS

__all__ = ["Budget", "Waits"]

Waits = Callable[[], bool | None]  # whether something more urgent waits; None: nobody knows


class Budget:
    """The time of a turn. It is over soon after something more urgent waits for this worker.

    It begins when somebody first asks whether it is over, and that is when a message can go: what
    it takes to claim some and to connect to a mail server is not part of it."""

    def __init__(self, waits: Waits = lambda: None) -> None:
        self.waits, self.began = waits, 0.0
        self.until = self.poll_at = math.inf

    def is_over(self) -> bool:
        now = time.monotonic()
        if not self.began:
            self.began, self.until, self.poll_at = now, now + MAX_SECONDS, now + MIN_SECONDS
        elif now >= self.poll_at:
            self.poll_at = now + POLL_SECONDS
            waits = self.waits()
            if waits is None:
                self.until, self.poll_at = self.began + UNTOLD_SECONDS, self.began + MAX_SECONDS
            elif waits:
                self.until = now
        return now >= self.until

    @property
    def left(self) -> float:
        """Seconds, not below 0."""
        return max(0.0, self.until - time.monotonic())
