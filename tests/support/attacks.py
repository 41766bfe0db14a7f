"""What a stranger may do to the web process, and what it costs: the real gunicorn under production
settings, with SQLite, and the attacks of the list."""

import http.client
import json
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

from local import embedded
from tests.support import checkout
from tests.support.processes import eventually

HOST = "bellhop.example.com"
PATIENCE = 6  # seconds that /healthz is waited for
CROWD = 200  # connections
SECONDS = 4  # that a slow attack lasts
TOKEN = "a" * 32
HEAD = f"Host: {HOST}\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 198.51.100.7\r\n"
COOKIE = f"Cookie: __Host-csrftoken={TOKEN}\r\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
JSON = "Content-Type: application/json\r\n"
REFERER = f"Referer: https://{HOST}/\r\n"


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
        own = self.run.popen.pid
        (child,) = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        self.pid = int(child)
        static = folder / "site" / "staticfiles"
        largest = max(static.rglob("*.js"), key=lambda path: path.stat().st_size)
        self.largest = f"/static/{largest.relative_to(static)}"

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

    def get(self, path: str) -> bytes:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        line.request("GET", path, headers={"Host": HOST, "X-Forwarded-Proto": "https"})
        return line.getresponse().read()

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
        ANYMAIL_WEBHOOK_SECRET="user:secret",
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
Sent = Callable[[Site], bytes]


