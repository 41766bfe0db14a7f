"""The words that opt out, of every market; and what is none of them."""

import re

import pytest

from notices.providers import keywords
from notices.providers.keywords import Wish
from tests.support.processes import ROOT


@pytest.mark.parametrize(
    "text",
    [
        *(word for words in keywords.STOPS.values() for word in words.split()),
        "stop", " Stop. ", "“STOP”", "STOP!", "ＳＴＯＰ", "\u200bstop\u202c", "Stop 🛑",
        "opt out", "Opt-Out", "OptOut", "stop all", "revoke", "Arrêt", "arrêter", "İptal",
        "t d", "回退订"[1:], "【退订】",
    ],
)  # fmt: skip
def test_opts_out(text):
    assert keywords.read(text) == Wish.STOP


@pytest.mark.parametrize("text", ["Start", "unstop", "YES", "yes.", "订阅", "訂閱"])
def test_opts_in(text):
    assert keywords.read(text) == Wish.START


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "...", "🛑", "Please stop by at noon", "The bus stop is closed",
        "When does it end?",
        "Don't stop", "STOP THE LIFT", "stop1", "no", "回复TD退订", "不要退订", "TDD", "stopped",
        "arrêt de bus", "yes please", "R u there?", "T 恤", "0",
        "stop" + " " * 200,
    ],
)  # fmt: skip
def test_is_no_word(text):
    assert keywords.read(text) is None


def test_table_of_the_documentation_is_complete():
    text = (ROOT / "docs" / "receipts.md").read_text()
    table = text[text.index("## The words that opt out") : text.index("## The suppression list")]
    rows = dict(re.findall(r"^\| ([A-Z][\w ]+?) \| ([^|]+) \|", table, re.MULTILINE))
    told = {market: set(words.replace("`", "").split(", ")) for market, words in rows.items()}
    assert told == {market: set(words.split()) for market, words in keywords.STOPS.items()}
