"""restored: after the database was restored from a copy, what is in question, and the answers."""

import json
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.core.management.base import CommandError

from notices.delivery import high_water, questions
from notices.management.options import Acting, add_author, member_of_staff
from notices.models import HighWater


class Command(Acting):
    help = """Lists what is held because the database was restored (docs/running.md, A restore), and
lets it go or settles it. NAME is a notice's number, schedule-N, singles or all."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--go", action="append", metavar="NAME",
            help="send on as this database has it: some people may get it twice",
        )  # fmt: skip
        what.add_argument(
            "--settle", action="append", metavar="NAME",
            help="call it done: nothing more of it goes out",
        )  # fmt: skip
        what.add_argument(
            "--hold", action="store_true",
            help="hold all that is unfinished: before workers start on a copy beside a new Redis",
        )  # fmt: skip
        what.add_argument("--json", action="store_true")
        add_author(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        high_water.rise()
        if options["go"]:
            self.decide(questions.let_go, options["go"], "let go")
        elif options["settle"]:
            settle = partial(questions.settle, by=member_of_staff(options["by"]))
            self.decide(settle, options["settle"], "settled")
        elif options["hold"]:
            self.stdout.write(f"{high_water.hold()} held.")
        elif options["json"]:
            self.stdout.write(json.dumps(list(map(as_json, questions.questions()))))
        else:
            self.list()

    def decide(self, answer: Callable[[str], int], names: list[str], word: str) -> None:
        decided = sum(map(answer, names))
        self.stdout.write(f"{decided} {word}.")
        if not decided:
            raise CommandError("None of these is in question: manage.py restored lists what is.")

    def list(self) -> None:
        found = list(questions.questions())
        if not found:
            self.stdout.write("Nothing is in question.")
            return
        if (mark := HighWater.objects.first()) and mark.found_at:
            self.stdout.write(f"Held since {said(mark.found_at)}.")
            if mark.database_at:
                self.stdout.write(f"Until {said(mark.database_at)} this database knows it all.")
            if mark.known_at:
                self.stdout.write(f"Until {said(mark.known_at)} work was done.")
        for each in found:
            self.stdout.write(f"{each.name:<12}{each.subject}: {facts(each)}")
        self.stdout.write(
            "--go NAME sends on, --settle NAME calls it done; all means each of them."
        )


def said(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def as_json(question: questions.Question) -> dict[str, Any]:
    start_at = question.start_at and question.start_at.isoformat()
    return question._asdict() | {"start_at": start_at}


def facts(question: questions.Question) -> str:
    if question.decided:
        return "is being settled"
    if question.is_schedule:
        return f"{question.state}, {question.open} times due since"
    told = f"{question.state}, " if question.state else ""
    if question.start_at:
        told += f"to start {said(question.start_at)}, "
    return f"{told}{question.open} queued, {question.arrived} arrived that it never asked for"
