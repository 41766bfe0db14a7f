"""What the local providers "sent", read from where they put it: the newest first, as much as a
page shows. However much there is, only the end of it is read. Broken lines and files are skipped.
"""

import email
import email.policy
import heapq
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import getaddresses
from hashlib import blake2s
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime

SHOWN = 100  # of each kind
SEARCHED_FILES = 5_000  # emails, from the newest, that a search looks into
SEARCHED_BYTES = 4 * 1024 * 1024  # of the SMS file, from its end: about 20,000 SMS
HEADER_BYTES = 16 * 1024


@dataclass(frozen=True)
class Sms:
    at: datetime
    to: str
    body: str


@dataclass(frozen=True)
class Email:
    name: str  # its file's
    at: datetime
    sender: str
    to: str
    subject: str
    text: str
    html: str

    @property
    def id(self) -> str:
        return Path(self.name).stem


def sms_files() -> list[Path]:
    return [
        settings.BASE_DIR / url.removeprefix("file:") / "sms.jsonl"
        for url in settings.SMS_URLS
        if urlsplit(url).scheme == "file"
    ]


def email_folder() -> Path | None:
    path = getattr(settings, "EMAIL_FILE_PATH", None)
    return Path(path) if path else None


def version(query: str) -> str:
    """Changes when there is something new to show."""
    folder = email_folder()
    state = [query]
    for path in [*sms_files(), *([folder] if folder else [])]:
        try:
            found = path.stat()
        except OSError:
            continue
        state.append(f"{path} {found.st_size} {found.st_mtime_ns}")
    return blake2s("\n".join(state).encode(), digest_size=8).hexdigest()


def newest_sms(query: str = "") -> list[Sms]:
    found = [sms for path in sms_files() for sms in islice(read_sms(path, query), SHOWN)]
    return sorted(found, key=lambda sms: sms.at, reverse=True)[:SHOWN]


def read_sms(path: Path, query: str) -> Iterator[Sms]:
    """The SMS of one file to an address that contains `query`, from the last back."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - SEARCHED_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return
    for line in reversed(lines):
        sms = parse_sms(line)
        if sms and query.lower() in sms.to.lower():
            yield sms


def parse_sms(line: bytes) -> Sms | None:
    try:
        data = json.loads(line)
        at, to, body = parse_datetime(data["at"]), data["to"], data["body"]
    except (ValueError, KeyError, TypeError):
        return None
    if not (at and isinstance(to, str) and isinstance(body, str)):
        return None
    return Sms(at if timezone.is_aware(at) else timezone.make_aware(at), to, body)


def newest_emails(query: str = "") -> list[Email]:
    return list(islice(read_emails(query), SHOWN))


def read_emails(query: str) -> Iterator[Email]:
    """The emails to an address that contains `query`, from the newest back. Their file names
    begin with the time."""
    folder = email_folder()
    try:
        names = os.listdir(folder) if folder else []
    except OSError:
        return
    wanted = (name for name in names if not name.endswith(".part"))
    for name in heapq.nlargest(SEARCHED_FILES if query else SHOWN, wanted):
        if query and not sent_to(name, query):
            continue
        if message := read_email(name):
            yield message


def sent_to(name: str, query: str) -> bool:
    """A cheap look at the headers alone."""
    folder = email_folder()
    try:
        with ((folder or Path()) / name).open("rb") as file:
            head = file.read(HEADER_BYTES)
    except OSError:
        return False
    message = email.message_from_bytes(head.partition(b"\n\n")[0])
    return query.lower() in ", ".join(map(str, message.get_all("To", []))).lower()


def read_email(name: str) -> Email | None:
    """One of them by its file's name; None when there is no such file or it is not an email."""
    folder = email_folder()
    if not folder or Path(name).name != name:
        return None
    path = folder / name
    try:
        raw, changed = path.read_bytes(), path.stat().st_mtime
        message = email.message_from_bytes(raw, policy=email.policy.default)
        to = ", ".join(address for _, address in getaddresses(header(message, "To")))
        if not to:
            return None
        return Email(
            name=name,
            at=datetime.fromtimestamp(changed, timezone.get_current_timezone()),
            sender=", ".join(header(message, "From")),
            to=to,
            subject=", ".join(header(message, "Subject")),
            text=body(message, "plain"),
            html=body(message, "html"),
        )
    except (OSError, ValueError, LookupError, AttributeError, IndexError):
        return None  # the email package raises all of these on what is not an email


def header(message: EmailMessage, name: str) -> list[str]:
    return [str(value) for value in message.get_all(name, [])]


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part else ""