def at_once(sent: Sent, times: int) -> Attack:
    """The same request so many times side by side."""

    def attack(site: Site, over: threading.Event) -> Iterator[str]:
        told: list[str] = []
        body = sent(site)
        threads = [
            threading.Thread(target=lambda: told.append(site.ask(body))) for _ in range(times)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        yield from told

    return attack


def go_on(
    site: Site, line: socket.socket | None, first: bytes, more: bytes, window: int
) -> socket.socket:
    """The line, after it sent what comes next. Raises OSError when it is closed."""
    if line is None:
        line = site.connect(2, window)
        line.sendall(first)
        line.setblocking(False)
    elif more:
        with suppress(BlockingIOError):
            line.send(more)
    return line


def slowly(start: Sent, more: bytes = b"", window: int = 0, crowd: int = CROWD) -> Attack:
    """Many connections that send `start`, then `more` now and then, for some seconds; those that
    were closed are opened again. None reads what it gets."""

    def attack(site: Site, over: threading.Event) -> Iterator[str]:
        first = start(site)
        lines: list[socket.socket | None] = [None] * crowd
        end = time.monotonic() + SECONDS
        for place in cycle(range(crowd)):
            if time.monotonic() > end:
                break
            if place == 0:
                time.sleep(0.5)
            try:
                lines[place] = go_on(site, lines[place], first, more, window)
            except OSError:
                lines[place] = None
                yield "closed"
        for line in filter(None, lines):
            line.close()

    return attack


def form(path: str, body: bytes) -> bytes:
    """With what the CSRF check wants."""
    secret = b"csrfmiddlewaretoken=" + TOKEN.encode() + b"&"
    return request(f"POST {path}", COOKIE, FORM, REFERER, body=secret + body)


def encoded(path: str, times: int) -> Attack:
    return at_once(lambda _: form(path, b"username=" + b"%41" * 3_300_000), times)


def nested(site: Site) -> bytes:
    body = b'{"a":[' + b",".join([b"[]"] * 3_300_000) + b"]}"
    return request("POST /notices/new/", JSON, body=body)


def upload(site: Site) -> bytes:
    part = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a.bin"\r\n\r\n'
    multipart = f"Content-Type: multipart/form-data; boundary=x\r\nX-CSRFToken: {TOKEN}\r\n"
    body = part + bytes(120 * 1024 * 1024) + b"\r\n--x--\r\n"
    return request("POST /login/", COOKIE, multipart, REFERER, body=body)


def declared(line: str, *headers: str, length: int = 60_000, body: bytes = b"") -> Sent:
    """A body that is said to be so long, and what comes of it at once."""
    return lambda _: request(line, JSON, *headers, body=body, length=length)


def in_chunks(site: Site) -> bytes:
    head = f"POST /signup/ HTTP/1.1\r\n{HEAD}{JSON}Transfer-Encoding: chunked\r\n\r\n"
    return head.encode()


def script(site: Site) -> bytes:
    return request(f"GET {site.largest}")


def heard(times: int) -> Attack:
    """Sounds, each asked for from elsewhere."""

    def attack(site: Site, over: threading.Event) -> Iterator[str]:
        address = json.loads(site.get("/signup/picture/"))["audio"]
        told: list[str] = []

        def ask(number: int) -> None:
            elsewhere = HEAD.replace("198.51.100.7", f"198.51.100.{number}")
            told.append(site.ask(f"GET {address} HTTP/1.1\r\n{elsewhere}\r\n".encode()))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(times)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        yield from told

    return attack


SIGN_IN = b"username=guest_wang&password=wrong"
ENDLESS = b"GET / HTTP/1.1\r\nX: "

ATTACKS = {
    "30 sign-ins at once": at_once(lambda _: form("/login/", SIGN_IN), 30),
    "30 sign-ins to the admin at once": at_once(lambda _: form("/admin/login/", SIGN_IN), 30),
    "40 sounds at once, from 40 origins": heard(40),
    "form of 9.9 MB to /login/": encoded("/login/", 1),
    "form of 9.9 MB to /login/, 3 at once": encoded("/login/", 3),
    "form of 9.9 MB to /signup/, 3 at once": encoded("/signup/", 3),
    "form of 9.9 MB to /password/, 3 at once": encoded("/password/", 3),
    "JSON of 9.9 MB to /notices/new/": at_once(nested, 1),
    "JSON of 9.9 MB to /notices/new/, 8 at once": at_once(nested, 8),
    "30,000 fields, 8 at once": at_once(lambda _: form("/login/", b"&a=1" * 15_000), 8),
    "file of 120 MB to /login/": at_once(upload, 1),
    "headers that trickle, 12": slowly(lambda _: ENDLESS, b"x", crowd=12),
    "headers that trickle, 200": slowly(lambda _: ENDLESS, b"x"),
    "a body that trickles, 12": slowly(declared("POST /signup/"), b" ", crowd=12),
    "a body that trickles, 200": slowly(declared("POST /signup/"), b" "),
    "a large body that trickles, 200": slowly(
        declared("POST /notices/new/", length=9_900_000), b" "
    ),
    "a large body to a provider's door, 200": slowly(
        declared("POST /anymail/amazon_ses/tracking/", length=1_900_000), b" "
    ),
    "a body in chunks that trickles, 200": slowly(in_chunks, b"1"),
    "a body that waits to be asked for, 200": slowly(
        declared("POST /signup/", "Expect: 100-continue\r\n"), b" "
    ),
    "a body that nobody reads, 200": slowly(declared("PUT /signup/picture/"), b" "),
    "63 KB of a body, then nothing, 200": slowly(
        declared("POST /signup/", body=b" " * 63 * 1024, length=64 * 1024)
    ),
    "opened and silent, 200": slowly(lambda _: b""),
    "opened and silent, 700": slowly(lambda _: b"", crowd=700),
    "answers that are not read, 200": slowly(script, window=4096),
    "8 answers that are not read, 200": slowly(lambda site: script(site) * 8, window=4096),
    "answers one after another, not read, 200": slowly(script, b"GET /a HTTP/1.1\r\n\r\n", 4096),
    "answered, and the line kept open, 200": slowly(lambda _: request("GET /healthz")),
    "answered, to be closed, and kept open, 200": slowly(
        lambda _: request("GET /healthz", "Connection: close\r\n")
    ),
}
