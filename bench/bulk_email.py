"""Bulk email over SMTP, a personal line in each."""

from functools import partial

from bench import place
from bench.bellhop import Bellhop
from bench.bulk import Contender, Contest, Press, Ready
from bench.figures import Result, Target
from bench.peer import Peer
from bench.place import Asked, Place

NAME = "email"
TITLE = "Bulk email over SMTP, 2 workers"
BELLHOP, CELERY, FLOOR = "Bellhop", "Celery, prefork", "floor: smtplib alone"
SINK = ("bench.processes.sink",)


def run(runs: int, full: bool) -> Result:
    contest = Contest(SINK, "email", CONTENDERS, 20_000 if full else 0)
    figures = contest.hold(runs, "an email to each of many")
    ours = figures[BELLHOP]
    return Result(
        TITLE,
        list(figures.values()),
        [
            Target("bulk email, Bellhop ÷ Celery", ours.over(figures[CELERY]), 10, unit="×"),
            Target("bulk email, Bellhop ÷ floor", ours.over(figures[FLOOR]), 0.7, unit="×"),
        ],
        contest.notes(),
    )


def bellhop(here: Place, sink: Asked, people: int, workers: int = 2) -> Press:
    house = Bellhop(here, people, workers, EMAIL_URL=f"smtp://127.0.0.1:{sink.port}")
    return partial(house.press, "email")


def celery(here: Place, sink: Asked, people: int) -> Press:
    peer = Peer(here, people, EMAIL_PORT=str(sink.port))
    peer.celery("prefork", 2)
    return partial(peer.press, "celery", "email")


def rq(here: Place, sink: Asked, people: int) -> Press:
    peer = Peer(here, people, EMAIL_PORT=str(sink.port))
    peer.rq(2)
    return partial(peer.press, "rq", "email")


def post_office(here: Place, sink: Asked, people: int) -> Press:
    peer = Peer(here, people, EMAIL_PORT=str(sink.port))
    return partial(peer.press, "post_office", "email")


def floor(channel: str) -> Ready:
    def ready(here: Place, sink: Asked, people: int) -> Press:
        return partial(place.floor, channel, sink.port, people, 2)

    return ready


CONTENDERS = {
    BELLHOP: Contender(5_000, bellhop),
    CELERY: Contender(1_000, celery),
    "plain RQ": Contender(100, rq),
    "django-post-office": Contender(5_000, post_office),
    "Django's send_messages alone": Contender(5_000, floor("django")),
    FLOOR: Contender(20_000, floor("email")),
}
