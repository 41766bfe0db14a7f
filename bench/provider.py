"""An SMS provider on loopback that takes its time: python -m bench.provider PORT SECONDS.

A message is a POST as notices/channels/webhook.py writes it. It is noted when all of it has
arrived, and answered {"id": "7"} SECONDS later; any number may wait for their answers at once.
GET /count says how many came, GET /report which and when, DELETE / forgets them. The clock is
time.monotonic(), which all processes of a machine share. Ends when its standard input does.
"""

import asyncio
import http.client
import json
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

ROOT = Path(__file__).resolve().parent.parent


class Message(NamedTuple):
    at: float  # time.monotonic() when all of it had arrived
    to: str
    body: str
    delivery: int


class Desk:
    """What arrived, in that order: kept as it came, since reading it would take time that is
    somebody else's."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.arrived: list[tuple[float, bytes]] = []

    def answer(self, method: bytes, path: bytes, content: bytes) -> tuple[bytes, float]:
        """The answer, and the seconds until it is given."""
        if method == b"POST":
            self.arrived.append((time.monotonic(), content))
            return b'{"id": "%d"}' % len(self.arrived), self.seconds
        if method == b"DELETE":
            self.arrived.clear()
        if path == b"/report":
            lines = (json.dumps([at, json.loads(content)]) for at, content in self.arrived)
            return f"[{','.join(lines)}]".encode(), 0
        return b"%d" % len(self.arrived), 0


class Line(asyncio.Protocol):
    """One connection, kept open for as long as the other side likes."""

    transport: asyncio.Transport

    def __init__(self, desk: Desk) -> None:
        self.desk, self.received = desk, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        while request := self.next_request():
            content, seconds = self.desk.answer(*request)
            head = (
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            )
            answer = head % len(content) + content
            if seconds:
                asyncio.get_running_loop().call_later(seconds, self.say, answer)
            else:
                self.say(answer)

    def next_request(self) -> tuple[bytes, bytes, bytes] | None:
        """Method, path and content, once they are there."""
        head, end, rest = self.received.partition(b"\r\n\r\n")
        if not end:
            return None
        first, *headers = head.split(b"\r\n")
        length = next(
            (int(line[15:]) for line in headers if line[:15].lower() == b"content-length:"), 0
        )
        if len(rest) < length:
            return None
        self.received = rest[length:]
        method, path, _ = first.split(b" ")
        return method, path, rest[:length]

    def say(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)


async def serve(port: int, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    desk = Desk(seconds)
    server = await loop.create_server(lambda: Line(desk), "127.0.0.1", port, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


class Provider:
    """One that runs while the block does, as a process of its own."""

    def __init__(self, seconds: float = 0) -> None:
        self.seconds = seconds

    def __enter__(self) -> Self:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "bench.provider", "0", str(self.seconds)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        assert self.popen.stdout
        self.port = int(self.popen.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}/"
        self.sms_url = f"webhook+{self.url}"  # as SMS_URLS has it
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.popen.kill()
        self.popen.communicate()

    def ask(self, method: str, path: str) -> Any:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        line.request(method, path)
        answer = json.loads(line.getresponse().read())
        line.close()
        return answer

    def count(self) -> int:
        return int(self.ask("GET", "/count"))

    def report(self) -> list[Message]:
        return [
            Message(at, facts["to"], facts["body"], facts["delivery"])
            for at, facts in self.ask("GET", "/report")
        ]

    def forget(self) -> None:
        self.ask("DELETE", "/")


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
