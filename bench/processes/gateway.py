"""The SMS gateway of provider.py, which notes when each message arrived and not when it was
answered: python -m bench.processes.gateway SECONDS (door.py). The question `arrivals` → [when,
number, text, delivery] of each, by time.monotonic(), which all processes of a machine share.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

from bench.processes.door import Accepted, serve
from bench.processes.provider import Connection, People


class Arrival(NamedTuple):
    at: float
    to: str
    text: str
    delivery: int


class Arrived(Accepted):
    """In their order, and as they came: to read them would take time that is somebody else's."""

    def forget(self) -> None:
        super().forget()
        self.bodies: list[tuple[float, bytes]] = []

    def note(self, body: bytes) -> People:
        self.bodies.append((time.monotonic(), body))
        return []

    def answer(self, question: str) -> object:
        return list(self.arrivals()) if question == "arrivals" else super().answer(question)

    def arrivals(self) -> Iterator[Arrival]:
        for at, body in self.bodies:
            facts = json.loads(body)
            yield Arrival(at, facts["to"], facts["body"], facts["delivery"])


def main(seconds: str) -> None:
    arrived = Arrived()
    asyncio.run(serve(arrived, lambda: Connection(arrived, arrived.note, float(seconds))))


if __name__ == "__main__":
    main(sys.argv[1])
