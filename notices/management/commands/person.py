"""person erase, export: what a person may ask for, for scripts. The same functions as the page."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder

from notices.audience.kept import kept
from notices.delivery import erasure
from notices.management.options import add_author, member_of_staff
from notices.models import Erasure
from signup import security
from signup.models import User


class Command(BaseCommand):
    help = "Removes all that is kept about somebody, or writes it out."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        for name, does in (
            ("erase", "remove them for good; 3 if something on its way to them is waited for"),
            ("export", "write all that is kept about them, as JSON"),
        ):
            each = commands.add_parser(name, help=does)
            each.add_argument("number", type=int, help="the person's, as in /people/12/")
            add_author(each, "who does it: a member of staff")

    def handle(self, *args: Any, command: str, number: int, by: str, **options: Any) -> None:
        staff = member_of_staff(by)
        person = User.objects.filter(pk=number).first()
        if command == "export":
            self.export(person or self.missing(number))
        elif person:
            self.erase(person, staff)
        else:
            self.erased(Erasure.objects.filter(person=number).first() or self.missing(number))

    def missing(self, number: int) -> Any:
        raise CommandError(f"There is no person {number}.")

    def export(self, person: User) -> None:
        security.tell("person-exported", account=person.pk)
        facts = kept(person)
        self.stdout.write(json.dumps(facts, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2))

    def erase(self, person: User, staff: User | None) -> None:
        try:
            row = erasure.ask(person, staff, Erasure.Way.COMMAND)
        except ValidationError as problem:
            raise CommandError(f"{problem.messages[0]} Nothing was changed.") from None
        self.erased(row)

    def erased(self, row: Erasure) -> None:
        self.stdout.write(json.dumps({"receipt": row.pk, "removed": row.counts}))
        if row.done_at is None:
            self.stderr.write("Something is on its way to them. The rest is removed after it.")
            sys.exit(3)
