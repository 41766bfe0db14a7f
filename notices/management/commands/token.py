"""token create: a token for another program, printed once."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError

from config import clock
from notices.api import tokens
from notices.management.options import Acting, add_author, member_of_staff
from web.problems import Problem


class Command(Acting):
    help = "Makes a token of the API and prints it, once: it can never be read again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        create = parser.add_subparsers(required=True).add_parser("create")
        create.add_argument("--name", required=True, help="who will use it")
        create.add_argument(
            "--scope", required=True, action="append", choices=list(tokens.SCOPES),
            help="may be named several times",
        )  # fmt: skip
        create.add_argument("--test", action="store_true", help="what it sends reaches nobody")
        create.add_argument("--days", type=int, metavar="N", help="after which it expires")
        create.add_argument(
            "--network", action="append", default=[], metavar="CIDR", help="only from there"
        )
        add_author(create)

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["days"]
        if days is not None and not 0 < days <= 36500:
            raise CommandError("--days: Name 1 to 36500 days.")
        try:
            _row, secret = tokens.make(
                options["name"],
                options["scope"],
                is_test=options["test"],
                author=member_of_staff(options["by"]),
                expires_at=clock.now() + timedelta(days=days) if days else None,
                networks=tokens.networks(" ".join(options["network"])),
            )
        except Problem as problem:
            raise CommandError(problem.sentence) from None
        self.stdout.write(secret)
