"""Who a notice is for: everyone, or a pasted list of addresses and numbers."""

import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

import idna
from django.utils.translation import gettext as _

from notices import channels
from web.characters import CONTROL

__all__ = ["Pasted", "Recipient", "canonical", "read"]

LINES_AT_MOST = 100_000
NAMED = re.compile(r"^(?P<name>[^<>]*)<(?P<address>[^<>]+)>$")


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
        return cls(channels.of(address).name, address, name)


@dataclass
class Pasted:
    """What a pasted list holds. `problems`: (line number from 1, the line, what is wrong)."""

    recipients: list[Recipient] = field(default_factory=list)
    problems: list[tuple[int, str, str]] = field(default_factory=list)
    repeated: int = 0

    def __str__(self) -> str:
        return "\n".join(map(str, self.recipients))


def read(text: str, chosen: Collection[str]) -> Pasted:
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
            recipient = read_line(line, chosen)
        except ValueError as problem:
            pasted.problems.append((number, line[:60], str(problem)))
            continue
        if recipient.address in seen:
            pasted.repeated += 1
            continue
        seen.add(recipient.address)
        pasted.recipients.append(recipient)
    return pasted


def read_line(line: str, chosen: Collection[str]) -> Recipient:
    """Raises ValueError with a sentence for the person who pasted the line."""
    named = NAMED.match(line)
    name, address = (named["name"].strip(' "'), named["address"].strip()) if named else ("", line)
    if CONTROL.search(line) or len(name) > 150:
        raise ValueError(_("This line holds characters that do not belong in an address."))
    channel = channels.of(address)
    address = channel.read(address)
    if channel.name not in chosen:
        raise ValueError(str(channel.not_chosen))
    return Recipient(channel.name, address, name)


def canonical(address: str) -> str:
    """By which addresses are compared: an email address in lower case, with an international domain
    in its own letters. It leaves as xn--…, and so the provider names it."""
    local, at, domain = address.lower().rpartition("@")
    if at and ("xn--" in domain or not domain.isascii()):
        with suppress(ValueError):  # idna's
            domain = idna.decode(domain, uts46=True)
    return f"{local}{at}{domain}"
