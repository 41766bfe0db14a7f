"""Workbooks: read as a person sees them, and never believed."""

import io
import zipfile
from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

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


def seen_by_openpyxl(data):
    cells = load_workbook(io.BytesIO(data), data_only=True).active.values
    rows = ([workbooks.text(each) for each in row] for row in cells)
    # What is empty at the end of a row is left out.
    return [row[: max(n for n, each in enumerate(row, 1) if each)] for row in rows if any(row)]


CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.datetimes(datetime(1901, 1, 1)),
    st.floats(allow_nan=False, allow_infinity=False), st.dates(date(1901, 1, 1)), st.times(),
    st.text(st.characters(codec="utf-8", exclude_categories=["C"], include_characters="\n")),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=5))
def test_cells_are_what_the_library_says(rows):
    """Which makes an object of each, and takes three times as long."""
    data = workbook(*rows)
    assert read(data) == seen_by_openpyxl(data)


def test_what_other_programs_write_is_read():
    """Prefixes, missing places, texts in runs with how they are read aloud, columns left out."""
    sheet = (
        '<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        '<x:sheetData><x:row><x:c t="inlineStr"><x:is><x:r><x:t>王</x:t></x:r><x:r><x:t>x</x:t>'
        '</x:r><x:rPh sb="0" eb="1"><x:t>ワン</x:t></x:rPh></x:is></x:c><x:c t="str"><x:f>A1</x:f>'
        '<x:v>y</x:v></x:c></x:row><x:row r="5"><x:c r="AA5"><x:v>7</x:v></x:c></x:row>'
        "</x:sheetData></x:worksheet>"
    )
    found = list(workbooks.rows(io.BytesIO(changed(workbook(["a"]), sheet1=sheet.encode()))))
    assert found == [(1, ["王x", "y"]), (5, [""] * 26 + ["7"])]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"PK\x03\x04 and no more", "cannot be read"),
        (changed(workbook(["a"]), vbaProject=b"x"), "has macros"),
        (changed(workbook(["a"]), sheet1=b"<worksheet><sheetData><row><c r="), "cannot be read"),
        (changed(workbook(["a"]), sheet1=b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'),
         "cannot be read"),
        (changed(workbook(["a"]), **{"sharedStrings.xml": BOMB}),
         "is too large"),
        (changed(workbook(["a"]), styles=b" " * (workbooks.UNPACKED["xml"] + 1)), "is too large"),
    ],
    ids=["no ZIP", "macros", "cut off", "entities", "bomb of texts", "bomb of styles"],
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
