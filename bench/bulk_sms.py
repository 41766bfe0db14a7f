"""Bulk SMS by a provider that takes 300 ms a message."""

from functools import partial

from bench import place
from bench.bellhop import Bellhop
from bench.bulk import Contender, Contest, Press, Ready
from bench.figures import Result, Target
from bench.peer import Peer
from bench.place import Asked, Place

NAME = "sms"
TITLE = "Bulk SMS by a provider that takes 300 ms, 2 workers"
BELLHOP, CELERY = "Bellhop", "Celery, prefork"
THREADS = "Celery, 2 × 20 threads"
GATEWAY = ("bench.processes.provider", "sms", "0.3")


def run(runs: int, full: bool) -> Result:
    contest = Contest(GATEWAY, "mobile", CONTENDERS, 2_000 if full else 0)
    figures = contest.hold(runs, "an SMS to each of many")
    ours = figures[BELLHOP]
    targets = [
        Target(f"bulk SMS, Bellhop ÷ {name}", ours.over(figures[name]), wanted, unit="×")
        for name, wanted in ((CELERY, 10), (THREADS, 1))
    ]
    return Result(TITLE, list(figures.values()), targets, contest.notes())


def bellhop(here: Place, gateway: Asked, people: int) -> Press:
    house = Bellhop(here, people, SMS_URLS=f"webhook+http://127.0.0.1:{gateway.port}/")
    return partial(house.press, "sms")


def celery(pool: str, concurrency: int, processes: int) -> Ready:
    def ready(here: Place, gateway: Asked, people: int) -> Press:
        peer = Peer(here, people, SMS_GATEWAY=f"http://127.0.0.1:{gateway.port}/")
        peer.celery(pool, concurrency, processes)
        return partial(peer.press, "celery", "sms")

    return ready


def rq(here: Place, gateway: Asked, people: int) -> Press:
    peer = Peer(here, people, SMS_GATEWAY=f"http://127.0.0.1:{gateway.port}/")
    peer.rq(2)
    return partial(peer.press, "rq", "sms")


def floor(connections: int) -> Ready:
    def ready(here: Place, gateway: Asked, people: int) -> Press:
        return partial(place.floor, "sms", gateway.port, people, connections)

    return ready


CONTENDERS = {
    BELLHOP: Contender(400, bellhop),
    CELERY: Contender(20, celery("prefork", 2, 1)),
    THREADS: Contender(400, celery("threads", 20, 2)),
    "plain RQ": Contender(20, rq),
    "floor: 2 connections": Contender(20, floor(2)),
    "floor: 40 connections": Contender(400, floor(40)),
}
