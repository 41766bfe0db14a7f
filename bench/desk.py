"""The web process and one worker, with no scheduler."""

import json
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import psycopg

from bench import bellhop, place, web
from bench.guests import SUBJECT, TEXT
from bench.place import Place
from bench.web import Web
from tests.support.processes import Process

LATEST = 300  # seconds
TOKEN = "c" * 32


class Desk:
    """In `here`, with `people` users in a database of that kind."""

    def __init__(self, here: Place, people: int, kind: str) -> None:
        environment = bellhop.SETTINGS | web.SETTINGS | bellhop.copies(here, "people", people, kind)
        self.environment = environment
        # A turn of preparing that was long enough goes on on bulk.
        worker = Process("rqworker", "default", "bulk", **environment)
        self.worker = here.running(worker, "Listening on")
        self.web = Web(here, "config.wsgi", **environment)
        session = place.command("-m", "bench.processes.staff", "session", **environment)
        self.headers = web.HEADERS | {
            "Cookie": f"__Host-sessionid={session.strip()}; __Host-csrftoken={TOKEN}",
            "Referer": f"https://127.0.0.1:{self.web.port}/",
        }
        # The first one loads everything. Nobody starts it.
        self.accept(audience="addresses", addresses="first@example.com")

    def ask(self, method: str, path: str, body: str = "", status: int = 302) -> tuple[str, float]:
        """What it answers, or where it redirects to, and seconds."""
        line = self.web.line(LATEST)
        form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        began = time.monotonic()
        line.request(method, path, body, self.headers | form)
        answer = line.getresponse()
        text = answer.read().decode()
        took = time.monotonic() - began
        line.close()
        assert answer.status == status, f"{path}: {answer.status}"
        return answer.headers.get("Location", text), took

    def accept(self, **audience: str) -> tuple[str, float]:
        """The page of a notice that was written and waits, and seconds."""
        form = {"subject": SUBJECT, "text": TEXT, "channels": "email", **audience}
        body = urlencode(form | {"csrfmiddlewaretoken": TOKEN})
        return self.ask("POST", "/notices/new/", body)

    def recipients(self, page: str) -> int:
        text, _ = self.ask("GET", f"{page.rstrip('/')}.json", status=200)
        return int(json.loads(text)["recipients"])

    def prepare(self, page: str) -> tuple[float, float]:
        """Sends it at once: seconds from there until it begins to be sent, and the greatest memory
        in MB of the worker's processes in that time. The rest of it is cancelled."""
        token = urlencode({"csrfmiddlewaretoken": TOKEN})
        number = int(page.rstrip("/").rpartition("/")[2])
        with closing(opened(self.environment["DATABASE_URL"])) as database:
            began = time.monotonic()
            self.ask("POST", f"{page}start/", token)
            peak = 0.0
            while state_of(database, number) in ("waiting", "preparing"):
                peak = max(peak, memory(self.worker.pid))
                assert time.monotonic() - began < LATEST, self.worker.output()
                time.sleep(0.005)
            took = time.monotonic() - began
        self.ask("POST", f"{page}cancel/", token)
        return took, peak


def opened(url: str) -> Any:
    if url.startswith("sqlite:"):
        return sqlite3.connect(url.removeprefix("sqlite:///"), timeout=60, isolation_level=None)
    return psycopg.connect(url.replace("postgres://", "postgresql://", 1), autocommit=True)


def state_of(database: Any, number: int) -> str:
    """Of a notice."""
    found = database.execute(f"SELECT state FROM notices_notice WHERE id = {number:d}")
    return str(found.fetchone()[0])


def memory(pid: int) -> float:
    """MB at most until now of a process or of its children, whichever had more."""
    most = 0
    with suppress(psutil.NoSuchProcess, OSError):
        for each in (pid, *(child.pid for child in psutil.Process(pid).children())):
            for line in Path(f"/proc/{each}/status").read_text().splitlines():
                if line.startswith("VmHWM"):
                    most = max(most, int(line.split()[1]))
    return most / 1024
