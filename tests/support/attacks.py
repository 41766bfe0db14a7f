"""What a stranger may do to the web process, and what it costs: the real gunicorn under production
settings, with SQLite, and the attacks of the list."""

import http.client
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from local import embedded
from tests.support import checkout
from tests.support.processes import eventually

HOST = "bellhop.example.com"
PATIENCE = 6  # seconds that /healthz is waited for
CROWD = 200  # connections
TOKEN = "a" * 32
HEAD = f"Host: {HOST}\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 198.51.100.7\r\n"
COOKIE = f"Cookie: csrftoken={TOKEN}\r\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
JSON = "Content-Type: application/json\r\n"


class Cost(NamedTuple):
    """Of an attack: how long /healthz took at worst, and the most memory that was resident."""

    seconds: float
    megabytes: float
    statuses: dict[str, int]  # what the attacker was told, and how often


def request(line: str, *headers: str, body: bytes = b"", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = f"{line} HTTP/1.1\r\n{HEAD}{''.join(headers)}Content-Length: {size}\r\n\r\n"
    return head.encode() + body


class Site:
    """The web process of a built checkout: `python manage.py collectstatic` was run there."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.port = int(environment["PORT"])
        self.run = checkout.dyno(folder, "web", environment)
        eventually(lambda: self.health() < PATIENCE, 40)
        (child,) = Path(f"/proc/{self.run.popen.pid}/task/{self.run.popen.pid}/children").read_text().split()  # noqa: E501  # fmt: skip
        self.pid = int(child)

    def end(self) -> None:
        if self.run.popen.poll() is None:
            self.run.signal(signal.SIGKILL)
            self.run.popen.wait()

    def connect(self, seconds: float = 30, window: int = 0) -> socket.socket:
        line = socket.socket()
        if window:  # so little is taken of an answer
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        line.settimeout(seconds)
        line.connect(("127.0.0.1", self.port))
        return line

    def health(self) -> float:
        """Seconds until /healthz answers; PATIENCE when it does not."""
        began = time.monotonic()
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            line.request("GET", "/healthz", headers={"Host": HOST})
            good = line.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            good = False
        finally:
            line.close()
        return time.monotonic() - began if good else PATIENCE

    def peak(self) -> float:
        """MB: the most that was resident since `forget_peak()`."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def ask(self, sent: bytes) -> str:
        """The status that one request gets: "reset" when the line breaks, "" when none comes."""
        try:
            with self.connect(20) as line:
                with suppress(ConnectionError):  # it may be refused before all of it has gone
                    line.sendall(sent)
                return line.recv(1000)[9:12].decode() or "reset"
        except ConnectionError:
            return "reset"
        except OSError:
            return ""

    def under(self, attack: "Callable[[Site, threading.Event], Iterator[str]]") -> Cost:
        """Runs an attack, asking for /healthz all the while."""
        self.forget_peak()
        over, worst = threading.Event(), [0.0]

        def look() -> None:
            while not over.wait(0.1):
                worst[0] = max(worst[0], self.health())

        watcher = threading.Thread(target=look)
        watcher.start()
        told: dict[str, int] = {}
        try:
            for status in attack(self, over):
                told[status] = told.get(status, 0) + 1
        finally:
            over.set()
            watcher.join()
        return Cost(worst[0], self.peak(), told)


@contextmanager
def site(folder: Path, **more: str) -> Iterator[Site]:
    port = embedded.free_port()
    redis = embedded.start(folder.with_name("redis"), port, "--appendonly", "no")
    environment = checkout.environment(
        PORT=str(embedded.free_port()),
        DATABASE_URL=f"sqlite:///{folder.with_name('bellhop.sqlite3')}",
        REDIS_URL=f"redis://127.0.0.1:{port}/0",
        SECRET_KEY="7b1d4e6fa2c3958077e1b9d4c6f8a3e25d0b7c9f1e3a5d7b9c1f3e5a7d9b1c3f",
        ALLOWED_HOSTS=HOST,
        EMAIL_URL="console:",
        SMS_URLS="console:",
        TRUSTED_PROXIES="1",
        FORWARDED_ALLOW_IPS="*",
        WEB_CONCURRENCY="1",
        **more,
    )
    python = folder / ".venv" / "bin" / "python"
    subprocess.run([python, "manage.py", "migrate", "-v0"], cwd=folder, env=environment, check=True)
    found = Site(folder, environment)
    try:
        yield found
    finally:
        found.end()
        embedded.stop(redis)


# The attacks. Each yields what it was told.

Attack = Callable[[Site, threading.Event], Iterator[str]]


def at_once(sent: bytes, times: int) -> Attack:
    """The same request so many times side by side."""

    def attack(site: Site, over: threading.Event) -> Iterator[str]:
        told: list[str] = []
        threads = [
            threading.Thread(target=lambda: told.append(site.ask(sent))) for _ in range(times)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        yield from told

    return attack


def slowly(
    start: bytes, more: bytes = b"", seconds: float = 8, window: int = 0, crowd: int = CROWD
) -> Attack:
    """Many connections that send `start`, then one byte of `more` now and then; those that were
    closed are opened again. None reads what it gets."""

    def attack(site: Site, over: threading.Event) -> Iterator[str]:
        lines: list[socket.socket | None] = [None] * crowd
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for place, line in enumerate(lines):
                try:
                    if line is None:
                        lines[place] = line = site.connect(5, window)
                        line.sendall(start)
                        line.setblocking(False)
                    elif more:
                        line.send(more[:1])
                        line.getpeername()
                except BlockingIOError:
                    pass
                except OSError:
                    if line:
                        line.close()
                    lines[place] = None
                    yield "closed"
            time.sleep(0.5)
        for line in filter(None, lines):
            line.close()

    return attack


def trickle(path: str) -> bytes:
    return request(f"POST {path}", COOKIE, JSON, length=60_000)


def listed(folder: Path) -> dict[str, Attack]:
    """By what it does."""
    encoded = b"csrfmiddlewaretoken=" + TOKEN.encode() + b"&username=" + b"%41" * 3_300_000
    nested = b'{"a":[' + b",".join([b"[]"] * 3_300_000) + b"]}"
    fields = b"csrfmiddlewaretoken=" + TOKEN.encode() + b"&a=1" * 30_000
    upload = (
        b'--x\r\nContent-Disposition: form-data; name="a"; filename="a.bin"\r\n\r\n'
        + bytes(120 * 1024 * 1024) + b"\r\n--x--\r\n"
    )  # fmt: skip
    multipart = f"Content-Type: multipart/form-data; boundary=x\r\nX-CSRFToken: {TOKEN}\r\n"
    multipart += f"Referer: https://{HOST}/\r\n"
    referred = f"Referer: https://{HOST}/login/\r\n"
    statics = (folder / "site" / "staticfiles").rglob("*.js")
    largest = max(statics, key=lambda path: path.stat().st_size)
    script = f"GET /static/{largest.relative_to(folder / 'site' / 'staticfiles')}"
    sign_in = f"csrfmiddlewaretoken={TOKEN}&username=guest_wang&password=wrong".encode()
    attacks = {
        f"form of 9.9 MB to {path}, {times} at once": at_once(
            request(f"POST {path}", COOKIE, FORM, referred, body=encoded), times
        )
        for path, times in (("/login/", 1), ("/login/", 3), ("/signup/", 3), ("/password/", 3))
    }
    return attacks | {
        "JSON of 9.9 MB to /notices/new/, 8 at once": at_once(
            request("POST /notices/new/", JSON, body=nested), 8
        ),
        "30,000 fields, 8 at once": at_once(
            request("POST /login/", COOKIE, FORM, referred, body=fields), 8
        ),
        "file of 120 MB to /login/": at_once(
            request("POST /login/", COOKIE, multipart, body=upload), 1
        ),
        "30 sign-ins at once": at_once(
            request("POST /login/", COOKIE, FORM, referred, body=sign_in), 30
        ),
        "30 sign-ins to the admin at once": at_once(
            request("POST /admin/login/", COOKIE, FORM, referred, body=sign_in), 30
        ),
        "headers that trickle, 12": slowly(b"GET / HTTP/1.1\r\nX: ", b"x", crowd=12),
        "headers that trickle, 200": slowly(b"GET / HTTP/1.1\r\nX: ", b"x"),
        "a body that trickles, 12": slowly(trickle("/signup/"), b" ", crowd=12),
        "a body that trickles, 200": slowly(trickle("/signup/"), b" "),
        "a large body that trickles, 200": slowly(
            request("POST /notices/new/", COOKIE, FORM, referred, length=9_900_000), b" "
        ),
        "a body in chunks that trickles, 200": slowly(
            f"POST /signup/ HTTP/1.1\r\n{HEAD}{JSON}Transfer-Encoding: chunked\r\n\r\n".encode(),
            b"1",
        ),
        "a body that waits to be asked for, 200": slowly(
            request("POST /signup/", JSON, "Expect: 100-continue\r\n", length=60_000), b" "
        ),
        "a body that nobody reads, 200": slowly(
            request("PUT /signup/picture/", JSON, length=60_000), b" "
        ),
        "127 KB of a body, then nothing, 200": slowly(
            request("POST /signup/", JSON, length=127 * 1024, body=b" " * 126 * 1024)
        ),
        "opened and silent, 200": slowly(b""),
        "answers that are not read, 200": slowly(
            request(script), window=4096
        ),
        "answers that are not read, 8 on each of 200": slowly(
            request(script) * 8, window=4096
        ),
        "answered, and the line kept open, 200": slowly(request("GET /healthz")),
        "answered, to be closed, and kept open, 200": slowly(
            request("GET /healthz", "Connection: close\r\n")
        ),
        "opened and silent, 700": slowly(b"", crowd=700),
    }  # fmt: skip
