"""Who a notice is for: everyone, or a pasted list of addresses and numbers."""

import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

import idna
import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from notices.models import Channel

LINES_AT_MOST = 100_000
NAMED = re.compile(r"^(?P<name>[^<>]*)<(?P<address>[^<>]+)>$")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Recipient:
    channel: str
    address: str  # lower-case email or E.164
    name: str = ""

    def __str__(self) -> str:
        """The line that Notice.addresses keeps."""
        return f"{self.address}\t{self.name}"

    @classmethod
    def restore(cls, line: str) -> Self:
        address, _tab, name = line.partition("\t")
        return cls(Channel.EMAIL if "@" in address else Channel.SMS, address, name)


@dataclass
class Pasted:
    """What a pasted list holds. `problems`: (line number from 1, the line, what is wrong)."""

    recipients: list[Recipient] = field(default_factory=list)
    problems: list[tuple[int, str, str]] = field(default_factory=list)
    repeated: int = 0

    def __str__(self) -> str:
        return "\n".join(map(str, self.recipients))


def read(text: str, channels: Collection[str]) -> Pasted:
    """Reads one address or number a line, each alone or as "Name <address>"; empty lines are
    skipped and repeated ones counted once."""
    pasted = Pasted()
    seen: set[str] = set()
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip().strip(",;").strip()
        if not line:
            continue
        if len(seen) >= LINES_AT_MOST:
            pasted.problems.append((number, line[:60], _("Too many. Split the list in two.")))
            break
        try:
            recipient = read_line(line, channels)
        except ValueError as problem:
            pasted.problems.append((number, line[:60], str(problem)))
            continue
        if recipient.address in seen:
            pasted.repeated += 1
            continue
        seen.add(recipient.address)
        pasted.recipients.append(recipient)
    return pasted


def read_line(line: str, channels: Collection[str]) -> Recipient:
    """Raises ValueError with a sentence for the person who pasted the line."""
    named = NAMED.match(line)
    name, address = (named["name"].strip(' "'), named["address"].strip()) if named else ("", line)
    if CONTROL.search(line) or len(name) > 150:
        raise ValueError(_("This line holds characters that do not belong in an address."))
    channel, address = (read_email if "@" in address else read_number)(address)
    if channel not in channels:
        raise ValueError(
            _("This is an email address, but email is not chosen as a channel.")
            if channel == Channel.EMAIL
            else _("This is a number, but SMS is not chosen as a channel.")
        )
    return Recipient(channel, address, name)


def read_email(text: str) -> tuple[str, str]:
    try:
        validate_email(text)
    except ValidationError:
        raise ValueError(_("This is not an email address.")) from None
    if len(text) > 254:
        raise ValueError(_("This email address is too long."))
    return Channel.EMAIL, text.lower()


def canonical(address: str) -> str:
    """By which addresses are compared: an email address in lower case, with an international domain
    in its own letters. It leaves as xn--…, and so the provider names it."""
    local, at, domain = address.lower().rpartition("@")
    if at and ("xn--" in domain or not domain.isascii()):
        with suppress(ValueError):  # idna's
            domain = idna.decode(domain, uts46=True)
    return f"{local}{at}{domain}"


def read_number(text: str) -> tuple[str, str]:
    try:
        number = phonenumbers.parse(text, settings.DEFAULT_REGION)
    except phonenumbers.NumberParseException:
        raise ValueError(_("This is neither an email address nor a phone number.")) from None
    if not phonenumbers.is_valid_number(number):
        raise ValueError(_("No such phone number exists. Check its digits."))
    return Channel.SMS, phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
