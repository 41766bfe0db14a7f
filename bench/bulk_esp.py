"""Bulk email by a service with an HTTP API that takes 200 ms a call."""

from functools import partial

from bench import place
from bench.bellhop import Bellhop
from bench.bulk import Contender, Contest, Press, Ready
from bench.figures import Result, Target
from bench.peer import Peer
from bench.place import Asked, Place

NAME = "esp"
TITLE = "Bulk email by a service's API that takes 200 ms a call, 2 workers"
BELLHOP, CELERY = "Bellhop, calls for 100", "Celery, prefork"
THREADS = "Celery, 2 × 20 threads"
FLOOR = "floor: calls for 100 on 2 connections"
ESP = ("bench.processes.provider", "mailgun", "0.2")


def run(runs: int, full: bool) -> Result:
    contest = Contest(ESP, "email", CONTENDERS, 5_000 if full else 0)
    figures = contest.hold(runs, "an email to each of many")
    ours = figures[BELLHOP]
    targets = [
        Target(f"email by a service, Bellhop ÷ {name}", ours.over(figures[name]), wanted, unit="×")
        for name, wanted in ((CELERY, 10), (THREADS, 1), (FLOOR, 0.7))
    ]
    return Result(TITLE, list(figures.values()), targets, contest.notes())


def bellhop(here: Place, esp: Asked, people: int) -> Press:
    house = Bellhop(
        here, people,
        EMAIL_URL="anymail://mailgun", ANYMAIL_MAILGUN_API_KEY="key-for-benchmarks",
        ANYMAIL_MAILGUN_API_URL=f"http://127.0.0.1:{esp.port}/v3/",
    )  # fmt: skip
    return partial(house.press, "email")


def celery(pool: str, concurrency: int, processes: int) -> Ready:
    """One task and one call for each person; by Anymail, as Bellhop."""

    def ready(here: Place, esp: Asked, people: int) -> Press:
        peer = Peer(
            here, people,
            EMAIL_BACKEND="anymail.backends.mailgun.EmailBackend",
            MAILGUN_API_URL=f"http://127.0.0.1:{esp.port}/v3/",
        )  # fmt: skip
        peer.celery(pool, concurrency, processes)
        return partial(peer.press, "celery", "email")

    return ready


def floor(here: Place, esp: Asked, people: int) -> Press:
    return partial(place.floor, "mailgun", esp.port, people, 2)


CONTENDERS = {
    BELLHOP: Contender(2_000, bellhop),
    CELERY: Contender(40, celery("prefork", 2, 1)),
    THREADS: Contender(500, celery("threads", 20, 2)),
    FLOOR: Contender(4_000, floor),
}
