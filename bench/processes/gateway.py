"""An SMS gateway that takes its time: python -m bench.processes.gateway SECONDS (asking.py).

A message is a POST as notices/channels/webhook.py writes it. It is noted when all of it has
arrived, by time.monotonic(), which all processes of a machine share, and answered {"id": "7"}
SECONDS later; any number may wait for their answers at once. `count` → how many, and when the last
arrived; `arrivals` → [when, number, text, delivery] of each; `forget` → starts anew.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from bench.processes import asking

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
LENGTH = b"content-length:"


class Arrival(NamedTuple):
    at: float
    to: str
    text: str
    delivery: int


class Arrived:
    """In their order, and as they came: to read them would take time that is somebody else's."""

    def __init__(self) -> None:
        self.contents: list[tuple[float, bytes]] = []

    def add(self, content: bytes) -> int:
        self.contents.append((time.monotonic(), content))
        return len(self.contents)

    def read(self) -> Iterator[Arrival]:
        for at, content in self.contents:
            facts = json.loads(content)
            yield Arrival(at, facts["to"], facts["body"], facts["delivery"])

    def answer(self, question: str) -> Any:
        if question == "arrivals":
            return list(self.read())
        if question == "forget":
            self.contents.clear()
        last = self.contents[-1][0] if self.contents else 0
        return {"count": len(self.contents), "last": last}


class Line(asyncio.Protocol):
    """A connection, open for as long as the other side likes."""

    def __init__(self, arrived: Arrived, seconds: float) -> None:
        self.arrived, self.seconds, self.left = arrived, seconds, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.left += data
        while (content := self.next()) is not None:
            said = b'{"id": "%d"}' % self.arrived.add(content)
            answer = HEAD % len(said) + said
            if self.seconds:
                asyncio.get_running_loop().call_later(self.seconds, self.say, answer)
            else:
                self.say(answer)

    def next(self) -> bytes | None:
        """The content of the next message, once all of it is there."""
        head, end, rest = self.left.partition(b"\r\n\r\n")
        if not end:
            return None
        length = int(head[head.lower().index(LENGTH) + len(LENGTH) :].split(b"\r\n")[0])
        if len(rest) < length:
            return None
        self.left = rest[length:]
        return rest[:length]

    def say(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)


if __name__ == "__main__":
    arrived = Arrived()
    seconds = float(sys.argv[1])
    asyncio.run(asking.serve(lambda: Line(arrived, seconds), arrived.answer))
