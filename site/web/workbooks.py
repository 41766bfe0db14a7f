"""The first sheet of a workbook (.xlsx), as rows of texts. What it is said to be is not believed:
nothing is unpacked beyond what a list of people needs."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from typing import Any, BinaryIO

from django.utils.translation import gettext as _
from openpyxl import load_workbook

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
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
    try:
        with said_plainly():
            sheets = [each for each in book.worksheets if each.sheet_state == "visible"]
            if not sheets:
                raise Unreadable(_("This workbook has no sheet."))
            cells = sheets[0].iter_rows(max_col=MOST_COLUMNS + 1, values_only=True)
            for number, row in enumerate(cells, 1):
                texts = [text(each) if each is not None else "" for each in row]
                while texts and not texts[-1]:
                    texts.pop()
                if texts:
                    yield number, texts
    finally:
        book.close()


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
        return CONTROL.sub(" ", cell[:MOST_CELLS]).strip()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell)
