"""Bulk SMS by a provider that takes 300 ms a message."""

from bench.bulk import Contender, Contest
from bench.contenders import bellhop, celery, floor, rq
from bench.figures import Result

NAME = "sms"
TITLE = "Bulk SMS by a provider that takes 300 ms, 2 workers"
BELLHOP = "Bellhop"
GATEWAY = ("bench.processes.provider", "sms", "0.3")
OURS = {"SMS_URLS": "webhook+http://127.0.0.1:{port}/"}
THEIRS = {"SMS_GATEWAY": "http://127.0.0.1:{port}/"}
LINES = 32  # of a worker of Bellhop (notices/delivery/slices.py)
CONTENDERS = {
    BELLHOP: Contender(600, bellhop("sms", OURS)),
    "Celery, prefork": Contender(14, celery("sms", THEIRS)),
    f"Celery, 2 × {LINES} threads": Contender(600, celery("sms", THEIRS, "threads", LINES, 2)),
    "plain RQ": Contender(14, rq("sms", THEIRS)),
    "floor": Contender(600, floor("sms", 2 * LINES)),
}


def run(runs: int, full: bool) -> Result:
    contest = Contest(GATEWAY, "mobile", CONTENDERS, 2_000 if full else 0)
    figures = contest.hold(runs, "an SMS to each of many")
    return Result(TITLE, list(figures.values()), notes=contest.notes(BELLHOP))
