"""Connections to providers, TLS and names, in steps that wait for nobody (exchange.py); those that
are idle are kept, also for the next job of this process."""

import resource
import select
import selectors
import socket
import ssl
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Generator
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import certifi
from django.utils.translation import gettext_noop as _

from notices.providers.errors import Away

__all__ = [
    "CONNECT_SECONDS", "UNREACHABLE", "Origin", "Steps", "addresses", "connected", "forget_old",
    "idle", "keep", "make_room", "ready", "trusted",
]  # fmt: skip

CONNECT_SECONDS = 3  # TLS included
KNOWN_SECONDS = 60  # in which a host's addresses are not asked for again
UNREACHABLE = _("The provider cannot be reached.")

T = TypeVar("T")
Steps = Generator[tuple[socket.socket, int], None, T]  # yields what it waits for


class Origin(NamedTuple):
    secure: bool
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Origin":
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        return cls(secure, parts.hostname or "", parts.port or (443 if secure else 80))

    @property
    def name(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def ready(sock: socket.socket, event: int, attempt: Callable[..., T], *args: Any) -> Steps[T]:
    """What `attempt` gives once it need not wait."""
    while True:
        try:
            return attempt(*args)
        except BlockingIOError:
            yield sock, event
        except ssl.SSLWantReadError:
            yield sock, selectors.EVENT_READ
        except ssl.SSLWantWriteError:
            yield sock, selectors.EVENT_WRITE


def make_room(many: int) -> None:
    """For so many connections, if the system lets us; beside what else is open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = many + 256 if hard == resource.RLIM_INFINITY else min(many + 256, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


# Those that are idle

standing: dict[Origin, deque[tuple[socket.socket, float]]] = defaultdict(deque)  # and until when


def idle(origin: Origin) -> socket.socket | None:
    """One that the provider has not closed meanwhile."""
    while standing[origin]:
        sock, until = standing[origin].pop()
        look = select.poll()
        look.register(sock, select.POLLIN)
        if time.monotonic() < until and not look.poll(0):
            return sock
        sock.close()
    return None


def keep(origin: Origin, sock: socket.socket, seconds: float) -> None:
    """For whoever comes next within so many seconds; 0 closes it."""
    if seconds:
        standing[origin].append((sock, time.monotonic() + seconds))
    else:
        sock.close()


def forget_old() -> None:
    """Those that are never lent again: whoever comes next takes the latest."""
    for each in standing.values():
        while each and each[0][1] < time.monotonic():
            each.popleft()[0].close()


# A new one


def connected(family: int, address: Any, origin: Origin) -> Steps[socket.socket]:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(BlockingIOError):
            sock.connect(address)
        yield sock, selectors.EVENT_WRITE
        if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, "It cannot be reached.")
        if origin.secure:
            sock = trusted().wrap_socket(
                sock, server_hostname=origin.host, do_handshake_on_connect=False
            )
            yield from ready(sock, selectors.EVENT_READ, sock.do_handshake)
    except BaseException:
        sock.close()
        raise
    return sock


known: dict[Origin, tuple[list[tuple[int, Any]], float]] = {}


def addresses(origin: Origin) -> list[tuple[int, Any]]:
    """The first of each family. Raises Away when nobody can say within the time to connect."""
    found, until = known.get(origin, ([], 0.0))
    if time.monotonic() > until:
        found = resolved(origin)
        known[origin] = found, time.monotonic() + KNOWN_SECONDS
    return found


def resolved(origin: Origin) -> list[tuple[int, Any]]:
    found: dict[int, Any] = {}

    def ask() -> None:
        with suppress(OSError, UnicodeError):
            for family, *_rest, address in socket.getaddrinfo(
                origin.host, origin.port, type=socket.SOCK_STREAM
            ):
                found.setdefault(family, address)

    asks = threading.Thread(target=ask, daemon=True)  # nothing else bounds its time
    asks.start()
    asks.join(CONNECT_SECONDS)
    if asks.is_alive() or not found:
        raise Away(UNREACHABLE)
    return list(found.items())


@cache
def trusted() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())
