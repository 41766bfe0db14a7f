"""How throughput grows with workers, and what a recipient costs as they become more."""

from bench.bulk import Contender, Contest
from bench.bulk_email import OURS, SINK
from bench.contenders import bellhop
from bench.figures import Figure, Result
from bench.report import number

NAME = "scale"
TITLE = "Email over SMTP: more workers, more recipients"


def run(runs: int, full: bool) -> Result:
    wide = {
        f"Bellhop, {count} worker{'s' * (count > 1)}": Contender(
            20_000, bellhop("email", OURS, count)
        )
        for count in (1, 2, 4)
    }
    long = {
        f"Bellhop, {people:,} recipients": Contender(people, bellhop("email", OURS))
        for people in (1_000, 10_000, 100_000)
    }
    workers = Contest(SINK, "email", wide).hold(runs, "as many workers")
    contest = Contest(SINK, "email", long)
    paces = contest.hold(runs, "as many recipients, 2 workers").values()
    costs = [
        Figure("CPU that a recipient takes, 2 workers", name, "ms", [1000 * one for one in each])
        for name, each in contest.cpu.items()
    ]
    one, two, four = workers.values()
    notes = [
        f"2 workers ÷ 1: {number(two.over(one))} ×; 4 ÷ 1: {number(four.over(one))} ×; CPU for a "
        f"recipient, 100,000 ÷ 10,000: {number(costs[-1].over(costs[-2]))} ×.",
        "CPU is that of Bellhop's workers and scheduler, without the mail server.",
        "As many workers: the mail server needs CPU too; more workers than cores share them.",
    ]
    return Result(TITLE, [*workers.values(), *paces, *costs], notes=notes)
