"""From the POST that asks for a code to the provider's door, idle and beside a notice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from typing import Protocol

from redis import Redis

from bench import arrivals, place, web
from bench.arrivals import Question
from bench.bellhop import Bellhop
from bench.figures import Figure, Result, Target
from bench.peer import Peer
from bench.place import Asked, Place
from bench.web import Web
from tests.support.processes import eventually

NAME = "codes"
TITLE = "From asking for a code to the provider's door, 2 workers"
RATES = (5, 20, 50)  # codes/s
BETWEEN = 20  # the rate at which the peers are measured
PEOPLE = 100_000  # who are to get the notice, or one after the other, lest it end too soon
FASTEST = 20_000  # emails/s: more than anybody sends
LONGEST = 1000  # ms: the p99 that is promised
TASKS = 12_000  # of the peers' notice: more than two of their workers do in the time

IDLE, PREPARING, BUSY = "idle", "as a notice is prepared", "beside a notice"
Waits = dict[tuple[str, int], list[float]]  # one of these, rate -> seconds


class Desk(Protocol):
    """One contender: its web process, its workers at work."""

    web: Web
    gateway: Asked  # where codes arrive
    sink: Asked  # where the notice arrives
    recipients: int
    prepares: bool  # the notice, once it is pressed

    def question(self, number: int) -> Question: ...
    def press(self) -> None: ...


class Ours:
    recipients, prepares = PEOPLE, True

    def __init__(self, here: Place) -> None:
        self.gateway = here.asked("bench.processes.provider", "sms", "0")
        self.sink = here.asked("bench.processes.sink")
        self.house = Bellhop(
            here, PEOPLE, 2,
            EMAIL_URL=f"smtp://127.0.0.1:{self.sink.port}",
            SMS_URLS=f"webhook+http://127.0.0.1:{self.gateway.port}/",
            **web.SETTINGS,
        )  # fmt: skip
        self.web = Web(here, "--pythonpath", "site", "config.wsgi", **self.house.environment)

    def question(self, number: int) -> Question:
        # Scattered, as people's are: one prefix for all would look like pumping.
        mobile = f"+86139{number * 61_803_399 % 10**8:08d}"
        return Question(mobile, self.web.code_for(mobile))

    def press(self) -> None:
        self.house.press("email")


class Theirs:
    """`own_queue`: codes have a queue and one of the two workers to themselves."""

    recipients, prepares = TASKS, False

    def __init__(self, here: Place, own_queue: bool) -> None:
        self.gateway = here.asked("bench.processes.provider", "sms", "0")
        self.sink = here.asked("bench.processes.sink")
        peer = Peer(
            here, TASKS, "notice",
            SMS_GATEWAY=f"http://127.0.0.1:{self.gateway.port}/", EMAIL_PORT=str(self.sink.port),
            OWN_QUEUE=str(int(own_queue)),
        )  # fmt: skip
        self.redis = Redis.from_url(peer.environment["REDIS_URL"])
        for queue, children in (("codes", 1), ("celery", 1)) if own_queue else (("celery", 2),):
            peer.celery("prefork", children, queue=queue)
        self.web = Web(here, "django.core.wsgi:get_wsgi_application()", **peer.environment)

    def question(self, number: int) -> Question:
        mobile = f"+86139{number:08d}"
        return Question(mobile, {"mobile": mobile})

    def press(self) -> None:
        """A loop over the users would take its time; its tasks are there already."""
        self.redis.rename("notice", "celery")


# Measuring


def turn(desk: Desk, rates: tuple[int, ...], seconds: float, seed: int) -> Waits:
    found: Waits = {}
    numbers = count()

    def ask(rate: float, lasting: float, press: Callable[[], None] = lambda: None) -> list[float]:
        when = list(arrivals.moments(rate, lasting, seed))
        questions = [desk.question(number) for number in islice(numbers, len(when))]
        with ThreadPoolExecutor(1) as staff:
            pressed = staff.submit(press)
            waits = arrivals.waits(desk.web.port, questions, desk.gateway, when)
            pressed.result()
        return waits

    ask(BETWEEN, 1)  # what the first ones cost is not counted
    for rate in rates:
        found[IDLE, rate] = ask(rate, seconds)
    arrivals.drain(desk.gateway, BETWEEN + sum(map(len, found.values())))
    notices = 1
    if desk.prepares:
        found[PREPARING, BETWEEN] = ask(BETWEEN, seconds, desk.press)
        notices += 1 + int(len(rates) * seconds * FASTEST / desk.recipients)
        for _ in range(1, notices):  # lest it end too soon
            desk.press()
    else:
        desk.press()
    eventually(lambda: desk.sink.ask("count")["count"], 60)
    for rate in rates:
        found[BUSY, rate] = ask(rate, seconds)
    sent = desk.sink.ask("count")["count"]
    assert sent < notices * desk.recipients, "nothing went beside the last"
    return found


def share(waits: list[float], part: float) -> float:
    """So many ms are enough for `part` of them."""
    return 1000 * sorted(waits)[min(len(waits) - 1, int(len(waits) * part))]


MEASURES = {"p50": 0.5, "p99": 0.99}


def run(runs: int, full: bool) -> Result:
    seconds = 20 if full else 2
    contenders: dict[str, tuple[Callable[[Place], Desk], tuple[int, ...]]] = {
        "Bellhop": (Ours, RATES),
        "Celery, one queue": (lambda here: Theirs(here, False), (BETWEEN,)),
        "Celery, a queue for codes": (lambda here: Theirs(here, True), (BETWEEN,)),
    }
    figures: dict[tuple[str, str, int, str], Figure] = {}
    for seed in range(runs):
        for name, (open_desk, rates) in contenders.items():
            with place.opened() as here:
                found = turn(open_desk(here), rates, seconds, seed)
            for (state, rate), waits in found.items():
                for measure, part in MEASURES.items():
                    figure = figures.setdefault(
                        (name, state, rate, measure),
                        Figure(f"{rate} codes/s, {measure}", f"{name}, {state}", "ms"),
                    )
                    figure.runs.append(share(waits, part))
    return Result(TITLE, list(figures.values()), targets(figures), notes(seconds))


def targets(figures: dict[tuple[str, str, int, str], Figure]) -> list[Target]:
    found = []
    for state, rate in [(BUSY, rate) for rate in RATES] + [(PREPARING, BETWEEN)]:
        idle, busy = (figures["Bellhop", each, rate, "p99"] for each in (IDLE, state))
        what = f"{rate} codes/s {state}, p99"
        found.append(Target(what, busy.median, LONGEST, at_least=False, unit="ms"))
        if idle.median <= LONGEST:  # else idle is no measure: its own queue grows
            found.append(Target(f"{what} ÷ idle", busy.over(idle), 3, at_least=False, unit="×"))
    return found


def notes(seconds: float) -> list[str]:
    return [
        f"Visitors come at random moments, for {seconds:g} s at each rate; each is counted from "
        "the moment they were due, over a connection of their own, until the whole message is at "
        "the provider, which answers at once. Picture code and limits are in force.",
        f"The notice is an email over SMTP to {PEOPLE:,} people; lest it end too soon, more of "
        f"them follow. Preparing the first is a row of its own: the {seconds:g} s in which it is "
        "pressed. Of Celery's notice, "
        f"{TASKS:,} tasks are queued before: more than its workers do meanwhile.",
        f"A code that is not there {arrivals.PATIENCE:g} s after the last was asked for counts as "
        "long as it was waited for: with one queue that is all of them.",
        "The ratio to idle is left out at a rate that the idle workers cannot keep up with.",
        "Celery: 2 processes in all, as `prefork -c 2` on one queue, and as one for codes and one "
        "for the rest, which then has half of Bellhop's workers.",
    ]
