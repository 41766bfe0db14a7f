"""A file with very many people, from dropping it until each bad cell is told."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

from bench import bellhop, place
from bench.figures import Figure, Result, Target
from tests.support.processes import ROOT

NAME = "uploads"
TITLE = "A file with people"
ROWS = 100_000
SECONDS = 5.0
KINDS = ("csv", "xlsx")
FOR = {"people": "people to add", "notice": "whom one notice is for"}
NOTES = [
    f"{ROWS:,} rows of five columns, of which 500 are bad. By one worker that nobody interrupts, on"
    " SQLite: reading the file and keeping its rows, then checking them.",
    "Memory: of the process, which is 70 MB when it begins.",
]


def run(runs: int, full: bool) -> Result:
    figures: dict[tuple[str, str], Figure] = {}

    def add(what: str, who: str, unit: str, value: float) -> None:
        figures.setdefault((what, who), Figure(what, who, unit)).runs.append(value)

    with place.opened() as here:
        for kind in KINDS:
            file = here.folder / f"people.{kind}"
            file.write_bytes(output("file", kind, str(ROWS)))
            for _number in range(runs):
                for purpose, words in FOR.items():
                    who = f"{kind.upper()}, {words}"
                    reading, checking, peak = measured(here, file, kind, purpose)
                    add("reading", who, "s", reading)
                    add("both", who, "s", reading + checking)
                    add("peak memory", who, "MB", peak)
    slowest = max(each.median for each in figures.values() if each.what == "both")
    target = Target(f"{ROWS:,} rows are checked", slowest, SECONDS, at_least=False, unit="s")
    return Result(TITLE, list(figures.values()), [target], NOTES)


def measured(here: place.Place, file: Path, kind: str, purpose: str) -> list[float]:
    empty = here.copies("no people", partial(bellhop.fill, "people", "0"), "SQLite")
    data = file.read_bytes()
    found: list[float] = json.loads(output(kind, purpose, str(ROWS), data=data, **empty))
    return found


def output(*words: str, data: bytes = b"", **environment: str) -> bytes:
    command = [sys.executable, "-m", "bench.processes.dropped", *words]
    settings = bellhop.SETTINGS | {"PATH": "/usr/bin:/bin"} | environment
    done = subprocess.run(
        command, input=data, env=settings, cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    return done.stdout
