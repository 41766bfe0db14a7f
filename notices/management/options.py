"""The options that `notice send` and `schedule add` share: the message, and the key."""

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from notices.audience import files
from notices.channels import CHANNELS
from notices.models import Notice, Schedule
from notices.pages import idempotency
from notices.pages.idempotency import Key, KeyReused
from notices.pages.notice_form import NoticeForm
from notices.recurrence.parse import FAR
from signup import security
from signup.models import Upload, User
from signup.uploads import at_once
from web import tables
from web.problems import Problem


class Acting(BaseCommand):
    """A command that changes something: whom --as names did it, and this user of the system."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        with security.command(member_of_staff(options.get("by", ""))):
            return super().execute(*args, **options)


def add_author(parser: ArgumentParser, what: str = "who does it: a member of staff") -> None:
    parser.add_argument("--as", dest="by", default="", metavar="USERNAME", help=what)


def member_of_staff(name: str) -> User | None:
    """Whom --as names; CommandError when there is no such one."""
    if not name:
        return None
    if found := User.objects.filter(username=name, is_staff=True, is_active=True).first():
        return found
    raise CommandError(f"--as: There is no member of staff with the username {name}.")


def by_whom(options: Mapping[str, Any]) -> dict[str, str]:
    """For the key's facts: nothing where nobody is named, so that older keys stand."""
    return {"by": options["by"]} if options["by"] else {}


def add_content(parser: ArgumentParser, *, once: bool = False) -> None:
    """`once`: also what a schedule cannot have."""
    parser.add_argument("--subject", required=True)
    parser.add_argument("--text", required=True, metavar="FILE", help="Markdown; - is the input")
    parser.add_argument("--sms-text", default="", metavar="FILE", help="what an SMS says instead")
    parser.add_argument("--language", default="", metavar="CODE", help="of these, beside --in")
    parser.add_argument(
        "--in", dest="texts", nargs=3, action="append", default=[],
        metavar=("CODE", "SUBJECT", "FILE"), help="the same in another language, such as zh-hans",
    )  # fmt: skip
    parser.add_argument("--kind", default="", metavar="NAME", help="one of /kinds/; else General")
    parser.add_argument("--channel", required=True, action="append", choices=list(CHANNELS))
    parser.add_argument(
        "--escalate-minutes", default="", metavar="N",
        help="then an SMS to those whom the email did not reach",
    )  # fmt: skip
    audience = parser.add_mutually_exclusive_group(required=True)
    audience.add_argument("--everyone", action="store_true", help="who has that channel")
    audience.add_argument("--group", default="", metavar="NAME", help="who is in it")
    audience.add_argument("--audience", default="", metavar="NAME", help="a saved one")
    audience.add_argument("--addresses", metavar="FILE", help="one a line; - is the input")
    if once:
        audience.add_argument(
            "--upload",
            metavar="FILE",
            help="the people in a CSV file or workbook, whose other columns are placeholders",
        )
    add_author(parser, "its author: a member of staff")
    add_key(parser)


def add_key(parser: ArgumentParser) -> None:
    parser.add_argument("--key", help="run again with the same key, it makes nothing new")


def stored_key(whose: str, key: str | None, facts: Mapping[str, Any] | None = None) -> Key:
    """`whose`: of which command. Raises CommandError for what cannot be a key."""
    try:
        if key is not None:
            idempotency.check(key)
    except Problem as problem:
        raise CommandError(f"--key: {problem.sentence}") from None
    return Key.of(whose, key, facts or {})


def once(key: Key, make: Callable[[], Notice | Schedule]) -> int:
    """The number of what `make` saves with the key's columns, or of what an earlier run saved with
    the same key. CommandError when that run was told something else."""
    try:
        return (key.made() or key.once(make)).pk
    except KeyReused as reused:
        sentence = f"--key: {reused.sentence} It made number {reused.made.pk}."
        raise CommandError(sentence) from None


def instant(name: str, text: str) -> datetime | None:
    """What an option names; CommandError when that is none."""
    if not text:
        return None
    example = "such as 2026-12-01T09:00+08:00"
    try:
        at = datetime.fromisoformat(text)
        if not 1 < at.year < FAR:
            raise ValueError
    except ValueError:
        raise CommandError(f"{name}: {text} is not a date and time, {example}.") from None
    if at.tzinfo is None:
        raise CommandError(f"{name}: {text} has no zone; add it, {example}.")
    return at


def read_content(options: Mapping[str, Any]) -> NoticeForm:
    """The form, checked. Raises CommandError with every sentence when something is wrong."""
    addresses = options["addresses"]
    upload = checked(options["upload"]) if options.get("upload") else None
    chosen = {
        "addresses": addresses, "group": options["group"], "saved": options["audience"],
        "upload": upload,
    }  # fmt: skip
    form = NoticeForm(
        {
            "subject": options["subject"],
            "text": read(options["text"]),
            "sms_text": read(options["sms_text"]) if options["sms_text"] else "",
            "language": options["language"],
            "texts": {
                code: {"subject": subject, "text": read(path)}
                for code, subject, path in options["texts"]
            },
            "kind": options["kind"],
            "channels": list(dict.fromkeys(options["channel"])),
            "audience": next((one for one in chosen if chosen[one]), "everyone"),
            "group": options["group"],
            "saved": options["audience"],
            "upload": upload.pk if upload else "",
            "addresses": read(addresses) if addresses else "",
            "escalate_minutes": options["escalate_minutes"],
        }
    )
    if not form.is_valid():
        refuse("Nothing was sent.", form.complaints())
    return form


def checked(path: str) -> Upload:
    """A file of which each row is good; else CommandError, and nothing is kept of it."""
    try:
        upload = at_once.checked(Path(path).read_bytes(), Path(path).name, None)
    except OSError as problem:
        raise CommandError(f"{path} cannot be read: {problem.strerror}.") from None
    except ValidationError as problem:
        raise CommandError(f"{path}: {problem.messages[0]}") from None
    if bad := list(files.bad_rows(upload)):
        upload.delete()
        refuse("Nothing was sent.", {path: bad})
    return upload


def refuse(first: str, complaints: Mapping[str, Iterable[Any]]) -> NoReturn:
    told = [f"{name}: {why}" for name, each in complaints.items() for why in each]
    raise CommandError("\n".join([first, *told]))


def read(path: str) -> str:
    try:
        return tables.decode(sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes())
    except OSError as problem:
        raise CommandError(f"{path} cannot be read: {problem.strerror}.") from None
    except tables.BadFile as problem:
        raise CommandError(f"{path}: {problem}") from None
