"""gunicorn's threads, each given a request only when all of it is here.

gunicorn's own read it in their thread, for as long as the client likes. Here the loop that accepts
connections also reads, up to what a stranger may send, and closes what takes too long. The rest of
a larger body is read by the thread, if who sends it may (web/bodies.py).
docs/decisions/slow-clients.md says why, and what else was tried.
"""

import selectors
import socket
import time
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn import util
from gunicorn.http import wsgi
from gunicorn.workers.gthread import ThreadWorker

from web.connection import Connection, Line

__all__ = ["Worker"]

REQUEST_SECONDS = 20  # for a request to arrive
LARGE_SECONDS = 60  # for a large body to be read by a thread
LINGER_SECONDS = 2  # that the client has to close a connection that is over
LOOK_SECONDS = 0.5  # between two looks at who took too long

HEAD_BYTES = 64 * 1024
HELD_BYTES = 16 * 1024 * 1024  # of all requests that wait
ANSWER_BYTES = 512 * 1024  # that the kernel keeps for a client: the largest page or static file


class Worker(ThreadWorker):  # type: ignore[misc]
    """`watched`: the connections that the loop has in hand, in the order in which it got them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.watched: dict[Connection, None] = {}
        self.held = 0  # bytes, of all requests that are not answered
        self.next_look = 0.0

    # In the loop

    def accept(self, listener: socket.socket) -> None:
        try:
            sock, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ANSWER_BYTES)
        self.nr_conns += 1
        if self.nr_conns >= self.worker_connections and self.watched:
            self.drop(next(iter(self.watched)))
        conn = Connection(self.cfg, sock, client, listener.getsockname())
        self.watch(conn, REQUEST_SECONDS)

    def watch(self, conn: Connection, seconds: float) -> None:
        conn.timeout = time.monotonic() + seconds
        self.watched[conn] = None
        conn.sock.setblocking(False)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.take, conn))

    def take(self, conn: Connection, sock: Line) -> None:
        """Called when a client that is watched has sent something, or has gone."""
        data = sock.read_now()
        if data is None or (data and conn.is_leaving):
            return
        if not data:
            self.drop(conn)
            return
        if not conn.received:
            conn.timeout = time.monotonic() + REQUEST_SECONDS
        self.hold(conn, data)
        if conn in self.watched:
            self.go_on(conn)

    def hold(self, conn: Connection, data: bytes) -> None:
        """Keeps what came. When that is too much of all, the largest go."""
        conn.received += data
        conn.size += len(data)
        self.held += len(data)
        while self.held > HELD_BYTES and self.watched:
            largest = max(self.watched, key=lambda each: each.size)
            if not largest.size:
                return  # the threads have it all
            self.drop(largest)

    def go_on(self, conn: Connection) -> None:
        """Hands a request to the threads, if it is here and its client took the answer before."""
        conn.look()
        if conn.is_complete:
            self.stop_reading(conn)
            if not conn.sock.is_behind():
                del self.watched[conn]
                self.enqueue_req(conn)
        elif not conn.end and len(conn.received) > HEAD_BYTES:
            self.stop_reading(conn)
            del self.watched[conn]
            with suppress(OSError):
                util.write_error(conn.sock, 431, "Request Header Fields Too Large", "")
            self.leave(conn)

    def stop_reading(self, conn: Connection) -> None:
        with suppress(KeyError, ValueError):  # it was stopped before
            self.poller.unregister(conn.sock)

    def drop(self, conn: Connection) -> None:
        self.stop_reading(conn)
        self.watched.pop(conn, None)
        self.let_go(conn)
        self.nr_conns -= 1
        conn.close()

    def let_go(self, conn: Connection) -> None:
        self.held -= conn.size
        conn.size = 0

    def leave(self, conn: Connection) -> None:
        """Closes it when the client has: a request that nobody read would cut the answer off."""
        conn.is_leaving = True
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.drop(conn)
        else:
            self.let_go(conn)
            conn.received.clear()
            self.watch(conn, LINGER_SECONDS)

    def murder_pending(self) -> None:
        """Called by the loop all the time: who took too long, and who has caught up."""
        now = time.monotonic()
        if now < self.next_look:
            return
        self.next_look = now + LOOK_SECONDS
        for conn in list(self.watched):
            if now > conn.timeout or not (self.alive or conn.received or conn.is_leaving):
                self.drop(conn)
            elif conn.is_complete:
                self.go_on(conn)

    def finish_request(self, conn: Connection, answered: "Future[Any]") -> None:
        """Called in the loop when a thread is done with it."""
        self.let_go(conn)
        keep = not answered.cancelled() and not answered.exception() and answered.result()
        if not keep:
            self.leave(conn)
            return
        conn.begin()
        self.watch(conn, self.cfg.keepalive)
        if rest := conn.parser.unreader.take_buffered():  # of the next request
            self.hold(conn, rest)
            if conn in self.watched:
                self.go_on(conn)

    # In a thread

    def handle(self, conn: Connection) -> Any:
        conn.init()
        conn.parser.unreader.unread(bytes(conn.received))
        conn.received.clear()
        patience = 0 if conn.in_chunks else LARGE_SECONDS
        conn.sock.deadline = time.monotonic() + patience
        return super().handle(conn)

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        """What is not here of a body that nobody read is not waited for."""
        conn.sock.deadline = time.monotonic()
        return bool(super()._keepalive_after(conn, keepalive))


class Response(wsgi.Response):  # type: ignore[misc]
    """Without saying what we are."""

    def default_headers(self) -> list[str]:
        return [line for line in super().default_headers() if not line.startswith("Server:")]


wsgi.Response = Response
