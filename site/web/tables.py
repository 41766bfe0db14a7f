"""CSV files of other programs, read with care; and such as no program takes for more than text."""

import codecs
import csv
import re
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from web import characters

__all__ = ["BadFile", "decode", "read", "written"]

DELIMITERS = ",;\t"  # of Excel: by the country that it is set to, and as "Unicode text"
MOST_LINES = 100  # of one row: more is a quote that nobody closed
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
WORKBOOK = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # of Excel, new and old
OTHER_CELL = re.compile("(?<=[;,\t\r\n])")  # where a program with another delimiter begins one

Row = dict[str, str] | str  # a name -> the cell below it; or why the row cannot be used


class BadFile(Exception):  # noqa: N818
    """Nothing of the file can be used: a sentence that says why."""


# Reading


def encoding(start: bytes) -> str:
    """By the first bytes of a file. Raises BadFile for what is no text."""
    if start.startswith(WORKBOOK):
        raise BadFile("This is a workbook. Save it as “CSV UTF-8”, and give that file.")
    if start.startswith(UTF_16) and len(start) > 2:
        return "utf-16"
    if start.count(0) > len(start) // 4:
        raise BadFile("This is not UTF-8 text. Save it as UTF-8.")
    return "utf-8-sig"


def decode(data: bytes) -> str:
    """A text file in UTF-8, or in UTF-16 with its mark. Raises BadFile."""
    try:
        return data.decode(encoding(data[:100]))
    except UnicodeDecodeError:
        raise BadFile("This is not UTF-8 text. Save it as UTF-8.") from None


def read(
    path: Path, columns: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[int, Row]]:
    """Each row after the first with its number. Empty rows are skipped; what is not in UTF-8 has a
    U+FFFD in its place. Raises BadFile when the first row does not name each column once, and an
    optional one at most once."""
    with path.open("rb") as file:
        kind = encoding(file.read(100))
    with path.open(encoding=kind, errors="replace", newline="") as source:
        yield from rows(source, columns, optional)


def rows(
    source: TextIO, columns: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[int, Row]]:
    first = source.readline()
    named = [(delimiter, names_in(first, delimiter)) for delimiter in DELIMITERS]
    delimiter, names = max(named, key=lambda each: len(set(each[1]) & set(columns)))
    check(names, columns, optional)
    known = [*columns, *(name for name in optional if name in names)]
    lines = Lines(source)
    number = 1
    while lines:
        number += 1
        row = next_row(lines, delimiter, names, known)
        if row:
            yield number, row


def names_in(line: str, delimiter: str) -> list[str]:
    cells = cells_of([line], delimiter)
    return [] if isinstance(cells, str) else [characters.trim(each).lower() for each in cells]


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

    def __bool__(self) -> bool:
        if not self.waiting:
            self.waiting.extend(line for line in [next(self.source, None)] if line is not None)
        return bool(self.waiting)

    def take(self) -> str:
        return self.waiting.popleft() if self else ""

    def put_back(self, lines: Sequence[str]) -> None:
        self.waiting.extendleft(reversed(lines))


def next_row(lines: Lines, delimiter: str, names: list[str], columns: Sequence[str]) -> Row:
    """The next row; empty when it is. A quote that is not closed costs its own line only: the lines
    behind it are rows again."""
    taken = [lines.take()]
    is_open = taken[0].count('"') % 2
    while is_open and len(taken) < MOST_LINES and lines:
        taken.append(lines.take())
        is_open ^= taken[-1].count('"') % 2
    row = row_of(taken, delimiter, names)
    if len(taken) == 1 or (isinstance(row, dict) and not broken(row, columns)):
        return row
    lines.put_back(taken[1:])
    row = row_of(taken[:1], delimiter, names)
    return "opens a quote and does not close it." if isinstance(row, str) else row


def broken(row: dict[str, str], columns: Sequence[str]) -> bool:
    return any(set(row.get(name, "")) & {"\r", "\n"} for name in columns)


def row_of(lines: list[str], delimiter: str, names: list[str]) -> Row:
    cells = cells_of(lines, delimiter)
    if isinstance(cells, str):
        return cells
    if not any(map(characters.trim, cells)):
        return {}
    if len(cells) != len(names):
        return f"has {len(cells)} cells, not {len(names)}."
    return dict(zip(names, cells, strict=True))


def cells_of(lines: list[str], delimiter: str) -> list[str] | str:
    """Of one row; or why there are none."""
    try:
        found = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as problem:
        if "unexpected end of data" in str(problem):
            return "opens a quote and does not close it."
        return f"cannot be read: {problem}."
    return found[0] if len(found) == 1 else "is more than one row." if found else []


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
