"""Two checkouts, turn by turn: what a change made faster or slower, on this machine, today."""

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.figures import Figure
from bench.report import number

HERE = Path(__file__).parent.parent
Row = tuple[str, str, str]  # what was done, who did it, unit
COLUMNS = 7  # of report.figures


def compare(ref: str, names: Sequence[str], runs: int, options: Sequence[str] = ()) -> str:
    """Each benchmark once in a checkout of `ref` and once here, `runs` times; a table in Markdown.
    Both use this virtual environment. Raises SystemExit when git does not know `ref`, or when a
    benchmark fails in either."""
    with tempfile.TemporaryDirectory(prefix="bellhop-against-") as folder:
        unpack(ref, folder)
        before: dict[Row, Figure] = {}
        after: dict[Row, Figure] = {}
        for _ in range(runs):
            for checkout, figures in ((Path(folder), before), (HERE, after)):
                for row, value in measured(checkout, names, options):
                    what, who, unit = row
                    figures.setdefault(row, Figure(what, who, unit)).runs.append(value)
    return table(ref, before, after)


def unpack(ref: str, folder: str) -> None:
    command = ["git", "-C", str(HERE), "archive", ref]
    found = subprocess.run(command, capture_output=True, check=False)
    if found.returncode:
        sys.exit(f"--against: {found.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
        archive.extractall(folder, filter="data")


def measured(
    checkout: Path, names: Sequence[str], options: Sequence[str]
) -> Iterator[tuple[Row, float]]:
    """As its own bench prints them: an older one knows no other way to tell."""
    command = [sys.executable, "-m", "bench", *names, "--runs", "1", *options]
    environment = os.environ | {"PYTHONPATH": "site"}
    found = subprocess.run(
        command, cwd=checkout, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if found.returncode:
        sys.exit(f"{' '.join(names)} failed in {checkout}.")
    return read(found.stdout)


def read(printed: str) -> Iterator[tuple[Row, float]]:
    """The rows of its tables of figures."""
    for line in printed.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == COLUMNS and cells[-1].isdigit():
            what, who, median, _least, _most, unit, _runs = cells
            yield (what, who, unit), float(median.replace(",", ""))


def table(ref: str, before: dict[Row, Figure], after: dict[Row, Figure]) -> str:
    lines = [
        f"| what | who | {ref} | here | unit | here ÷ {ref} | runs |",
        "|---|---|--:|--:|---|--:|--:|",
    ]
    for row, new in after.items():
        old = before.get(row)
        ratio = number(new.over(old)) if old and all(old.runs) else "–"
        was = spread(old) if old else "–"
        lines.append(
            f"| {new.what} | {new.contender} | {was} | {spread(new)} | {new.unit} | {ratio} "
            f"| {len(new.runs)} |"
        )
    return "\n".join(lines)


def spread(figure: Figure) -> str:
    least, most = number(min(figure.runs)), number(max(figure.runs))
    return f"{number(figure.median)} ({least}-{most})"
