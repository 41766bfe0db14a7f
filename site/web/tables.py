"""CSV files of other programs, read with care; and such as no program takes for more than text."""

import codecs
import csv
import io
import re
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, TextIO

from django.utils.translation import gettext as _

from web import characters, workbooks
from web.encodings import encoding_of

__all__ = ["MOST_COLUMNS", "BadFile", "cells", "decode", "read", "written"]

DELIMITERS = ",;\t"  # of Excel: by the country that it is set to, and as "Unicode text"
MOST_COLUMNS = 50  # of what is taken by place
MOST_LINES = 100  # of one row: more is a quote that nobody closed
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
OTHER_CELL = re.compile("(?<=[;,\t\r\n])")  # where a program with another delimiter begins one

Row = dict[str, str] | str  # a name -> the cell below it; or why the row cannot be used


class BadFile(Exception):  # noqa: N818
    """Nothing of the file can be used: a sentence that says why."""


# Reading


def encoding(start: bytes) -> str:
    """By the first bytes of a file. Raises BadFile for what is no text."""
    if workbooks.is_workbook(start):
        raise BadFile("This is a workbook. Save it as “CSV UTF-8”, and give that file.")
    if start.startswith(UTF_16) and len(start) > 2:
        return "utf-16"
    if start.count(0) > len(start) // 4:
        raise BadFile(_("This is not UTF-8 text. Save it as UTF-8."))
    return "utf-8-sig"


def decode(data: bytes) -> str:
    """A text file in UTF-8, or in UTF-16 with its mark. Raises BadFile."""
    try:
        return data.decode(encoding(data[:100]))
    except UnicodeDecodeError:
        raise BadFile(_("This is not UTF-8 text. Save it as UTF-8.")) from None


def read(
    path: Path, columns: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[int, Row]]:
    """Each row after the first with its number, of a CSV file or a workbook. Empty rows are
    skipped; what cannot be decoded has a U+FFFD in its place. Raises BadFile when the first row
    does not name each column once, and an optional one at most once."""

    def wanted(first: list[str]) -> set[int]:
        names.extend(named(first))
        check(names, columns, optional)
        known = {*columns, *optional}
        return {place for place, name in enumerate(names) if name in known}

    names: list[str] = []
    with path.open("rb") as file:
        found = cells(file, wanted, columns)
        next(found)
        for number, row in found:
            yield number, row if isinstance(row, str) else dict(zip(names, row, strict=True))


Wanted = Callable[[list[str]], set[int]]


def cells(
    file: BinaryIO, wanted: Wanted, likely: Iterable[str] = ()
) -> Iterator[tuple[int, list[str] | str]]:
    """The same by place, the first row too. `wanted`, of that one: the places in which no cell has
    a line end. `likely`: names by which the delimiter is known. Raises BadFile."""
    file.seek(0)
    start = file.read(100)
    if workbooks.is_workbook(start):
        yield from sheet(file, wanted)
        return
    encoding(start)
    kind = encoding_of(file)
    file.seek(0)
    source = io.TextIOWrapper(file, encoding=kind, errors="replace", newline="")
    try:
        yield from rows(source, wanted, frozenset(likely))
    finally:
        source.detach()  # else it closes what is not its own


def sheet(file: BinaryIO, wanted: Wanted) -> Iterator[tuple[int, list[str] | str]]:
    """The first row that is not empty names the columns; what is beyond them has no place."""
    try:
        length = 0
        for number, row in workbooks.rows(file):
            if not length:
                length = max(place for place, text in enumerate(row, 1) if text)
                wanted(row[:length])
            if any(row[length:]):
                yield number, _("has cells beyond the last column that has a name.")
            else:
                yield number, (row + [""] * length)[:length]
        if not length:
            wanted([])
    except workbooks.Unreadable as problem:
        raise BadFile(str(problem)) from None


def rows(
    source: TextIO, wanted: Wanted, likely: frozenset[str]
) -> Iterator[tuple[int, list[str] | str]]:
    lines = Lines(source)
    first = first_row(lines)
    by_delimiter = [(each, cells_of(first, each)) for each in DELIMITERS]
    found = [(each, row) for each, row in by_delimiter if isinstance(row, list)]
    delimiter, names = max(
        found, default=(",", []), key=lambda each: (len(likely & {*named(each[1])}), len(each[1]))
    )
    known = sorted(wanted(names))
    yield 1, names
    for number, line in enumerate(lines, 2):
        if row := next_row(line, lines, delimiter, len(names), known):
            yield number, row


