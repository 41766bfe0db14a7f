"""Whether a door takes another time for who is known: known and unknown ones in turn."""

import http.client
import json
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import count
from statistics import median
from typing import NamedTuple
from urllib.parse import urlencode

from bench import bellhop, place, web
from bench.figures import Figure, Result, Target
from bench.guests import Guest, guest
from bench.web import PICTURE, Web

NAME = "enumeration"
TITLE = "Whether the time of an answer tells who is known"
PAIRS, PAIRS_OF_SIGN_INS = 300, 60  # a sign-in computes a password's hash
MOST_MS = 5
TOKEN = "c" * 32
PASSWORD = "right horse 22"
SET_PASSWORDS = (
    "from django.contrib.auth.hashers import make_password; from signup.models import User; "
    f"User.objects.update(password=make_password({PASSWORD!r}))"
)


class Door(NamedTuple):
    """What is posted to `page` about somebody, and how often."""

    page: str
    about: Callable[[Guest], dict[str, object]]
    pairs: int


def register(**about: object) -> dict[str, object]:
    """What somebody posts who has no code."""
    person = {"username": "nobody_yet", "mobile": "+8613700000001", "sms_code": "000000"}
    return person | {"password": PASSWORD, "password2": PASSWORD, "allow": True} | about


def typed(who: Guest) -> dict[str, object]:
    """A wrong code, by the browser that asked for the right one."""
    return {"mobile": who.mobile, "sms_code": "000000"}


DOORS = {
    "a code, mobile": Door("/signup/code/", lambda who: {"mobile": who.mobile}, PAIRS),
    "a code to sign in, mobile": Door("/login/code/", lambda who: {"mobile": who.mobile}, PAIRS),
    "a code typed to sign in": Door("/login/", typed, PAIRS),
    "a code for a new password, mobile": Door(
        "/password/code/", lambda who: {"mobile": who.mobile}, PAIRS
    ),
    "a code typed for a new password": Door(
        "/password/", lambda who: typed(who) | {"password": PASSWORD}, PAIRS
    ),
    "registering, mobile": Door("/signup/", lambda who: register(mobile=who.mobile), PAIRS),
    "registering, username": Door("/signup/", lambda who: register(username=who.username), PAIRS),
    "registering, email": Door("/signup/", lambda who: register(email=who.email), PAIRS),
    "a new password, email": Door("/password/", lambda who: {"email": who.email}, PAIRS),
    "signing in, username": Door(
        "/login/", lambda who: {"username": who.username, "password": "wrong"}, PAIRS_OF_SIGN_INS
    ),
    "signing in, mobile": Door(
        "/login/", lambda who: {"username": who.mobile, "password": "wrong"}, PAIRS_OF_SIGN_INS
    ),
}


def run(runs: int, full: bool) -> Result:
    figures, targets, notes = [], [], []
    with place.opened() as here:
        environment = bellhop.SETTINGS | web.SETTINGS | bellhop.copies(here, "people", PAIRS + 10)
        environment |= {"CODE_LIMIT_NUMBER": "1000/hour"}  # several doors about one number
        place.command("manage.py", "collectstatic", "--noinput", "-v0", **environment)
        place.command("manage.py", "shell", "-v0", "-c", SET_PASSWORDS, **environment)
        visitors = Visitors(Web(here, "config.wsgi", **environment))
        for name, door in DOORS.items():
            known, unknown = visitors.times(door)
            figures += [Figure(name, "known", "ms", known), Figure(name, "unknown", "ms", unknown)]
            difference = abs(median(known) - median(unknown))
            targets.append(Target(name, difference, MOST_MS, at_least=False, unit="ms"))
            notes.append(f"{name}: a known one takes longer in {auc(known, unknown):.0%} of pairs.")
    return Result(TITLE, figures, targets, notes)


class Visitors:
    """Each request comes from an origin of its own, so that no limit is met."""

    def __init__(self, desk: Web) -> None:
        self.desk, self.line, self.origins = desk, desk.line(60), count()
        self.held: dict[tuple[str, object], str] = {}  # who asked at which door -> their cookie

    def times(self, door: Door) -> tuple[list[float], list[float]]:
        """Milliseconds of the known and of the unknown, without the first ten of each."""
        spent: tuple[list[float], list[float]] = ([], [])
        for number in range(door.pairs + 10):
            pair = (guest(number), guest(10_000 + number))
            for which in (0, 1) if number % 2 else (1, 0):
                spent[which].append(self.time(door, pair[which]))
        return spent[0][10:], spent[1][10:]

    def time(self, door: Door, who: Guest) -> float:
        body = door.about(who)
        if door.page.endswith("/code/"):
            picture = json.loads(self.desk.get("/signup/picture/"))["image_code_id"]
            body |= {"image_code_id": picture, "image_code": PICTURE}
        if "mobile" in body:
            content, kind = json.dumps(body), "application/json"
        else:
            content = urlencode(body | {"csrfmiddlewaretoken": TOKEN})
            kind = "application/x-www-form-urlencoded"
        whose = (door.page.removesuffix("code/"), body.get("mobile"))
        number = next(self.origins)
        headers = web.HEADERS | {
            "X-Forwarded-For": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}",
            "Content-Type": kind,
            "Cookie": f"csrftoken={TOKEN}; __Host-csrftoken={TOKEN}; {self.held.get(whose, '')}",
            "Referer": f"https://127.0.0.1:{self.desk.port}/",
        }
        began = time.perf_counter()
        self.line.request("POST", door.page, content, headers)
        answer = self.line.getresponse()
        answer.read()
        took = time.perf_counter() - began
        check(door, answer, body)
        if door.page.endswith("/code/"):
            self.held[whose] = (answer.getheader("Set-Cookie") or "").partition(";")[0]
        return 1000 * took


def check(door: Door, answer: http.client.HTTPResponse, body: dict[str, object]) -> None:
    """Raises AssertionError when a limit or a mistake was timed instead."""
    wanted = {"/signup/": 400, "/password/": 302, "/login/": 200}
    status = 200 if door.page.endswith("/code/") else wanted[door.page]
    status = 400 if "sms_code" in body else status
    assert answer.status == status, f"{door.page}: {answer.status}"


def auc(known: Sequence[float], unknown: Sequence[float]) -> float:
    """How often one of the known takes longer than one of the unknown; 0.5 tells nothing."""
    ordered = sorted(unknown)
    shorter = sum(bisect_left(ordered, each) + bisect_right(ordered, each) for each in known)
    return shorter / 2 / len(known) / len(unknown)
