"""The staff's pages over a database as after a year, beside the same pages over a small one."""

import json

from bench import bellhop, place
from bench.desk import filled_with
from bench.figures import Figure, Result, Target
from bench.report import number
from tests import postgresql

NAME = "pages"
TITLE = "Pages over 1,000,000 deliveries in 1,000 notices"
MANY, FEW = 1_000_000, 1_000

Facts = dict[str, float]  # of one page: as bench/processes/ask.py prints them


def run(runs: int, full: bool) -> Result:
    kinds = ["SQLite"] + ["PostgreSQL"] * bool(postgresql.programs())
    found: dict[tuple[str, int], list[dict[str, Facts]]] = {}
    with place.opened() as here:
        redis = here.redis().url
        urls = {
            (kind, size): here.database(("all", size), filled_with("all", size), kind)
            for kind in kinds
            for size in (MANY, FEW)
        }
        for _ in range(runs):
            for key, url in urls.items():
                environment = bellhop.SETTINGS | {"DATABASE_URL": url, "REDIS_URL": redis}
                answer = place.command("-m", "bench.processes.ask", **environment)
                found.setdefault(key, []).append(json.loads(answer.splitlines()[-1]))
    figures = [
        Figure(
            f"{page}, {kind}", f"{size:,} deliveries", "ms", [each[page]["ms"] for each in asked]
        )
        for kind in kinds
        for page in found[kind, MANY][0]
        for size, asked in ((MANY, found[kind, MANY]), (FEW, found[kind, FEW]))
    ]
    targets = [
        Target(f"slowest page, {kind}", slowest(figures, kind), 200, at_least=False, unit="ms")
        for kind in kinds
    ]
    notes = [
        "One notice has half of the deliveries and is being sent. Peers there are none: it is the "
        "same pages over a small database that these are beside.",
        *(f"{kind}: {words(found[kind, MANY][-1])}." for kind in kinds),
    ]
    return Result(TITLE, figures, targets, notes)


def slowest(figures: list[Figure], kind: str) -> float:
    many = f"{MANY:,} deliveries"
    return max(
        row.median for row in figures if row.contender == many and row.what.endswith(f", {kind}")
    )


def words(pages: dict[str, Facts]) -> str:
    """How many queries each page makes, and how long the database works for them."""
    return "; ".join(
        f"{page} {facts['queries']} queries in {number(facts['database_ms'])} ms"
        for page, facts in pages.items()
    )
