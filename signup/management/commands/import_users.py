"""People from a CSV file or a workbook (docs/people.md)."""

import json
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from notices.management.options import Acting, add_author
from signup import groups, security
from signup.batches import Batch
from signup.people import COLUMNS, OPTIONAL, BadRow, read_person
from web import tables

BATCH = 500


class Command(Acting):
    help = f"""Creates or updates a user for each row of a workbook (.xlsx), or of a CSV file in
UTF-8, UTF-16 or GB18030; its cells may be separated by commas, semicolons or tabs.

The first row names the columns: {",".join(COLUMNS)}. A row needs a username, a mobile or an email.
There may be a column name, too: what messages call the person, in any script; a column groups, with
commas between their names; and one for each attribute, by its name.
Numbers are of any country (+...), or of the default region.

A new username makes a user without a password; its owner chooses one by "Forgot your password?".
A known username gets what the row's other cells say; an empty cell leaves what is there.
Without a username it is whoever has the mobile, else the email; for a new one a username is made.
So the same file twice changes nothing the second time.

A row with a mistake is told on stderr by its number (the first row, with the names, is 1) and left
out; the others are kept. The exit status is 1 when a row was left out."""

    def create_parser(self, *args: Any, **options: Any) -> CommandParser:
        return super().create_parser(*args, formatter_class=RawDescriptionHelpFormatter, **options)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the CSV file or workbook")
        parser.add_argument(
            "--group",
            default="",
            metavar="NAME",
            help="all of them get into it; made if need be",
        )
        parser.add_argument(
            "--json", action="store_true", help="counts and bad cells as JSON, on stdout alone"
        )
        add_author(parser)

    def handle(self, *, file: Path, group: str, **options: Any) -> None:
        self.problems: list[dict[str, Any]] | None = [] if options["json"] else None
        try:
            self.group = groups.make(group)[0] if group else None
            counts = self.read(file)
        except OSError as problem:
            raise CommandError(f"{file} cannot be read: {problem.strerror}.") from None
        except tables.BadFile as problem:
            raise CommandError(str(problem)) from None
        except ValidationError as problem:
            raise CommandError(f"--group: {problem.messages[0]}") from None
        changed = {name: counts[name] for name in ("created", "updated")}
        if any(changed.values()):
            security.tell("people-imported", **changed)
        self.say(counts)

    def say(self, counts: dict[str, int]) -> None:
        bad = counts["bad"]
        if self.problems is not None:
            self.stdout.write(json.dumps({**counts, "problems": self.problems}, ensure_ascii=False))
            if bad:
                raise SystemExit(1)
            return
        told = (f"{count} {what}" for what, count in counts.items() if what != "bad")
        self.stdout.write(", ".join(told) + ".")
        if bad:
            raise CommandError(
                f"{bad} left out, see above." if bad > 1 else "1 left out, see above."
            )

    def read(self, file: Path) -> dict[str, int]:
        """How many rows were created, updated, unchanged, bad."""
        counts = {"created": 0, "updated": 0, "unchanged": 0, "bad": 0}
        batch, own = Batch(), groups.attributes()
        for number, row in tables.read(file, COLUMNS, (*OPTIONAL, *own)):
            try:
                if isinstance(row, str):
                    raise BadRow(row)
                person = read_person(number, row, own)
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
        for person, outcome in batch.save(self.group):
            if isinstance(outcome, BadRow):
                self.tell(counts, person.row, outcome)
            else:
                counts[outcome] += 1

    def tell(self, counts: dict[str, int], number: int, problem: BadRow) -> None:
        counts["bad"] += 1
        if self.problems is None:
            self.stderr.write(f"row {number}: {problem}")
            return
        self.problems += [
            {"row": number, "column": column, "problem": words} for column, words in problem.cells
        ]
