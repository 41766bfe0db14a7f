"""An email of a notice, made once and filled in for each person.

Django's email classes take half a millisecond for a message that differs from the one before in a
name and a link. So they make it once, with fields where a person's own values go, and those are put
among its bytes. What leaves is what Django would have made, byte for byte but for the boundary
between the parts; where that is not certain, Django makes it.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache

from django.conf import settings
from django.core.mail import EmailMessage

from notices.content.fields import Values
from notices.content.messages import Templated, Wording, fill_in
from notices.providers.mime import addressee, build, clean, common, message, own

__all__ = ["filled"]

OTHER = "é"  # beside a field: its value has such letters, and so the part is encoded for them
LONGEST = 998  # bytes of a line; a part with a longer one is encoded in another way (RFC 5322)
FOLD = 76  # characters of a header that stays one line for certain
TIDY = re.compile(r"[!-~]+(?: [!-~]+)*")
UNBROKEN = re.compile(r"[!-+\--:<-~]+")  # has nothing at which a header is folded
DJANGOS = ("To", "Date", "Subject")  # headers whose place it chooses
END_OF_HEADER = re.compile(rb"\r\n(?![ \t])")

Kinds = tuple[tuple[str, bool], ...]  # field, and whether its value is all ASCII


@dataclass(frozen=True)
class MimeTemplate:
    """`head`: each header and its bytes, or none when it is the person's own. `uses`: how often a
    field stands in the body."""

    head: tuple[tuple[str, bytes], ...]
    body: bytes
    longest: int
    uses: Mapping[str, int]

    def fits(self, values: Values) -> bool:
        longer = sum(
            self.uses[field] * max(0, len(value.encode()) - len(field))
            for field, value in values.items()
        )
        return self.longest + longer <= LONGEST


def filled(mail: Templated) -> bytes:
    """The message to one person as it leaves. Raises Refused for an address that email cannot
    reach."""
    delivery, wording, values = mail
    link = values.get(wording.unsubscribe, "")
    own_headers = {"To": addressee(delivery), "Date": date(int(time.time())), **own(delivery, link)}
    if any(field in wording.subject for field in values):
        own_headers["Subject"] = clean(fill_in(wording, values)).subject
    shared = common(delivery, link)
    kinds = tuple((field, value.isascii()) for field, value in values.items())
    template = made(wording, kinds, tuple(own_headers), tuple(shared.items()))
    if not template.fits(values):
        return as_sent(message(delivery, fill_in(wording, values)))
    body = template.body
    for field, value in values.items():
        body = body.replace(mark(field, value.isascii()).encode(), value.encode())
    head = b"\r\n".join(line or header(name, own_headers[name]) for name, line in template.head)
    return head + b"\r\n\r\n" + body


@lru_cache(maxsize=16)
def made(
    wording: Wording, kinds: Kinds, own_names: tuple[str, ...], shared: tuple[tuple[str, str], ...]
) -> MimeTemplate:
    marks = {field: mark(field, ascii_only) for field, ascii_only in kinds}
    marked = fill_in(wording, marks)
    headers = dict(shared) | {name: "x" for name in own_names if name not in DJANGOS}
    mail = build(marked, [], headers)
    mail.to = ["x@example.com"]
    head, _, body = as_sent(mail).partition(b"\r\n\r\n")
    lines = {line.partition(b":")[0].decode(): line for line in END_OF_HEADER.split(head)}
    return MimeTemplate(
        tuple((name, b"" if name in own_names else line) for name, line in lines.items()),
        body,
        max(len(line.encode()) for line in f"{marked.text}\n{marked.html}".split("\n")),
        {field: body.count(field.encode()) for field in marks},
    )


def mark(field: str, ascii_only: bool) -> str:
    return field if ascii_only else field + OTHER


def as_sent(mail: EmailMessage) -> bytes:
    return bytes(mail.message().as_bytes(linesep="\r\n"))  # type: ignore[call-arg]


def header(name: str, text: str) -> bytes:
    """One header as Django writes it."""
    if len(name) + 2 + len(text) <= FOLD and TIDY.fullmatch(text):
        return f"{name}: {text}".encode()
    if UNBROKEN.fullmatch(text):  # how it is folded depends on its length alone
        return start_of(name, len(text)) + text.encode()
    return written(name, text)


@lru_cache(maxsize=64)
def start_of(name: str, length: int) -> bytes:
    text = "x" * length
    return written(name, text).removesuffix(text.encode())


def written(name: str, text: str) -> bytes:
    others = {} if name == "Subject" else {name: text}
    subject, to = text if name == "Subject" else "", [text] if name == "To" else []
    mail = EmailMessage(subject, to=to, headers={"Message-ID": "x"} | others)
    head = as_sent(mail).partition(b"\r\n\r\n")[0]
    start = f"{name}:".encode()
    [line] = [line for line in END_OF_HEADER.split(head) if line.startswith(start)]
    return line


@lru_cache(maxsize=1)
def date(second: int) -> str:
    return formatdate(second, localtime=settings.EMAIL_USE_LOCALTIME)
