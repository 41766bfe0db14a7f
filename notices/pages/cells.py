"""What a page shows of a file's cells: the first ones, and the bad ones."""

from collections.abc import Iterator
from typing import NamedTuple

from django.utils.translation import gettext as _

from signup.models import Part, Upload
from signup.uploads import columns

__all__ = ["bad_cells", "bad_rows", "headings"]

FIRST = 5  # rows
SHORT = 80  # characters of a cell that are shown


class Heading(NamedTuple):
    place: int
    name: str
    meaning: str
    placeholder: str  # that it can be, of a notice
    cells: list[str]  # of the first rows


def headings(upload: Upload) -> Iterator[Heading]:
    first = upload.parts.order_by("number").first()
    rows = [row for _number, row in (first.rows if first else []) if not isinstance(row, str)]
    for place, name in enumerate(upload.columns):
        cells = [row[place][:SHORT] for row in rows[:FIRST]]
        yield Heading(place, name, upload.mapping[place], columns.placeholder(name), cells)


class BadCell(NamedTuple):
    row: int
    column: str
    cell: str
    problem: str


def bad_cells(upload: Upload) -> Iterator[BadCell]:
    for part in parts_with_bad(upload):
        rows = dict(part.rows)
        for number, place, words in part.problems:
            row = rows[number]
            is_there = place is not None and not isinstance(row, str)
            column = upload.columns[place] if is_there else ""
            yield BadCell(number, column, row[place][:SHORT] if is_there else "", words)


def parts_with_bad(upload: Upload) -> Iterator[Part]:
    yield from upload.parts.filter(bad__gt=0).order_by("number").iterator(chunk_size=4)


def bad_rows(upload: Upload) -> Iterator[list[str]]:
    yield [*upload.columns, _("What to fix")]
    for part in parts_with_bad(upload):
        words: dict[int, list[str]] = {}
        for number, place, sentence in part.problems:
            column = "" if place is None else f"{upload.columns[place]}: "
            words.setdefault(number, []).append(f"{column}{sentence}")
        for number, row in part.rows:
            if number in words:
                cells = [""] * len(upload.columns) if isinstance(row, str) else row
                yield [*cells, " ".join(words[number])]
