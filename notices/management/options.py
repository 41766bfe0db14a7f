"""The message options that `notice send` and `schedule add` share."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import CommandError

from notices.channels import CHANNELS
from notices.pages.notice_form import NoticeForm


def add_content(parser: ArgumentParser) -> None:
    parser.add_argument("--subject", required=True)
    parser.add_argument("--text", required=True, metavar="FILE", help="Markdown; - is the input")
    parser.add_argument("--channel", required=True, action="append", choices=list(CHANNELS))
    parser.add_argument(
        "--escalate-minutes", default="", metavar="N",
        help="then an SMS to those whom the email did not reach",
    )  # fmt: skip
    audience = parser.add_mutually_exclusive_group(required=True)
    audience.add_argument("--everyone", action="store_true", help="who has that channel")
    audience.add_argument("--addresses", metavar="FILE", help="one a line; - is the input")


def read_content(options: Mapping[str, Any]) -> NoticeForm:
    """The form, checked. Raises CommandError with every sentence when something is wrong."""
    addresses = options["addresses"]
    form = NoticeForm(
        {
            "subject": options["subject"],
            "text": read(options["text"]),
            "channels": list(dict.fromkeys(options["channel"])),
            "audience": "addresses" if addresses else "everyone",
            "addresses": read(addresses) if addresses else "",
            "escalate_minutes": options["escalate_minutes"],
        }
    )
    if not form.is_valid():
        refuse("Nothing was sent.", form.complaints())
    return form


def refuse(first: str, complaints: Mapping[str, Iterable[Any]]) -> NoReturn:
    told = [f"{name}: {why}" for name, each in complaints.items() for why in each]
    raise CommandError("\n".join([first, *told]))


def read(path: str) -> str:
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as problem:
        raise CommandError(f"{path} cannot be read: {problem.strerror}.") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not UTF-8 text. Save it as UTF-8.") from None
