"""Bulk email over SMTP, a personal line in each."""

from bench.bulk import Contender, Contest
from bench.contenders import bellhop, celery, floor, post_office, rq
from bench.figures import Result, Target

NAME = "email"
TITLE = "Bulk email over SMTP, 2 workers"
BELLHOP, CELERY, FLOOR = "Bellhop", "Celery, prefork", "floor: smtplib alone"
SINK = ("bench.processes.sink",)
OURS = {"EMAIL_URL": "smtp://127.0.0.1:{port}"}
THEIRS = {"EMAIL_PORT": "{port}"}
CONTENDERS = {
    BELLHOP: Contender(20_000, bellhop("email", OURS)),
    CELERY: Contender(1_500, celery("email", THEIRS)),
    "plain RQ": Contender(120, rq("email", THEIRS)),
    "django-post-office": Contender(5_000, post_office(THEIRS)),
    "Django's send_messages alone": Contender(8_000, floor("django")),
    FLOOR: Contender(20_000, floor("email")),
}


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
        contest.notes(BELLHOP),
    )
