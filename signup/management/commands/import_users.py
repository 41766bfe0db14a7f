"""People from a CSV file (docs/running.md)."""

import csv
from argparse import RawDescriptionHelpFormatter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser

from signup.people import COLUMNS, BadRow, Batch, read_person

BATCH = 500


class Command(BaseCommand):
    help = f"""Creates or updates a user for each row of a CSV file in UTF-8.

The first row names the columns: {",".join(COLUMNS)}. Only username must be filled.
Numbers are of any country (+...), or of the default region.

A new username makes a user without a password; its owner chooses one by "Forgot your password?".
A known username gets the row's email, mobile and language; an empty cell leaves what is there.
So the same file twice changes nothing the second time.

A row with a mistake is told on stderr by its number (the first row, with the names, is 1) and left
out; the others are kept. The exit status is 1 when a row was left out."""

    def create_parser(self, *args: Any, **options: Any) -> CommandParser:
        return super().create_parser(*args, formatter_class=RawDescriptionHelpFormatter, **options)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the CSV file")

    def handle(self, *, file: Path, **options: Any) -> None:
        try:
            with file.open(encoding="utf-8-sig", errors="replace", newline="") as source:
                counts = self.read(source)
        except OSError as problem:
            raise CommandError(f"{file} cannot be read: {problem.strerror}.") from None
        bad = counts.pop("bad")
        self.stdout.write(", ".join(f"{count} {what}" for what, count in counts.items()) + ".")
        if bad:
            raise CommandError(
                f"{bad} left out, see above." if bad > 1 else "1 left out, see above."
            )

    def read(self, source: TextIO) -> dict[str, int]:
        """How many rows were created, updated, unchanged, bad."""
        counts = {"created": 0, "updated": 0, "unchanged": 0, "bad": 0}
        batch = Batch()
        for number, row in rows(source):
            try:
                if isinstance(row, BadRow):
                    raise row
                person = read_person(number, row)
            except BadRow as problem:
                self.tell(counts, number, problem)
                continue
            # A second row about the same person has to see what the first one did.
            if len(batch) >= BATCH or batch.mentions(person):
                self.save(batch, counts)
                batch = Batch()
            batch.add(person)
        self.save(batch, counts)
        return counts

    def save(self, batch: Batch, counts: dict[str, int]) -> None:
        for person, outcome in batch.save():
            if isinstance(outcome, BadRow):
                self.tell(counts, person.row, outcome)
            else:
                counts[outcome] += 1

    def tell(self, counts: dict[str, int], number: int, problem: BadRow) -> None:
        counts["bad"] += 1
        self.stderr.write(f"row {number}: {problem}")


def rows(source: TextIO) -> Iterator[tuple[int, dict[str, str] | BadRow]]:
    """Each row after the first with its number. Empty rows are skipped."""
    reader = csv.reader(source)
    names = [name.strip().lower() for name in next(reader, [])]
    if missing := [name for name in COLUMNS if name not in names]:
        raise CommandError(
            f"The first row does not name {', '.join(missing)}. "
            f"It has to name: {','.join(COLUMNS)}."
        )
    number = 1
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            yield number, BadRow(f"cannot be read: {problem}.")
            continue
        if not any(cells):
            continue
        if len(cells) != len(names):
            yield number, BadRow(f"has {len(cells)} cells, not {len(names)}.")
            continue
        yield number, dict(zip(names, cells, strict=True))
