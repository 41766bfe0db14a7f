"""suppress: puts addresses on the suppression list, such as a provider's own list of opt-outs."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from notices.audience import recipients, suppression
from notices.channels import CHANNELS, SMS
from notices.management.options import Acting, add_author, read
from notices.models import Suppression
from signup import security

NOTE = "manage.py suppress"


class Command(Acting):
    help = "Puts addresses on the suppression list; what stands there already stays as it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="one a line; - is the input")
        parser.add_argument("--channel", required=True, choices=list(CHANNELS))
        parser.add_argument(
            "--kind", choices=Suppression.Kind.values,
            help="why: unsubscribed for email and stop for SMS, unless it is named",
        )  # fmt: skip
        add_author(parser)

    def handle(self, *args: Any, file: str, channel: str, **options: Any) -> None:
        pasted = recipients.read(read(file), [channel])
        default = Suppression.Kind.STOP if channel == SMS else Suppression.Kind.UNSUBSCRIBED
        kind, before = options["kind"] or default, Suppression.objects.count()
        rows = [
            Suppression(channel=channel, address=each.address, kind=kind, note=NOTE)
            for each in pasted.recipients
        ]
        with transaction.atomic():
            suppression.add_all(rows)
            security.tell("suppressed", number=len(rows))
        self.stdout.write(f"{Suppression.objects.count() - before} are new on the list.")
        for number, line, problem in pasted.problems:
            self.stderr.write(f"{number}: {line}: {problem}")
        if pasted.problems:
            raise CommandError(f"{len(pasted.problems)} lines were left out, see above.")
