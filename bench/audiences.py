"""Counting and preparing a saved audience: half of the people by their group, and of those who are
not in one building."""

import json

from bench import place
from bench.desk import Desk
from bench.figures import Figure, Result, Target

NAME = "audiences"
TITLE = "A saved audience"
SIZES = (10_000, 100_000)
FULL = 1_000_000
NOTES = [
    "Two conditions, on a group and on an attribute, that four tenths of the people fit. Counting: "
    "how many are reached by each channel. Preparing: as above, by one worker.",
    "`--full`: 1,000,000.",
]


def run(runs: int, full: bool) -> Result:
    figures: dict[tuple[str, str], Figure] = {}
    sizes = (*SIZES, FULL) if full else SIZES
    for _number in range(runs):
        for people in sizes:
            for kind in place.kinds():
                turn(figures, kind, people)
    largest = f"{sizes[-1]:,} people"
    limits = [("counting", "ms", 300.0), ("preparing", "s", 30.0)]
    found = [
        Target(
            f"{what} of {largest}, {place.kinds()[-1]}",
            figures[f"{what}, {place.kinds()[-1]}", largest].median,
            limit,
            at_least=False,
            unit=unit,
        )
        for what, unit, limit in limits
    ]
    return Result(TITLE, list(figures.values()), found, NOTES)


def turn(figures: dict[tuple[str, str], Figure], kind: str, people: int) -> None:
    def add(what: str, unit: str, *values: float) -> None:
        key = (f"{what}, {kind}", f"{people:,} people")
        figures.setdefault(key, Figure(*key, unit)).runs.extend(values)

    with place.opened() as here:
        desk = Desk(here, people, kind)
        counted = json.loads(place.command("-m", "bench.processes.house", **desk.environment))
        add("counting", "ms", *counted)
        page, _took = desk.accept(audience="saved", saved="Half")
        seconds, peak = desk.prepare(page)
        add("preparing", "s", seconds)
        add("peak memory", "MB", peak)
        assert desk.recipients(page) == people * 4 // 10
