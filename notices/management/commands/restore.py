"""restore: the database as a copy has it. What is unfinished in it waits for staff."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from config import copies
from notices.delivery import high_water
from notices.models import HighWater

NEXT = """
What this copy calls unfinished may have gone since, so nothing of it goes before you decide:
accounts, opt-outs, notices and sign-ups since then are gone from this database.

  1. Opt-outs:     download the lists of your providers, an address a line, and
                   bin/manage suppress FILE --channel email    (or sms)
  2. Erased since: erase again whom the security log names (user-deleted).
  3. Start it:     codes and what is new go; what is held does not.
  4. Decide:       bin/manage restored                lists what is held
                   bin/manage restored --go NAME      send on: some people may get it twice
                   bin/manage restored --settle NAME  call it done: nothing more of it goes
                   or press the buttons on /health/. NAME may be all.

docs/running.md, "A restore", says which answer is right when."""


class Command(BaseCommand):
    help = """Brings a copy of bin/backup back, and holds all that is unfinished in it until staff
decide (manage.py restored). Stop web, workers and scheduler first."""
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--replace", action="store_true", help="the database that is there now is thrown away"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.look(options["file"], options["replace"])
            copies.bring_back(options["file"])
        except copies.CopyError as problem:
            raise CommandError(f"Nothing was changed. {problem}") from None
        call_command("migrate", interactive=False, verbosity=0)
        mark = HighWater.objects.first()
        held = high_water.hold()
        self.stdout.write(f"Restored from {options['file']}.")
        if mark:
            self.stdout.write(f"Until {mark.at.isoformat(timespec='seconds')} it knows it all.")
        self.stdout.write(f"{held} held.\n")
        call_command("restored", stdout=self.stdout)
        self.stdout.write(NEXT)

    def look(self, file: Path, replace: bool) -> None:
        """Raises CopyError where this must not be done."""
        newer = copies.migrations(file) - set(MigrationLoader(None).disk_migrations or ())
        if newer:
            app, name = min(newer)
            raise copies.CopyError(
                f"A newer Bellhop made this copy: it has {app} {name}. Install that version first."
            )
        tables = connection.introspection.table_names()
        if tables and not replace:
            raise copies.CopyError(
                f"{connection.settings_dict['NAME']} has {len(tables)} tables. --replace throws"
                " them away: make a copy of them first, with bin/backup."
            )
        if tables and copies.in_use():
            raise copies.CopyError(
                "The database is in use. Stop web, workers and scheduler first (Ctrl-C where"
                " bin/up runs), and close every other connection."
            )
