"""Who a notice is for: everyone, or a pasted list of addresses and numbers."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Self

from django.utils.translation import gettext as _

from notices import channels
from signup import emails
from web import characters

__all__ = ["Pasted", "Recipient", "canonical", "read"]

LINES_AT_MOST = 100_000
LONGEST_NAME = 150  # characters
NAMED = re.compile(r"^(?P<name>[^<>]*)<(?P<address>[^<>]+)>$")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
SEVERAL = re.compile(r"[;；,，、].*[0-9@]|@.*@")  # also a number with an extension


@dataclass(frozen=True)
class Recipient:
    channel: str
    address: str  # canonical email or E.164
    name: str = ""
    # Of a row of a file: what it says, and how else it knows the same person.
    language: str = ""
    values: Mapping[str, str] | None = None
    also: str = ""

    def __str__(self) -> str:
        """The line that Notice.addresses keeps."""
        return f"{self.address}\t{self.name}"

    @classmethod
    def restore(cls, line: str) -> Self:
        address, _tab, name = line.partition("\t")
        return cls(channels.of(address).name, canonical(address), name)


@dataclass
class Pasted:
    """What a pasted list holds. `problems`: (line number from 1, the line, what is wrong)."""

    recipients: list[Recipient] = field(default_factory=list)
    problems: list[tuple[int, str, str]] = field(default_factory=list)
    repeated: int = 0

    def __str__(self) -> str:
        return "\n".join(map(str, self.recipients))


def read(text: str, chosen: Collection[str], most_problems: int | None = None) -> Pasted:
    """Reads one address or number a line, each alone or as "Name <address>"; empty lines are
    skipped and repeated ones counted once. After `most_problems` nothing more is read."""
    pasted = Pasted()
    seen: set[str] = set()
    for number, raw in enumerate(text.splitlines(), 1):
        line = characters.trim(characters.trim(raw).strip(",;，；"))
        if not line:
            continue
        if len(seen) >= LINES_AT_MOST:
            pasted.problems.append((number, line[:60], _("Too many. Split the list in two.")))
            break
        if len(pasted.problems) == most_problems:
            pasted.problems.append((number, line[:60], _("From here on nothing was read.")))
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
    name, address = (unquoted(named["name"]), named["address"]) if named else ("", line)
    if characters.CONTROL.search(line):
        raise ValueError(_("This line holds characters that do not belong in an address."))
    if len(name) > LONGEST_NAME:
        raise ValueError(_("This name is too long."))
    if SEVERAL.search(address):
        raise ValueError(_("Write each address or number on a line of its own, and no extension."))
    channel = channels.of(address)
    address = channel.read(address)
    if channel.name not in chosen:
        raise ValueError(str(channel.not_chosen))
    return Recipient(channel.name, address, name)


def unquoted(name: str) -> str:
    """A name without the quotes around the whole of it (RFC 5322, 3.2.4); others are its own."""
    name = characters.trim(name)
    quoted = QUOTED.fullmatch(name)
    return characters.trim(re.sub(r"\\(.)", r"\1", quoted[1])) if quoted else name


def canonical(address: str) -> str:
    """By which addresses are compared."""
    return emails.canonical(address) if "@" in address else address
