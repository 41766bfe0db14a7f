"""bin/bench: which benchmarks to run, and where their results go."""

import argparse
import importlib
import pkgutil
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType

import bench
from bench import picture, place, report
from bench.figures import Result

RESULTS = Path(__file__).parent / "results"
ORDER = (
    "email", "esp", "sms", "codes", "memory", "request", "prepare", "audiences", "scale", "pages",
    "enumeration",
)  # fmt: skip


def benchmarks() -> dict[str, ModuleType]:
    """What one types -> its module: each that has a NAME, in the order of the table."""
    modules = (
        importlib.import_module(f"bench.{each.name}")
        for each in pkgutil.iter_modules(bench.__path__)
        if not each.ispkg and each.name != "__main__"
    )
    found = {module.NAME: module for module in modules if hasattr(module, "NAME")}
    return {name: found[name] for name in sorted(found, key=ORDER.index)}


def main(words: list[str]) -> None:
    known = benchmarks()
    parser = argparse.ArgumentParser("bin/bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--runs", type=int, default=5, help="of each contender (5)")
    parser.add_argument("--full", action="store_true", help="everyone at full size")
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite")
    options = parser.parse_args(words)
    if unknown := set(options.names) - set(known):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    if options.runs < 1:
        parser.error("--runs: at least 1")
    place.chosen = "PostgreSQL" if options.postgresql else "SQLite"
    results: list[Result] = []
    failed = []
    for name in options.names or known:
        print(f"{known[name].TITLE} ...", file=sys.stderr, flush=True)
        started = time.monotonic()
        try:
            result = known[name].run(options.runs, options.full)
        except Exception:  # the others' results do not go with it
            traceback.print_exc()
            failed.append(name)
            continue
        results.append(result)
        print(f"{report.section(result)}\n({name}: {time.monotonic() - started:.0f} s)\n")
        if not options.names:
            write(results)
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}")


def write(results: list[Result]) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "table.md").write_text(report.page(results, place.chosen))
    (RESULTS / "picture.svg").write_text(picture.draw(results))


if __name__ == "__main__":
    main(sys.argv[1:])
