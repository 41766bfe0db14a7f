"""The people in a file as the audience of one notice: its columns are that notice's placeholders
(signup/uploads/recipients.py)."""

from collections.abc import Collection, Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from notices.audience.recipients import Recipient
from notices.channels import EMAIL, SMS
from signup.models import Part, Upload
from signup.uploads import columns
from signup.uploads.recipients import Row, rows

__all__ = [
    "bad_rows", "count", "parts", "placeholders", "problems", "reached", "recipients", "repeated",
]  # fmt: skip

TOLD = 100  # rows


def placeholders(upload: Upload) -> list[str]:
    return list(columns.values(upload))


def count(upload: Upload) -> int:
    """Rows that tell somebody."""
    return sum(len(part.recipients or ()) for part in parts(upload))


def parts(upload: Upload | None, after: int = 0) -> Iterator[Part]:
    """In their order, without the first ones; of a file that is there no more none."""
    if upload is not None:
        there = upload.parts.filter(number__gte=after).only("number", "recipients")
        yield from there.order_by("number").iterator(chunk_size=2)


def recipients(
    upload: Upload, part: Part, channels: Collection[str], own: Collection[str]
) -> Iterator[Recipient]:
    """By each of these channels by which a row can be told; with its values for `own`, the
    placeholders that the notice uses."""
    at = places(upload, own)
    for row in rows(part):
        values = {name: row.values[place] for name, place in at.items()}
        for channel, address, also in (
            (EMAIL, row.email, row.mobile),
            (SMS, row.mobile, row.email),
        ):
            if address and channel in channels:
                yield Recipient(channel, address, row.name, row.language, values, also)


def places(upload: Upload, own: Collection[str]) -> dict[str, int]:
    """Placeholder as it was written -> its place among the values of a row."""
    there = {name: place for place, name in enumerate(columns.values(upload))}
    return {each: there[name] for each in own if (name := columns.placeholder(each)) in there}


def reached(upload: Upload, channels: Collection[str]) -> bool:
    """Whether any row has an address for one of these."""
    of_row = {EMAIL: "email", SMS: "mobile"}
    fields = [of_row[each] for each in channels]
    return any(
        getattr(row, name) for part in parts(upload) for row in rows(part) for name in fields
    )


# What is wrong before anything is sent


def problems(upload: Upload, own: Collection[str]) -> Iterator[str]:
    """Why a notice with these placeholders cannot go to the people of a file, row by row."""
    at = places(upload, own)
    if not at:
        return
    empty = (
        (row, name) for part in parts(upload) for row in rows(part) for name in without(row, at)
    )
    for number, (row, name) in enumerate(empty):
        if number == TOLD:
            yield _("And more of them. Fix the file, or write a text without these.")
            return
        sentence = _("Row %(number)d has nothing for ((%(name)s)). Fill in that cell.")
        yield sentence % {"number": row.number, "name": name}


def without(row: Row, at: dict[str, int]) -> Iterator[str]:
    yield from (name for name, place in at.items() if not row.values[place])


def bad_rows(upload: Upload) -> Iterator[str]:
    """Each bad cell of a file."""
    told = 0
    for part in upload.parts.filter(bad__gt=0).order_by("number").iterator(chunk_size=4):
        for number, place, words in part.problems:
            if (told := told + 1) > TOLD:
                yield _("And more of them.")
                return
            facts = {"number": number, "problem": words}
            if place is None:
                yield _("Row %(number)d: %(problem)s") % facts
            else:
                facts["column"] = upload.columns[place]
                yield _("Row %(number)d, %(column)s: %(problem)s") % facts


def repeated(upload: Upload) -> str:
    """Which rows have an address from above, in words; empty when none does."""
    numbers = [each for found in upload.parts.order_by("number").values_list("repeated", flat=True)
               for each in found or ()]  # fmt: skip
    if not numbers:
        return ""
    shown = ", ".join(map(str, numbers[:10])) + (" …" if len(numbers) > 10 else "")
    return ngettext(
        "Row %(rows)s repeats an address that stands above it. Each address is told once.",
        "%(count)d rows repeat an address that stands above them: %(rows)s. Each is told once.",
        len(numbers),
    ) % {"count": len(numbers), "rows": shown}
