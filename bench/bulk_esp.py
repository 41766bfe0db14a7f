"""Bulk email by a service with an HTTP API that takes 200 ms a call."""

from bench.bulk import Contender, Contest
from bench.contenders import bellhop, celery, floor
from bench.figures import Result

NAME = "esp"
TITLE = "Bulk email by a service's API that takes 200 ms a call, 2 workers"
BELLHOP = "Bellhop, calls for 100"
ESP = ("bench.processes.provider", "mailgun", "0.2")
OURS = {
    "EMAIL_URL": "anymail://mailgun",
    "ANYMAIL_MAILGUN_API_KEY": "key-for-benchmarks",
    "ANYMAIL_MAILGUN_API_URL": "http://127.0.0.1:{port}/v3/",
}
# One task and one call for each person; by Anymail, as Bellhop.
THEIRS = {
    "EMAIL_BACKEND": "anymail.backends.mailgun.EmailBackend",
    "MAILGUN_API_URL": "http://127.0.0.1:{port}/v3/",
}
CONTENDERS = {
    BELLHOP: Contender(2_500, bellhop("email", OURS)),
    "Celery, prefork": Contender(20, celery("email", THEIRS)),
    "Celery, 2 × 20 threads": Contender(450, celery("email", THEIRS, "threads", 20, 2)),
    "floor: calls for 100": Contender(3_000, floor("mailgun")),
}


def run(runs: int, full: bool) -> Result:
    contest = Contest(ESP, "email", CONTENDERS, 5_000 if full else 0)
    figures = contest.hold(runs, "an email to each of many")
    return Result(TITLE, list(figures.values()), notes=contest.notes(BELLHOP))
