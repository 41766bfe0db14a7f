"""What the doors share: python -m bench.processes.NAME prints its port, and is then asked by lines
on its standard input, each answered by a line of JSON. It ends with its standard input.

`count` → how many it accepted, and when (time.monotonic()) the last. `list` → [address, name] of
each, the bytes of all, and how many connections there were at once.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterable

GREETING = b"Dear "


class Accepted:
    def __init__(self) -> None:
        self.people: list[tuple[bytes, bytes]] = []
        self.size, self.last = 0, 0.0
        self.connections = self.most = 0

    def opened(self) -> None:
        self.connections += 1
        self.most = max(self.most, self.connections)

    def closed(self) -> None:
        self.connections -= 1

    def add(self, people: Iterable[tuple[bytes, bytes]], size: int) -> None:
        """`people`: the address of each and the name by which they are called."""
        self.people += people
        self.size += size
        self.last = time.monotonic()

    def answer(self, question: str) -> object:
        if question == "list":
            pairs = [(address.decode(), name.decode()) for address, name in self.people]
            return {"people": pairs, "bytes": self.size, "connections": self.most}
        return {"count": len(self.people), "last": self.last}


def called(message: bytes, start: int = 0) -> bytes:
    """The name after the first "Dear " from `start` on."""
    first = message.find(GREETING, start) + len(GREETING)
    return message[first : message.find(b",", first, first + 100)]


async def serve(accepted: Accepted, protocol: Callable[[], asyncio.Protocol]) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, backlog=1000)
    over = loop.create_future()

    def asked() -> None:
        question = sys.stdin.readline()
        if question:
            print(json.dumps(accepted.answer(question.strip())), flush=True)
        elif not over.done():
            over.set_result(None)

    loop.add_reader(sys.stdin, asked)
    print(server.sockets[0].getsockname()[1], flush=True)
    await over
    server.close()
