"""Bulk SMS by a provider that takes 300 ms a message."""

from bench.bulk import Contender, Contest
from bench.contenders import bellhop, celery, floor, rq
from bench.figures import Result, Target

NAME = "sms"
TITLE = "Bulk SMS by a provider that takes 300 ms, 2 workers"
GATEWAY = ("bench.processes.provider", "sms", "0.3")
OURS = {"SMS_URLS": "webhook+http://127.0.0.1:{port}/"}
THEIRS = {"SMS_GATEWAY": "http://127.0.0.1:{port}/"}
MANY, THREADS = 600, 256  # that each of two has open at once
BELLHOP = f"Bellhop, IN_FLIGHT={MANY}"
CELERY = f"Celery, 2 × {THREADS} threads"
FLOOR = f"floor: asyncio, 2 × {MANY}"
CONTENDERS = {
    BELLHOP: Contender(15_000, bellhop("sms", OURS | {"IN_FLIGHT": str(MANY)})),
    "Bellhop as it comes": Contender(2_000, bellhop("sms", OURS)),
    "Celery, prefork": Contender(14, celery("sms", THEIRS)),
    "Celery, 2 × 32 threads": Contender(600, celery("sms", THEIRS, "threads", 32, 2)),
    CELERY: Contender(2_500, celery("sms", THEIRS, "threads", THREADS, 2)),
    "plain RQ": Contender(14, rq("sms", THEIRS)),
    FLOOR: Contender(15_000, floor("sms-asyncio", 2 * MANY)),
}


def run(runs: int, full: bool) -> Result:
    contest = Contest(GATEWAY, "mobile", CONTENDERS, 2_000 if full else 0)
    figures = contest.hold(runs, "an SMS to each of many")
    ours, rate = figures[BELLHOP], figures[BELLHOP].median
    targets = [
        Target("bulk SMS, Bellhop", rate, 3000, unit="recipients/s"),
        Target("bulk SMS, Bellhop ÷ Celery's threads", ours.over(figures[CELERY]), 5, unit="×"),
        Target("bulk SMS, Bellhop ÷ floor", ours.over(figures[FLOOR]), 0.8, unit="×"),
    ]
    return Result(TITLE, list(figures.values()), targets, contest.notes(BELLHOP))
