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
from bench import against, picture, place, report
from bench.figures import Result

RESULTS = Path(__file__).parent / "results"
ORDER = (
    "email", "esp", "sms", "codes", "memory", "request", "prepare", "audiences", "uploads", "scale",
    "pages", "enumeration",
)  # fmt: skip
SLOW = {"prepare", "scale", "enumeration"}  # what --quick leaves out


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
    parser.add_argument("--quick", action="store_true", help="one run, without the slowest")
    parser.add_argument("--against", metavar="REF", help="a commit, and this checkout, in turns")
    parser.add_argument("--full", action="store_true", help="everyone at full size")
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite")
    options = parser.parse_args(words)
    if unknown := set(options.names) - set(known):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    if options.runs < 1:
        parser.error("--runs: at least 1")
    place.chosen = "PostgreSQL" if options.postgresql else "SQLite"
    names = options.names or [name for name in known if not (options.quick and name in SLOW)]
    runs = 1 if options.quick else options.runs
    if options.against:
        more = [f"--{each}" for each in ("full", "postgresql") if getattr(options, each)]
        print(against.compare(options.against, names, runs, more))
        return
    results: list[Result] = []
    failed = []
    for name in names:
        print(f"{known[name].TITLE} ...", file=sys.stderr, flush=True)
        started = time.monotonic()
        try:
            result = known[name].run(runs, options.full)
        except Exception:  # the others' results do not go with it
            traceback.print_exc()
            failed.append(name)
            continue
        results.append(result)
        print(f"{report.section(result)}\n({name}: {time.monotonic() - started:.0f} s)\n")
        if not (options.names or options.quick):
            write(results)
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}")


def write(results: list[Result]) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "table.md").write_text(report.page(results, place.chosen))
    (RESULTS / "picture.svg").write_text(picture.draw(results))


if __name__ == "__main__":
    main(sys.argv[1:])