def named(row: Sequence[str]) -> list[str]:
    return [characters.trim(each).lower() for each in row]


def check(names: Sequence[str], columns: Sequence[str], optional: Sequence[str] = ()) -> None:
    every = f"It has to name: {','.join(columns)}."
    if missing := [name for name in columns if name not in names]:
        raise BadFile(f"The first row does not name {', '.join(missing)}. {every}")
    if twice := [name for name in (*columns, *optional) if names.count(name) > 1]:
        raise BadFile(f"The first row names {', '.join(twice)} twice. {every}")


class Lines:
    """The lines of a file, of which some may be put back."""

    def __init__(self, source: Iterable[str]) -> None:
        self.source, self.waiting = iter(source), deque[str]()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return self.waiting.popleft() if self.waiting else next(self.source)

    def up_to_quote(self, first: str) -> list[str]:
        """`first`, and those behind it, until no quote is open; not too many."""
        taken = [first]
        is_open = first.count('"') % 2
        while is_open and len(taken) < MOST_LINES and (line := next(self, None)) is not None:
            taken.append(line)
            is_open ^= line.count('"') % 2
        return taken

    def put_back(self, lines: Sequence[str]) -> None:
        self.waiting.extendleft(reversed(lines))


def next_row(
    line: str, lines: Lines, delimiter: str, length: int, of_one_line: Sequence[int]
) -> list[str] | str:
    """The row that begins with `line`; empty when it is. A quote that is not closed costs its own
    line only: the lines behind it are rows again."""
    taken = lines.up_to_quote(line)
    row = row_of(taken, delimiter, length)
    if len(taken) == 1 or (isinstance(row, list) and not broken(row, of_one_line)):
        return row
    lines.put_back(taken[1:])
    row = row_of(taken[:1], delimiter, length)
    return _("opens a quote and does not close it.") if isinstance(row, str) else row


def first_row(lines: Lines) -> list[str]:
    """Its lines: a name may have a line end in quotes."""
    first = lines.up_to_quote(next(lines, ""))
    if "".join(first).count('"') % 2:
        lines.put_back(first[1:])
        return first[:1]
    return first


def broken(row: list[str], of_one_line: Sequence[int]) -> bool:
    return any(set(row[place]) & {"\r", "\n"} for place in of_one_line if place < len(row))


def row_of(lines: list[str], delimiter: str, length: int) -> list[str] | str:
    cells = cells_of(lines, delimiter)
    if isinstance(cells, str):
        return cells
    if not any(map(characters.trim, cells)):
        return []
    if len(cells) != length:
        return _("has %(found)d cells, not %(wanted)d.") % {
            "found": len(cells),
            "wanted": length,
        }
    return cells


def cells_of(lines: list[str], delimiter: str) -> list[str] | str:
    """Of one row; or why there are none."""
    if len(lines) == 1 and '"' not in lines[0] and len(lines[0]) < csv.field_size_limit():
        return lines[0].rstrip("\r\n").split(delimiter)  # as csv would, in half of the time
    try:
        found = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as problem:
        if "unexpected end of data" in str(problem):
            return _("opens a quote and does not close it.")
        return _("cannot be read: %(problem)s.") % {"problem": problem}
    return found[0] if len(found) == 1 else _("is more than one row.") if found else []


# Writing


class Echo:
    def write(self, row: str) -> str:
        return row


def written(lines: Iterable[Sequence[object]]) -> Iterator[str]:
    """A CSV file, row by row. It begins with a mark by which Excel knows UTF-8."""
    writer = csv.writer(Echo())
    yield "\ufeff"
    for cells in lines:
        yield writer.writerow([harmless(str(cell)) for cell in cells])


def harmless(text: str) -> str:
    """A cell that no spreadsheet takes for a formula, whatever it takes for the end of a cell. A
    number such as +8613900000011 is left as it is: as a formula it is only itself."""
    if text.startswith("+") and text[1:].isascii() and text[1:].isdigit():
        return text
    if text.isalnum():  # most are
        return text
    return "".join(f"'{part}" if begins(part) else part for part in OTHER_CELL.split(text))


def begins(part: str) -> bool:
    """Whether a formula begins here, also one in the wide signs of Chinese keyboards."""
    return unicodedata.normalize("NFKC", part[:1]) in ("=", "+", "-", "@", "\t", "\r", "\n")
