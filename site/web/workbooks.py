"""The first sheet of a workbook (.xlsx), as rows of texts. What it is said to be is not believed:
nothing is unpacked beyond what a list of people needs."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from typing import Any, BinaryIO

from django.utils.translation import gettext as _
from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.utils.datetime import from_excel, from_ISO8601
from openpyxl.xml.constants import SHARED_STRINGS

from web import sheets
from web.characters import CONTROL

__all__ = ["ERRORS", "Unreadable", "is_workbook", "rows"]

ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
MOST_COLUMNS = 50
MOST_CELLS = 2000  # characters of one cell; no field takes as many
MB = 1024 * 1024
UNPACKED = {"sheets": 300 * MB, "texts": 48 * MB, "xml": 4 * MB, "media": 16 * MB}  # of one part
ERRORS = ("#N/A", "#NAME?", "#REF!", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!")


class Unreadable(Exception):  # noqa: N818
    """A sentence that says why, and what to do."""


def is_workbook(start: bytes) -> bool:
    """By the first bytes of a file, whatever its name says."""
    return start.startswith((ZIP, OLE))


def rows(file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not empty, with its number in the sheet. Raises Unreadable."""
    look(file)
    with said_plainly():
        book = Book(file)
        with book.archive, book.archive.open(book.first_sheet()) as source:
            for number, row in sheets.rows(source, MOST_CELLS, MOST_COLUMNS + 1, book.text):
                while row and not row[-1]:
                    row.pop()
                if row:
                    yield number, row


class Book:
    """What openpyxl reads of all that is small: which sheets there are, and which styles are those
    of dates."""

    def __init__(self, file: BinaryIO) -> None:
        self.reader = reader = ExcelReader(file, read_only=True, data_only=True, keep_links=False)
        self.archive = reader.archive
        reader.read_manifest()
        reader.read_workbook()
        apply_stylesheet(self.archive, reader.wb)
        self.texts: list[str] = []
        if part := reader.package.find(SHARED_STRINGS):
            with self.archive.open(part.PartName.lstrip("/")) as source:
                self.texts = [text(each) for each in sheets.texts(source, MOST_CELLS)]

    def first_sheet(self) -> str:
        """Its part. Raises Unreadable."""
        for sheet, relation in self.reader.parser.find_sheets():
            there = relation.target in self.reader.valid_files
            if there and sheet.state == "visible" and "chartsheet" not in relation.Type:
                return str(relation.target)
        raise Unreadable(_("This workbook has no sheet."))

    def text(self, cell: sheets.Cell) -> str:
        kind, style, held = cell
        match kind:
            case "s":
                return self.texts[int(held)]
            case "n":
                return text(self.number(held, int(style)))
            case "b":
                return text(bool(int(held)))
            case "d":
                return text(from_ISO8601(held))
        return text(held)

    def number(self, held: str, style: int) -> Any:
        book = self.reader.wb
        number = float(held) if set(held) & set(".eE") else int(held)
        if style not in book._date_formats:
            return number
        try:
            is_span = style in book._timedelta_formats
            return from_excel(number, book.epoch, timedelta=is_span)
        except (OverflowError, ValueError):
            return "#VALUE!"


def look(file: BinaryIO) -> None:
    """Before anything is unpacked. What the directory of an archive says of sizes binds: Python
    unpacks no byte more."""
    file.seek(0)
    if file.read(4) == OLE:
        raise Unreadable(
            _("This is an old workbook, or one with a password. Save it as .xlsx without one.")
        )
    with said_plainly(), zipfile.ZipFile(file) as archive:
        parts = {each.filename.lower(): each for each in archive.infolist()}
    if "xl/workbook.xml" not in parts:
        raise Unreadable(_("This is not a workbook. Save the list as .xlsx, or as CSV UTF-8."))
    if any("vbaproject" in name for name in parts):
        raise Unreadable(_("This workbook has macros. Save it as .xlsx, which has none."))
    for name, part in parts.items():
        if part.file_size > UNPACKED[kind(name)]:
            raise Unreadable(_("This workbook is too large. Split it, and send the parts."))
    file.seek(0)


def kind(name: str) -> str:
    if name.startswith("xl/worksheets/"):
        return "sheets"
    if name.startswith("xl/sharedstrings"):
        return "texts"
    return "xml" if name.endswith((".xml", ".rels")) else "media"


@contextmanager
def said_plainly() -> Iterator[None]:
    """A broken file breaks the library in many ways, and none of them is ours to name."""
    try:
        yield
    except (Unreadable, GeneratorExit):
        raise
    except Exception as problem:
        raise Unreadable(
            _("This workbook cannot be read. Save it again as .xlsx, or as CSV UTF-8.")
        ) from problem


def text(cell: Any) -> str:
    """As a person sees it; a number with all digits that are kept."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        if cell.isalnum():  # most are
            return cell
        return CONTROL.sub(" ", cell[:MOST_CELLS]).strip()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell)
