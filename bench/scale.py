"""How throughput grows with workers, and what a recipient costs as they become more."""

from functools import partial

from bench.bulk import Contender, Contest
from bench.bulk_email import SINK, bellhop
from bench.figures import Figure, Result, Target

NAME = "scale"
TITLE = "Email over SMTP: more workers, more recipients"


def run(runs: int, full: bool) -> Result:
    wide = {
        f"Bellhop, {count} worker{'s' * (count > 1)}": Contender(
            20_000 if full else 5_000, partial(bellhop, workers=count)
        )
        for count in (1, 2, 4)
    }
    long = {
        f"Bellhop, {people:,} recipients": Contender(people, bellhop)
        for people in (1_000, 10_000, *([100_000] if full else []))
    }
    workers = Contest(SINK, "email", wide).hold(runs, "as many workers")
    contest = Contest(SINK, "email", long)
    paces = contest.hold(runs, "as many recipients, 2 workers").values()
    costs = [
        Figure("CPU that a recipient takes, 2 workers", name, "ms", [1000 * one for one in each])
        for name, each in contest.cpu.items()
    ]
    one, two, *_more = workers.values()
    targets = [
        Target("2 workers ÷ 1 worker", two.over(one), 1.5, unit="×"),
        Target(
            f"CPU for a recipient, {costs[-1].contender} ÷ {costs[0].contender}",
            costs[-1].over(costs[0]), 1.2, at_least=False, unit="×",
        ),
    ]  # fmt: skip
    notes = [
        "CPU is that of Bellhop's workers and scheduler, without the mail server.",
        "As many workers: the mail server needs CPU too; more workers than cores share them.",
    ]
    return Result(TITLE, [*workers.values(), *paces, *costs], targets, notes)
