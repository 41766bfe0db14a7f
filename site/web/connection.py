"""A client's connection: what it has sent, where its request ends, how long a thread waits."""

import errno
import re
import socket
import time
from contextlib import suppress
from fcntl import ioctl
from termios import TIOCOUTQ
from typing import Any

from gunicorn.workers.gthread import TConn

__all__ = ["Connection", "Line"]


ANSWER_SECONDS = 5  # for the client to take what the kernel has no more room for
READ_BYTES = 64 * 1024  # at a time
BODY_BYTES = 64 * 1024  # waited for in the loop: no less than SMALL of web/bodies.py
CHUNKS_BYTES = 2 * 1024 * 1024  # the same of what comes in chunks: no thread waits for any

LENGTH = re.compile(rb"\r\nContent-Length:[ \t]*(\d{1,18})[ \t]*(?=\r\n)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\nTransfer-Encoding:[ \t]*chunked[ \t]*\r\n", re.IGNORECASE)
SIZE = re.compile(rb"([0-9a-f]{1,8})[ \t]*(;.*)?", re.IGNORECASE)
EXPECTS = re.compile(rb"\r\nExpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)


class Line(socket.socket):
    """A client's socket. A thread waits for more until `deadline`, whatever trickles in, and not
    long for an answer to be taken."""

    deadline = 0.0

    def recv(self, *args: Any) -> bytes:
        self.settimeout(max(0.001, self.deadline - time.monotonic()))
        try:
            return super().recv(*args)
        except TimeoutError:
            raise ConnectionResetError(errno.ECONNRESET, "too slow") from None

    def sendall(self, *args: Any) -> None:
        self.settimeout(ANSWER_SECONDS)
        try:
            super().sendall(*args)
        except TimeoutError:
            raise ConnectionResetError(errno.ECONNRESET, "too slow") from None

    def read_now(self) -> bytes | None:
        """What is here; None for nothing yet, an empty text at the end."""
        self.setblocking(False)
        try:
            return super().recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return b""

    def is_behind(self) -> bool:
        """Whether the client has not taken all of the answer before."""
        with suppress(OSError):
            return ioctl(self, TIOCOUTQ, b"\0" * 4) != b"\0" * 4
        return False


class Connection(TConn):  # type: ignore[misc]
    """One client. `received`: what the loop has read of its next request, or more."""

    is_leaving = False  # answered for the last time

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any) -> None:
        super().__init__(cfg, Line(fileno=sock.detach()), client, server)
        self.data_ready = True  # gunicorn's own patience is not needed
        self.received = bytearray()
        self.size = 0  # bytes counted as held
        self.begin()

    def begin(self) -> None:
        self.end = 0  # of the request in `received`, once its headers are here; in chunks, of these
        self.searched = 0
        self.in_chunks = False
        self.chunk = 0  # where the next one begins

    def look(self) -> None:
        """Finds out where the request ends."""
        if self.end:
            return
        head = self.received.find(b"\r\n\r\n", self.searched)
        if head < 0:
            self.searched = max(0, len(self.received) - 3)
            return
        self.end = head + 4
        fields = bytes(self.received[: head + 2])
        self.in_chunks, self.chunk = bool(CHUNKED.search(fields)), self.end
        lengths = LENGTH.findall(fields)
        if len(lengths) == 1 and int(lengths[0]) <= BODY_BYTES:  # gunicorn refuses two
            self.end += int(lengths[0])
        is_waited_for = self.in_chunks or self.end > head + 4
        if is_waited_for and not self.is_complete and EXPECTS.search(fields):
            with suppress(OSError):
                self.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    @property
    def is_complete(self) -> bool:
        if not self.in_chunks:
            return 0 < self.end <= len(self.received)
        return self.has_chunks() or len(self.received) > self.end + CHUNKS_BYTES

    def has_chunks(self) -> bool:
        """Whether the last chunk is here; also for what are none, which gunicorn refuses."""
        while (line := self.received.find(b"\r\n", self.chunk)) >= 0:
            found = SIZE.fullmatch(self.received[self.chunk : line])
            if found is None:
                return True
            size = int(found[1], 16)
            if not size:
                return self.received.find(b"\r\n\r\n", line) >= 0
            if len(self.received) < line + size + 4:
                return False
            self.chunk = line + size + 4
        return False
