"""The staff's pages over a database as after a year, beside the same pages over a small one."""

import json

from bench import bellhop, place
from bench.figures import Figure, Result
from bench.report import number

NAME = "pages"
TITLE = "Pages over 1,000,000 deliveries in 1,000 notices"
MANY, FEW = 1_000_000, 1_000

Facts = dict[str, float]  # of one page: as bench/processes/ask.py prints them


def run(runs: int, full: bool) -> Result:
    kinds = place.kinds()
    found: dict[tuple[str, int], list[dict[str, Facts]]] = {}
    with place.opened() as here:
        houses = {
            (kind, size): bellhop.SETTINGS | bellhop.copies(here, "year", size, kind)
            for kind in kinds
            for size in (MANY, FEW)
        }
        for _ in range(runs):
            for key, environment in houses.items():
                answer = place.command("-m", "bench.processes.ask", **environment)
                found.setdefault(key, []).append(json.loads(answer.splitlines()[-1]))
    figures = [
        Figure(f"{page}, {kind}", who, "ms", [each[page]["ms"] for each in asked])
        for kind in kinds
        for page in found[kind, MANY][0]
        for who, asked in ((ours(), found[kind, MANY]), (f"over {FEW:,}", found[kind, FEW]))
    ]
    notes = [
        "One notice has half of the deliveries and is being sent. Peers there are none: it is the "
        "same pages over a small database that these are beside.",
        *(f"The slowest page on {kind}: {number(slowest(figures, kind))} ms." for kind in kinds),
        *(f"{kind}: {words(found[kind, MANY][-1])}." for kind in kinds),
    ]
    return Result(TITLE, figures, notes=notes)


def ours() -> str:
    return f"Bellhop, over {MANY:,}"


def slowest(figures: list[Figure], kind: str) -> float:
    return max(row.median for row in figures if row.contender == ours() and row.what.endswith(kind))


def words(pages: dict[str, Facts]) -> str:
    """How many queries each page makes, and how long the database works for them."""
    return "; ".join(
        f"{page} {facts['queries']} queries in {number(facts['database_ms'])} ms"
        for page, facts in pages.items()
    )
