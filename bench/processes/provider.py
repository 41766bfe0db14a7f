"""A provider that takes its time: python -m bench.processes.provider KIND SECONDS (door.py).

KIND is `sms`, a gateway as notices/providers/gateway.py speaks to it, or `mailgun`, which fills in
what is a person's own. Each call is answered after SECONDS, however many others wait, and counts as
accepted then. The question `arrivals` → [when, number, text] of each SMS, by the time.monotonic()
at which all of it was there and not at which it was answered.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import Callable
from email.utils import parseaddr
from functools import partial
from urllib.parse import parse_qs

from bench.processes.door import Accepted, called, serve

HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
VARIABLE = re.compile(r"%recipient\.(.+?)%")

People = list[tuple[bytes, bytes]]


class Provider(Accepted):
    def __init__(self, read: Callable[[bytes], People], takes: float) -> None:
        super().__init__()
        self.read, self.takes = read, takes
        self.bodies: list[tuple[float, bytes]] = []

    def arrived(self, body: bytes) -> People:
        self.bodies.append((time.monotonic(), body))
        return self.read(body)

    def answer(self, question: str) -> object:
        if question != "arrivals":
            return super().answer(question)
        facts = ((at, json.loads(body)) for at, body in self.bodies)
        return [(at, each["to"], each["body"]) for at, each in facts]


def sms(body: bytes) -> People:
    facts = json.loads(body)
    return [(facts["to"].encode(), called(facts["body"].encode()))]


def mailgun(body: bytes) -> People:
    form = parse_qs(body.decode())
    [text] = form["text"]
    variables = json.loads(form.get("recipient-variables", ["{}"])[0])
    name = called(text.encode())
    people = []
    for to in form["to"]:
        address = parseaddr(to)[1]
        own = variables.get(address, {})
        people.append((address.encode(), fill(name, own).encode()))
    return people


def fill(name: bytes, own: dict[str, str]) -> str:
    return VARIABLE.sub(lambda found: own[found[1]], name.decode())


class Connection(asyncio.Protocol):
    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.left = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.provider.opened()

    def connection_lost(self, _reason: Exception | None) -> None:
        self.provider.closed()

    def data_received(self, data: bytes) -> None:
        self.left += data
        head = self.left.find(HEAD_END)
        length = LENGTH.search(self.left, 0, head) if head >= 0 else None
        if not length:
            return
        end = head + len(HEAD_END) + int(length[1])
        if len(self.left) >= end:
            body, self.left = self.left[head + len(HEAD_END) : end], self.left[end:]
            reply = partial(self.reply, self.provider.arrived(body), len(body))
            asyncio.get_running_loop().call_later(self.provider.takes, reply)

    def reply(self, people: People, size: int) -> None:
        self.provider.add(people, size)
        number = len(self.provider.people)
        facts = json.dumps({"id": f"<{number}@example.com>", "message": "Queued"})
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(facts)}"
        self.transport.write(f"{head}\r\n\r\n{facts}".encode())


def main(kind: str, seconds: str) -> None:
    provider = Provider({"sms": sms, "mailgun": mailgun}[kind], float(seconds))
    asyncio.run(serve(provider, lambda: Connection(provider)))


if __name__ == "__main__":
    main(*sys.argv[1:])
