"""Preparing a notice to very many: the request that accepts it, and the worker that writes a row
for each person."""

import time

from bench import bellhop, place
from bench.desk import Desk
from bench.figures import Figure, Result, Target
from bench.guests import guest
from bench.peer import Peer

NAME = "prepare"
TITLE = "Preparing a notice to many"
PASTED = 10_000
REQUEST = "the request that accepts it"
SIZES = (10_000, 100_000, 1_000_000)
NOTES = [
    "The request is a POST to gunicorn. Preparing: from pressing *Send at once* until it is being "
    "sent, by one worker that waits for it. Each recipient has a row then, which is checked.",
    "Memory: the greatest resident size of the worker or its child, whichever had more.",
    "Peers: a loop that queues a Celery task for each user, as in the tutorials; and Bellhop's own "
    "rows by `bulk_create`.",
    "1,000,000 once, the peers at 10,000 only; with `--full` everything at each turn.",
]


class Figures:
    """Rows by what was done and by whom, in the order in which they were first met."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Figure] = {}

    def add(self, what: str, contender: str, unit: str, value: float) -> None:
        row = self.rows.setdefault((what, contender), Figure(what, contender, unit))
        row.runs.append(value)

    def worst(self, what: str) -> float:
        """The greatest median of our own rows of that kind."""
        ours = [row for row in self.rows.values() if row.contender.startswith("Bellhop")]
        return max(row.median for row in ours if row.what.startswith(what))


def run(runs: int, full: bool) -> Result:
    figures = Figures()
    for number in range(runs):
        for people in SIZES:
            if full or number == 0 or people < SIZES[-1]:
                for kind in place.kinds():
                    turn(figures, kind, people)
                    if full or people == SIZES[0]:
                        by_rows(figures, kind, people)
            if full or people == SIZES[0]:
                by_tasks(figures, people)
    return Result(TITLE, list(figures.rows.values()), targets(figures), NOTES)


def targets(figures: Figures) -> list[Target]:
    limits = [("the request that accepts a notice", "the request", "ms", 200.0),
              ("1,000,000 prepared", "preparing", "s", 60.0),
              ("memory of the worker", "peak memory", "MB", 150.0)]  # fmt: skip
    return [
        Target(name, figures.worst(what), limit, at_least=False, unit=unit)
        for name, what, unit, limit in limits
    ]


def turn(figures: Figures, kind: str, people: int) -> None:
    with place.opened() as here:
        desk = Desk(here, people, kind)
        page, took = desk.accept(audience="everyone")
        who = f"Bellhop, {people:,} people"
        figures.add(f"{REQUEST}, {kind}", who, "ms", took * 1000)
        prepare(figures, desk, page, who, kind, people + 1)  # and the one at the desk
        if people == SIZES[0]:
            who = f"Bellhop, {PASTED:,} pasted addresses"
            lines = "\n".join(guest(number).email for number in range(PASTED))
            page, took = desk.accept(audience="addresses", addresses=lines)
            figures.add(f"{REQUEST}, {kind}", who, "ms", took * 1000)
            prepare(figures, desk, page, who, kind, PASTED)


def prepare(figures: Figures, desk: Desk, page: str, who: str, kind: str, recipients: int) -> None:
    seconds, peak = desk.prepare(page)
    figures.add(f"preparing, {kind}", who, "s", seconds)
    figures.add(f"peak memory, {kind}", who, "MB", peak)
    assert desk.recipients(page) == recipients


def by_rows(figures: Figures, kind: str, people: int) -> None:
    with place.opened() as here:
        environment = bellhop.SETTINGS | bellhop.copies(here, "people", people, kind)
        took = float(place.command("-m", "bench.processes.staff", "rows", **environment))
    figures.add(f"preparing, {kind}", f"bulk_create, {people:,} rows", "s", took)


def by_tasks(figures: Figures, people: int) -> None:
    with place.opened() as here:
        began = Peer(here, people).press("celery", "email")
        took = time.monotonic() - began
    figures.add(f"preparing, {place.chosen}", f"Celery, {people:,} tasks", "s", took)
