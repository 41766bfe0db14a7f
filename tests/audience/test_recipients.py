"""A pasted list of addresses and numbers, read line by line."""

import pytest

from notices.audience import recipients
from notices.audience.recipients import Recipient

BOTH = ["email", "sms"]


def read(text, channels=BOTH):
    pasted = recipients.read(text, channels)
    return [(one.address, one.name) for one in pasted.recipients]


@pytest.mark.parametrize(
    ("line", "address", "name"),
    [
        ("Wang@Example.com", "wang@example.com", ""),
        ("  wang@example.com ; ", "wang@example.com", ""),
        ("王小明 <wang@example.com>", "wang@example.com", "王小明"),
        ('"Wang, Xiaoming" <wang@example.com>', "wang@example.com", "Wang, Xiaoming"),
        ("139 0000 0011", "+8613900000011", ""),
        ("+86 139-0000-0011", "+8613900000011", ""),
        ("+1 202 555 0123", "+12025550123", ""),
        ("Bob <+8613900000011>", "+8613900000011", "Bob"),
        ("Bob <tel:0139-00000011>", "+8613900000011", "Bob"),
        ('Joe "The Man" <joe@example.com>', "joe@example.com", 'Joe "The Man"'),
        ('"Joe \\"The Man\\"" <joe@example.com>', "joe@example.com", 'Joe "The Man"'),
        ('"The" Man "Joe" <joe@example.com>', "joe@example.com", '"The" Man "Joe"'),
        ("\u200bBob\xa0<\u202amailto:Bob@example.com\u202c>\u200e", "bob@example.com", "Bob"),
        ("wang@example.com；", "wang@example.com", ""),
        ("wang＠example.com", "wang@example.com", ""),
    ],
)
def test_line_is_read_and_normalised(line, address, name):
    assert read(line) == [(address, name)]


@pytest.mark.parametrize(
    "line",
    ["nonsense", "wang@", "@example.com", "a b@example.com", "12", "13900", "<script>",
     "wang@example.com bob@example.com", "wang@example.com;bob@example.com", '"n24"@example.com',
     "13900000031;13900000032", "13900000031，13900000032", "139 0000 0031 ext 8001",
     "1-800-FLOWERS",
     "+86 10 1234 5678", "x" * 151 + " <bob@example.com>", "x" * 300 + "@example.com",
     "wang@exam\x00ple.com",
     "Bob\x00 <bob@example.com>", "٣٤٥", "🔔"],
)  # fmt: skip
def test_bad_line_is_told_by_its_number(line):
    pasted = recipients.read(f"wang@example.com\n\n{line}\n13900000011", BOTH)
    assert [number for number, _, _ in pasted.problems] == [3]
    assert pasted.problems[0][2]
    assert len(pasted.recipients) == 2


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("Info@XN--bcher-kva.example", "info@bücher.example"),
        ("info@bu\u0308cher.example", "info@bücher.example"),
        ("info@BÜCHER.example", "info@bücher.example"),
        ("info@xn--.example", "info@xn--.example"),
        ("xn--bcher-kva@example.com", "xn--bcher-kva@example.com"),
        ("+8613900000011", "+8613900000011"),
        ("", ""),
    ],
)
def test_canonical_form(address, same):
    assert recipients.canonical(address) == same


def test_listed_twice_is_told_once():
    pasted = recipients.read(
        "wang@example.com\nWANG@example.com\n13900000011\n+8613900000011\n0086 139 0000 0011\n"
        "idn@例え.テスト\nidn@xn--r8jz45g.xn--zckzah",
        BOTH,
    )
    assert len(pasted.recipients) == 3
    assert pasted.repeated == 4


def test_several_on_a_line_is_told_as_such():
    for line in ("a@example.com, b@example.com", "13900000031;13900000032", "13900000031,,8001"):
        [(_, _, sentence)] = recipients.read(line, BOTH).problems
        assert "on a line of its own" in sentence


@pytest.mark.parametrize(
    ("line", "channels"), [("wang@example.com", ["sms"]), ("13900000011", ["email"])]
)
def test_line_of_a_channel_that_was_not_chosen_is_told(line, channels):
    pasted = recipients.read(line, channels)
    assert pasted.recipients == []
    assert "not chosen" in pasted.problems[0][2]


def test_list_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(recipients, "LINES_AT_MOST", 3)
    pasted = recipients.read("\n".join(f"guest{n}@example.com" for n in range(9)), BOTH)
    assert len(pasted.recipients) == 3
    assert [number for number, _, _ in pasted.problems] == [4]


@pytest.mark.parametrize("name", ["", "王 Xiaoming", "tab\tno"])
def test_stored_line_comes_back_the_same(name):
    one = Recipient("email", "wang@example.com", name)
    assert Recipient.restore(str(one)) == one
