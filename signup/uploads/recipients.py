"""Whom a file for one notice tells: its rows, read as those of people are, each address once."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from django.utils.translation import gettext as _

from signup.people import BadRow, Person, read_person
from signup.uploads import columns
from signup.uploads.models import Part, Upload
from web import characters

LONGEST_VALUE = 500  # characters


class Row(NamedTuple):
    """As Part.recipients has it. What is empty is not known. `values`: by the order of
    columns.values()."""

    number: int
    name: str
    email: str
    mobile: str
    language: str
    values: list[str]


def rows(part: Part) -> list[Row]:
    return [Row(*each) for each in part.recipients or ()]


@dataclass
class Seen:
    """The addresses of the parts before `number`. Kept by who judges one part after the other."""

    number: int = 0
    addresses: set[str] = field(default_factory=set)

    def up_to(self, part: Part) -> None:
        """Who was killed begins anew, and somebody else may have judged some meanwhile."""
        before = part.upload.parts.filter(number__gte=self.number, number__lt=part.number)
        for each in before.only("recipients", "upload").order_by("number").iterator(chunk_size=4):
            for row in rows(each):
                self.addresses |= {row.email, row.mobile} - {""}
        self.number = part.number


def people(upload: Upload, part: Part) -> Iterator[tuple[int, Person | BadRow]]:
    meanings = {
        place: f"{columns.VALUE}:{place}" if meaning == columns.VALUE else meaning
        for place, meaning in enumerate(upload.mapping)
        if meaning
    }
    own = [f"{columns.VALUE}:{place}" for place in columns.values(upload).values()]
    for number, row in part.rows:
        if isinstance(row, str):
            yield number, BadRow(row)
            continue
        named = {
            meaning: characters.one_line(row[place]) if meaning in own else row[place]
            for place, meaning in meanings.items()
        }
        try:
            if not any(map(characters.trim, filter(None, map(named.get, ("email", "mobile"))))):
                raise BadRow(_("Fill in a mobile number or an email."))
            yield number, read_person(number, named, own, LONGEST_VALUE)
        except BadRow as problem:
            yield number, problem


def judge(upload: Upload, part: Part, seen: Seen) -> Iterator[tuple[int, BadRow]]:
    """Sets the part's recipients; yields the rows that tell nobody."""
    seen.up_to(part)
    part.recipients, part.repeated = [], []
    addresses = seen.addresses
    own = [f"{columns.VALUE}:{place}" for place in columns.values(upload).values()]
    for number, person in people(upload, part):
        if isinstance(person, BadRow):
            yield number, person
            continue
        email = "" if person.email in addresses else person.email
        mobile = "" if person.mobile in addresses else person.mobile
        if email != person.email or mobile != person.mobile:
            part.repeated.append(number)
        if email or mobile:
            values = [person.attributes.get(name, "") for name in own]
            row = Row(number, person.name, email, mobile, person.language, values)
            part.recipients.append(row)
        addresses.update(filter(None, (email, mobile)))
