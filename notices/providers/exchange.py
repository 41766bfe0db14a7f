"""Requests by HTTP/1.1, and answers that can do no harm: many at once in one thread.

An answer is read up to so many bytes and for so many seconds in all, however it comes: a pause
between two pieces is one thing, an answer that drips for ever another, in its headers too. No
redirect is followed, and nothing of the environment (a proxy, a .netrc) is looked at.

Each exchange is a generator that says which socket it waits for; a selector says which are ready.
What waits costs no thread, and what came meanwhile waits in the kernel. Connections are kept, also
for the next job of this process.
"""

import selectors
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_noop as _

from notices.providers import connection
from notices.providers.connection import Origin, Steps, ready
from notices.providers.errors import Away, Unknown
from notices.providers.reply import NONSENSE, Reading, Reply

__all__ = ["Exchanges", "Post"]

LOOK_SECONDS = 0.1  # between two looks whose time is over
PIECE = 16 * 1024  # bytes
CERTIFICATE = _("The provider's certificate is not valid.")
NO_ANSWER = _("The provider did not answer in time.")


@dataclass(frozen=True)
class Post:
    """A request. `request_id`: the id under which it may be asked again if no answer comes;
    `again`: it was asked before, and may have gone."""

    origin: Origin
    target: str
    body: bytes
    headers: Mapping[str, str]
    pause: float  # seconds to wait for the next piece of the answer
    seconds: float  # for all of it; see delivery/limits.py
    most: int  # bytes of its body
    request_id: str = ""
    again: bool = False

    def written(self) -> bytes:
        own = {"Host": self.origin.name, "User-Agent": "Bellhop", "Accept-Encoding": "identity"}
        headers = own | dict(self.headers) | {"Content-Length": str(len(self.body))}
        lines = [f"POST {self.target} HTTP/1.1", *(f"{name}: {headers[name]}" for name in headers)]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("A header has more than one line.")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


class Exchanges:
    """Those that are under way, each about something that its starter knows it by."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.open: dict[Exchange, socket.socket] = {}  # and what it waits for
        self.done: list[tuple[Any, Reply | Exception]] = []
        self.looked = 0.0

    def __len__(self) -> int:
        return len(self.open) + len(self.done)

    def start(self, post: Post, about: Any) -> None:
        self.go_on(Exchange(post, about))

    def wait(self, seconds: float) -> None:
        """Until something has ended, but not longer."""
        until = time.monotonic() + seconds
        while self.open and not self.done:
            left = until - time.monotonic()
            self.turn(min(max(left, 0), LOOK_SECONDS))
            if left <= 0:
                break

    def gather(self, seconds: float) -> None:
        """So long, or until nothing is under way."""
        until = time.monotonic() + seconds
        while self.open and (left := until - time.monotonic()) > 0:
            self.turn(left)

    def turn(self, seconds: float = LOOK_SECONDS) -> None:
        for key, _event in self.selector.select(seconds):
            self.go_on(key.data)
        now = time.monotonic()
        if now > self.looked + LOOK_SECONDS:
            self.looked = now
            for late in [each for each in self.open if each.until < now]:
                self.go_on(late, TimeoutError())

    def take(self) -> list[tuple[Any, Reply | Exception]]:
        """What each has come to that has ended."""
        done, self.done = self.done, []
        return done

    def go_on(self, exchange: "Exchange", late: Exception | None = None) -> None:
        steps = exchange.steps
        try:
            sock, event = steps.throw(late) if late else next(steps)
        except StopIteration as end:
            self.end(exchange, end.value)
        except Exception as problem:  # also RQ's "your time is over"
            self.end(exchange, problem)
        else:
            self.watch(exchange, sock, event)

    def watch(self, exchange: "Exchange", sock: socket.socket, event: int) -> None:
        before, self.open[exchange] = self.open.get(exchange), sock
        if before is not sock:
            self.forget(before)
            self.selector.register(sock, event, exchange)
        elif self.selector.get_key(sock).events != event:
            self.selector.modify(sock, event, exchange)

    def forget(self, sock: socket.socket | None) -> None:
        if sock is not None:
            with suppress(KeyError):
                self.selector.unregister(sock)

    def end(self, exchange: "Exchange", found: Reply | Exception) -> None:
        self.forget(self.open.pop(exchange, None))
        self.done.append((exchange.about, found))

    def close(self) -> None:
        """Hangs up on whoever has not answered."""
        for exchange in self.open:
            exchange.steps.close()
        self.selector.close()
        connection.forget_old()


class Exchange:
    """`until`: the time.monotonic() at which it is over when nothing happens."""

    def __init__(self, post: Post, about: Any) -> None:
        self.post, self.about = post, about
        self.content = post.written()
        self.steps, self.until = self.run(), 0.0

    def run(self) -> Steps[Reply]:
        origin = self.post.origin
        sock = connection.idle(origin) or (yield from self.connect())
        over, reading = time.monotonic() + self.post.seconds, Reading(self.post.most)
        try:
            self.until = min(over, time.monotonic() + self.post.pause)
            yield from write(sock, self.content)
            while not reading.complete:
                self.until = min(over, time.monotonic() + self.post.pause)
                reading.take((yield from ready(sock, selectors.EVENT_READ, sock.recv, PIECE)))
        except (OSError, *NONSENSE) as problem:
            sock.close()
            raise Unknown(NO_ANSWER, request_id=self.post.request_id) from problem
        except BaseException:
            sock.close()
            raise
        connection.keep(origin, sock, reading.kept)
        return reading.reply()

    def connect(self) -> Steps[socket.socket]:
        """Whatever fails here, an expired certificate too, fails before anything has left. An
        address that does not answer leaves time for the next."""
        origin, problem = self.post.origin, None
        found = connection.addresses(origin)
        for family, address in found:
            self.until = time.monotonic() + connection.CONNECT_SECONDS / len(found)
            try:
                return (yield from connection.connected(family, address, origin))
            except ssl.SSLCertVerificationError as wrong:
                raise Away(CERTIFICATE) from wrong
            except (OSError, ValueError) as wrong:  # ValueError: of a host name
                problem = wrong
        raise Away(connection.UNREACHABLE) from problem


def write(sock: socket.socket, content: bytes) -> Steps[None]:
    left = memoryview(content)
    while left:
        left = left[(yield from ready(sock, selectors.EVENT_WRITE, sock.send, left)) :]
