"""backup: a copy of the whole database, while everything runs."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from config import clock, copies


class Command(BaseCommand):
    help = """Writes a copy of the whole database, while everything runs: one file, which only you
may read. Without FILE it goes into var/backups, with the time in its name."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        file = options["file"] or default()
        try:
            copies.make(file)
        except copies.CopyError as problem:
            raise CommandError(f"No copy was made. {problem}") from None
        self.stdout.write(f"{file}")
        self.stderr.write(
            f"{file.stat().st_size / 1e6:.1f} MB, with everybody's numbers and addresses: keep it"
            " where only you can read it, and SECRET_KEY and SUPPRESSION_KEY apart from it."
        )


def default() -> Path:
    ending = copies.ENDINGS[connection.vendor]
    return settings.VAR_DIR / "backups" / f"bellhop-{clock.now():%Y-%m-%dT%H%M%SZ}.{ending}"
