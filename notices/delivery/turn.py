"""How long a slice may go on."""

import math
import time
from collections.abc import Callable

SLICE = 0.5  # seconds, when nobody can say whether something more urgent waits
LONGEST = 2  # when somebody can
SHORTEST = 0.05  # also when much waits: a notice gets on
LOOK = 0.02  # seconds between two looks

Waits = Callable[[], bool | None]  # whether something more urgent waits; None: nobody knows


class Turn:
    """A worker's turn at a notice. It ends soon after something more urgent waits for a worker.

    It begins when somebody first asks whether it is over, and that is when a message can go: what
    it takes to claim some and to connect to a mail server is not part of it."""

    def __init__(self, waits: Waits = lambda: None) -> None:
        self.waits, self.began = waits, 0.0
        self.until = self.look_at = math.inf

    def is_over(self) -> bool:
        now = time.monotonic()
        if not self.began:
            self.began, self.until, self.look_at = now, now + LONGEST, now + SHORTEST
        elif now >= self.look_at:
            self.look_at = now + LOOK
            waits = self.waits()
            if waits is None:
                self.until, self.look_at = self.began + SLICE, self.began + LONGEST
            elif waits:
                self.until = now
        return now >= self.until

    @property
    def left(self) -> float:
        """Seconds, not below 0."""
        return max(0.0, self.until - time.monotonic())
