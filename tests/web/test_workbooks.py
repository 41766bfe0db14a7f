"""Workbooks: read as a person sees them, and never believed."""

import io
import zipfile
from datetime import date, datetime

import pytest

from tests.support.workbooks import workbook
from web import workbooks

BOMB = b" " * (workbooks.UNPACKED["texts"] + 1)


def read(data):
    return [row for _number, row in workbooks.rows(io.BytesIO(data))]


def changed(data, **parts):
    """With other parts in the archive; by the end of its path."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", 8) as new:
        for name in old.namelist():
            new.writestr(name, parts.pop(name.rpartition("/")[2].partition(".")[0], old.read(name)))
        for name, content in parts.items():
            new.writestr(f"xl/{name}", content)
    return out.getvalue()


def test_cells_are_what_a_person_sees():
    values = ["王", 13800138000, 13800138000.0, 1.5, date(2026, 3, 12), datetime(2026, 3, 12, 8),
              True, "1.38E+10", None, "a\nb", "#N/A"]  # fmt: skip
    assert read(workbook(values, [], [1])) == [
        ["王", "13800138000", "13800138000", "1.5", "2026-03-12", "2026-03-12T08:00:00", "True",
         "1.38E+10", "", "a\nb", "#N/A"],
        ["1"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"PK\x03\x04 and no more", "cannot be read"),
        (changed(workbook(["a"]), vbaProject=b"x"), "has macros"),
        (changed(workbook(["a"]), sheet1=b"<worksheet><sheetData><row><c r="), "cannot be read"),
        (changed(workbook(["a"]), **{"sharedStrings.xml": BOMB}),
         "is too large"),
        (changed(workbook(["a"]), styles=b" " * (workbooks.UNPACKED["xml"] + 1)), "is too large"),
    ],
    ids=["no ZIP", "macros", "cut off", "bomb of texts", "bomb of styles"],
)  # fmt: skip
def test_what_is_no_plain_workbook_is_refused_in_words(data, sentence):
    with pytest.raises(workbooks.Unreadable, match=sentence):
        read(data)


def test_an_archive_that_lies_about_a_size_unpacks_no_more_than_it_says():
    data = changed(workbook(["a"]), styles=b" " * (workbooks.UNPACKED["xml"] + 1))
    true = (workbooks.UNPACKED["xml"] + 1).to_bytes(4, "little")
    assert data.count(true) == 2
    with pytest.raises(workbooks.Unreadable, match="cannot be read"):
        read(data.replace(true, (1000).to_bytes(4, "little")))
