"""An answer by HTTP that can do no harm: so many bytes, and so many seconds in all, however it
comes. Over urllib3, for our own providers (http.py) and for Anymail's (esp.py).

A pause between two pieces is one thing, an answer that drips for ever another, in its headers too.
"""

import math
import time
from functools import partial
from http import client
from io import BufferedReader, RawIOBase
from socket import socket
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

__all__ = ["Connection", "TLSConnection", "TooLarge", "pools", "read"]

PIECE = 16 * 1024  # bytes


class Pieces(RawIOBase):
    """What comes from a socket, `until` a moment (time.monotonic()), each piece within the time
    that the socket itself allows."""

    def __init__(self, sock: socket, stream: RawIOBase, until: float) -> None:
        self.sock, self.stream, self.until = sock, stream, until
        self.patience = sock.gettimeout() or 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.sock.settimeout(min(self.patience, left))
        return self.stream.readinto(buffer)

    def close(self) -> None:
        self.stream.close()
        super().close()


class Reply(client.HTTPResponse):
    def __init__(self, sock: socket, *args: Any, until: float, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = BufferedReader(Pieces(sock, self.fp.detach(), until))


class Bounded:
    seconds = 15.0  # for all of an answer

    def getresponse(self) -> Any:
        self.response_class = partial(Reply, until=time.monotonic() + self.seconds)
        return super().getresponse()  # type: ignore[misc]


class Connection(Bounded, HTTPConnection):  # type: ignore[misc]
    pass


class TLSConnection(Bounded, HTTPSConnection):  # type: ignore[misc]
    pass


def pools(longest: float) -> dict[str, Any]:
    """For a urllib3.PoolManager: pools whose answers take `longest` seconds at most."""

    class Plain(Connection):
        seconds = longest

    class TLS(TLSConnection):
        seconds = longest

    class Pool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TLSPool(HTTPSConnectionPool):
        ConnectionCls = TLS

    return {"http": Pool, "https": TLSPool}


class TooLarge(HTTPError):  # noqa: N818
    """More bytes than make sense."""


def read(answer: HTTPResponse, most: int, seconds: float = math.inf) -> bytes:
    """All of it. `seconds`: from now on, besides those for the whole answer. Raises TooLarge when
    it is more than `most` bytes, decoded, and another of urllib3's errors when it breaks off or
    takes too long."""
    found, until = bytearray(), time.monotonic() + seconds
    while piece := answer.read1(PIECE, decode_content=True):  # what is there, at once
        found += piece
        if len(found) > most:
            answer.close()
            raise TooLarge
        if time.monotonic() > until:
            answer.close()
            raise HTTPError("The answer does not end.")
    return bytes(found)
