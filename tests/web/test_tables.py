"""CSV files: what is wrong with one is said, what is right is read; what we write runs nothing."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web import tables

COLUMNS = ("name", "mobile")
BAD = "opens a quote and does not close it."


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "people.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return list(tables.read(path, COLUMNS))

    return read


TWO = [(2, {"name": "王小明", "mobile": "1"}), (3, {"name": "Bob", "mobile": "2"})]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be-mark"])
def test_file_is_read_however_a_program_saves_it(read, delimiter, end, encoding):
    text = f"Name,\u200bMOBILE {end}王小明,1{end}Bob,2{end}".replace(",", delimiter)
    if encoding == "utf-16-be-mark":
        assert read(b"\xfe\xff" + text.encode("utf-16-be")) == TWO
    else:
        assert read(text.encode(encoding)) == TWO


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name,mobile,name\nBob,1,Eve\n", "names name twice"),
        ("name,Mobile,mobile \nBob,1,2\n", "names mobile twice"),
        ("name\nBob\n", "does not name mobile"),
        ("", "does not name name, mobile"),
        ('"name,mobile\nBob,1\n', "does not name name, mobile"),
        ("name，mobile\nBob，1\n", "does not name"),
        (b"PK\x03\x04\x14\x00", "This workbook cannot be read."),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "is an old workbook"),
        ("name,mobile\nBob,1\n".encode("utf-16-le"), "is not UTF-8"),
        ("\ufeffname,mobile\nBob,1\n".encode("utf-32-le"), ""),
    ],
)
def test_wrong_file_is_refused_as_a_whole(read, text, sentence):
    with pytest.raises(tables.BadFile) as problem:
        read(text)
    assert sentence in str(problem.value)


def test_columns_that_nobody_asks_for_may_be_there_twice(read):
    assert read("name,,mobile,,note,note\nBob,a,1,b,c,d\n")[0][1]["mobile"] == "1"


def test_a_chinese_file_is_read_and_a_western_one_is_not_taken_for_it(read):
    text = "name,mobile\n王小明，住3号楼,1\n"
    assert read(text.encode("gb18030"))[0][1]["name"] == "王小明，住3号楼"
    assert read("name,mobile\nJosé Müller,1\n".encode("latin-1"))[0][1]["name"].count("\ufffd") == 2
    damaged = text.encode().replace("明".encode(), b"\xe6\x98")
    assert "\ufffd" in read(damaged)[0][1]["name"]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('"Bob,1\nEve,2\nAnn,3\n', [BAD, "Eve", "Ann"]),
        ('"Bob,1\nEve,2\n"Ann,3\nLi,4\n', [BAD, "Eve", BAD, "Li"]),
        ('Bob,"1\nEve,2\nAnn,"3"\n', [BAD, "Eve", "Ann"]),
        ('"Bob\nBobson",1\nEve,2\n', [BAD, None, "Eve"]),
        ('Bob,1\nEve,2\n"Ann,3', ["Bob", "Eve", BAD]),
        ('"Bob"x,1\nEve,2\n', ["cannot be read: ',' expected after '\"'.", "Eve"]),
        ('Bob 6" tall,1\nEve,2\n', ['Bob 6" tall', "Eve"]),
        ('"Bob ""The Man""",1\nEve,2\n', ['Bob "The Man"', "Eve"]),
        ("Bob\nEve,2\n", ["has 1 cells, not 2.", "Eve"]),
        ("Bob,1,x\nEve,2\n", ["has 3 cells, not 2.", "Eve"]),
        ("\n,\n \u200b,\nEve,2\n", ["Eve"]),
        (
            '"' * 1000 + "Bob,1\n" * 300,
            ["cannot be read: ',' expected after '\"'."] + ["Bob"] * 299,
        ),
    ],
)
def test_mistake_costs_its_own_row_only(read, text, rows):
    found = [
        row if isinstance(row, str) else row["name"] for _, row in read(f"name,mobile\n{text}")
    ]
    assert len(found) == len(rows)
    assert all(row in (None, cell) for row, cell in zip(rows, found, strict=True))


def test_cell_of_another_column_may_have_several_lines(read):
    rows = read('name,note,mobile\nBob,"first\nsecond ""x""",1\nEve,"x",2\n')
    assert [row["name"] for _, row in rows] == ["Bob", "Eve"]
    assert rows[0] == (2, {"name": "Bob", "note": 'first\nsecond "x"', "mobile": "1"})


def test_every_line_with_an_open_quote_is_told(read):
    found = read("name,mobile\n" + '"Bob,1\n' * 2001)
    assert [row for _, row in found] == [BAD] * 2001
    assert found[-1][0] == 2002


@pytest.mark.parametrize("sign", "=+-@＝＋－＠﹦﹢﹣﹫⁺⁼\t\r\n")
@pytest.mark.parametrize("before", ["", "x;", "x,", "x\t"])
def test_no_cell_is_taken_for_a_formula(sign, before):
    mark, row = tables.written([[f"{before}{sign}1+1"]])
    assert mark == "\ufeff"
    [[cell]] = csv.reader(io.StringIO(row, newline=""))
    assert cell == f"{before}'{sign}1+1"


@pytest.mark.parametrize(
    "text", ["+8613900000011", "王小明", "a-b", "o'neil=1@example.com", "x - y", "", "12:00+08:00"]
)
def test_other_cells_are_as_they_are(text):
    assert "".join(tables.written([[text, 1]])) == f"\ufeff{text},1\r\n"


def test_name_with_every_trap_comes_back_as_text(read):
    rows = [("name", "mobile"), ('＝"1";=2,@3', "+8613900000011")]
    assert read("".join(tables.written(rows))) == [
        (2, {"name": "'＝\"1\";'=2,'@3", "mobile": "+8613900000011"})
    ]


@given(
    st.text(st.characters(exclude_characters='"\r\n')),
    st.sampled_from(["", "\n", "\r\n", "\r"]),
    st.sampled_from(tables.DELIMITERS),
)
def test_a_line_without_quotes_is_what_csv_says(text, end, delimiter):
    [cells] = list(csv.reader([f"{text}{end}"], delimiter=delimiter, strict=True)) or [[]]
    assert tables.cells_of([f"{text}{end}"], delimiter) == (cells or [""])
