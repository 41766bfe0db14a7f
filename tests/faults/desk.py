"""The web process as on a dyno, and people who ask it for pages all the time."""

import http.client
import json
import os
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from django.test import Client

from local import embedded
from signup import pictures
from signup.models import User
from tests.faults.house import House
from tests.support.processes import ROOT, eventually
from tests.support.world import with_rights

SLACK = float(os.environ.get("FAULT_SLACK", "1"))  # where other things run beside the tests: more
PAUSE = 0.5  # seconds from one question to the next
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


class Answer(NamedTuple):
    page: str
    at: float  # time.monotonic() of the question
    seconds: float
    status: int  # 0: none came


class Desk:
    """The Procfile's web process on loopback, and a member of staff who is signed in."""

    def __init__(self, house: House) -> None:
        self.port = embedded.free_port()
        procfile = dict(
            line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines() if line
        )
        program, *words = shlex.split(procfile["web"])
        command = [str(Path(sys.executable).with_name(program)), *words]
        self.log = tempfile.NamedTemporaryFile(prefix="bellhop-web-", suffix=".log")  # noqa: SIM115
        unlimited = dict.fromkeys(
            ("CODE_LIMIT_NUMBER", "CODE_LIMIT_ORIGIN", "CODE_LIMIT_ALL"), "100000/minute"
        )
        self.popen = subprocess.Popen(
            [*command, "--bind", f"127.0.0.1:{self.port}"],
            cwd=ROOT, stdout=self.log, stderr=self.log, start_new_session=True,
            env=os.environ | house.environment | unlimited,
        )  # fmt: skip
        staff = User.objects.create_user("reception", "reception@example.com", is_staff=True)
        client = Client()
        client.force_login(with_rights(staff))
        self.cookies = f"sessionid={client.cookies['sessionid'].value}; csrftoken={'c' * 32}"
        self.answers: list[Answer] = []
        self.accepted: list[str] = []  # addresses of the notices that were accepted
        self.codes: list[str] = []  # mobiles to which a code was promised
        self.over = threading.Event()
        self.askers: list[threading.Thread] = []
        eventually(lambda: self.ask("/healthz") == 200, 30)

    def ask(self, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> int:
        """The status of the answer; 0 when none came within 10 s."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            line.request("POST" if body else "GET", path, body, headers or {})
            answer = line.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return 0
        else:
            return answer.status
        finally:
            line.close()

    # What is asked

    def see(self, path: str) -> int:
        return self.ask(path, headers={"Cookie": self.cookies})

    def write_notice(self, number: int) -> int:
        address = f"late{number}@example.com"
        form = {
            "subject": f"Late {number}", "text": "Dear ((name)), hello.", "channels": "email",
            "audience": "addresses", "addresses": address, "csrfmiddlewaretoken": "c" * 32,
        }  # fmt: skip
        status = self.ask("/notices/new/", urlencode(form), {"Cookie": self.cookies} | FORM)
        if status == 302:
            self.accepted.append(address)
        return status

    def ask_for_code(self, number: int) -> int:
        mobile, picture = f"+86138{number:08d}", pictures.new()
        body = {"mobile": mobile, "image_code_id": picture, "image_code": pictures.digits(picture)}
        status = self.ask("/signup/code/", json.dumps(body), JSON)
        if status == 200:
            self.codes.append(mobile)
        return status

    def open(self, notice: int) -> None:
        """From now on each of these is asked every half second, until `close_door`."""
        questions = {
            "GET /notices/": lambda _: self.see("/notices/"),
            "GET /notices/N/": lambda _: self.see(f"/notices/{notice}/"),
            "GET /signup/": lambda _: self.ask("/signup/"),
            "GET /health/": lambda _: self.see("/health/"),
            "POST /notices/new/": self.write_notice,
            "POST /signup/code/": self.ask_for_code,
        }

        def keep_asking(page, question):
            number = 0
            while not self.over.is_set():
                began = time.monotonic()
                status = question(number)
                took = time.monotonic() - began
                self.answers.append(Answer(page, began, took, status))
                number += 1
                self.over.wait(max(0.0, PAUSE - took))

        self.askers = [
            threading.Thread(target=keep_asking, args=question) for question in questions.items()
        ]
        for asker in self.askers:
            asker.start()

    def close_door(self) -> None:
        self.over.set()
        for asker in self.askers:
            asker.join()
        self.askers.clear()

    def close(self) -> None:
        self.close_door()
        self.popen.terminate()
        try:
            self.popen.wait(30)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()

    # What was seen

    def slowest(self) -> dict[str, float]:
        """Page -> seconds of its slowest answer."""
        found: dict[str, float] = {}
        for answer in self.answers:
            found[answer.page] = max(found.get(answer.page, 0.0), round(answer.seconds, 2))
        return found

    def statuses(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for answer in self.answers:
            found.setdefault(answer.page, set()).add(answer.status)
        return found

    def check(self) -> None:
        """Every answer came within 2 s; nobody saw an error but who was told that no code can go
        at the moment (docs: a code is the one thing that cannot wait for Redis)."""
        late = [answer for answer in self.answers if answer.seconds >= 2 * SLACK]
        assert not late, late
        seen = self.statuses()
        assert seen.pop("POST /notices/new/") == {302}, self.words()
        assert seen.pop("POST /signup/code/") <= {200, 503}, self.words()
        assert set().union(*seen.values()) == {200}, f"{seen}\n{self.words()}"

    def words(self) -> str:
        return Path(self.log.name).read_text(errors="replace")[-4000:]
