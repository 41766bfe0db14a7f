"""What staff may write between (( and )), and what people read there."""

import time
from email import message_from_bytes
from email.policy import default

import pytest

from notices.content import messages, placeholders
from notices.models import Delivery, Notice
from notices.providers import mime_template

ROOM = "It is in ((room|your <room>)). "
DEBT = "((debt??Please **pay** ((debt)) [here](https://e.example/?d=((debt))).))"


def said(text, channel="email", name="Ann", subject="x", **values):
    notice = Notice(subject=subject, text=text, channels=[channel])
    known = Delivery(channel=channel, name=name, address="a@e.example", values=values)
    return messages.compose_notice(notice, known)


def test_a_default_stands_where_nothing_is_known():
    assert "It is in your &lt;room&gt;." in said(ROOM).html
    assert said(ROOM, channel="sms").text == "It is in your <room>."
    assert said(ROOM, "sms", room="12").text == "It is in 12."
    assert said("Dear ((name|neighbour)),", "sms", name="").text == "Dear neighbour,"
    assert said("x", subject="To ((room|you))").subject == "To you"
    assert "<td" in said("| a |\n|--|\n| ((room|you)) |").html, "it splits no cell of a table"


def test_a_sentence_is_said_to_those_alone_who_have_a_value():
    email = said(DEBT, debt="5 €")
    linked = 'href="https://e.example/?d=5%20%E2%82%AC"'
    assert "Please <strong" in email.html
    assert linked in email.html
    assert email.text.startswith("Please pay 5 € here (https://e.example/?d=5%20%E2%82%AC).")
    assert said(DEBT, "sms", debt="5").text == "Please pay 5 here (https://e.example/?d=5)."
    for empty in ({}, {"debt": ""}):
        assert "pay" not in said(f"Hello.\n\n{DEBT}\n\nBye.", **empty).html
        assert said(f"Hello.\n\n{DEBT}\n\nBye.", "sms", **empty).text == "Hello.\n\nBye."
    titled = said("x", subject="Rent((debt??: **((debt))** due))", debt="<5>")
    assert titled.subject == "Rent: <5> due"
    assert "<title>Rent: &lt;5&gt; due</title>" in titled.html


def test_a_sentence_without_a_value_leaves_no_empty_paragraph():
    without, beside = (said(f"Hello.{gap}{DEBT}").html for gap in ("\n\n", " "))
    assert without.count("<p") == beside.count("<p")


@pytest.mark.parametrize("value", [
    "**((name))** ((debt??x)) [x](javascript:alert(1)) " * 200,
    "<script>alert(1)</script></title>\r\nBcc: x@e.example\r\n\r\n" * 160,
    "=?utf-8?q?Bcc=3A?= " * 500,
    "\u202egro.live\u2066 \u05e9\u05dc\u05d5\u05dd" * 600, "x" * 10_000,
])  # fmt: skip
def test_any_value_is_harmless_wherever_it_stands(value):
    text = "# ((v))\n\n| ((v)) |\n|--|\n| ((v|w)) |\n\n((v??A ((v)).))\n\n[((v))](https://e.example/?v=((v)))"
    notice = Notice(subject="((v)) ((v??B ((v)).))", text=text, channels=["email"])
    to = Delivery(message="notice", notice=notice, channel="email", name="Ann", pk=1,
                  address="ann@e.example", values={"v": value})  # fmt: skip
    began = time.perf_counter()
    seen = message_from_bytes(mime_template.filled(messages.templated(notice, to)), policy=default)
    assert time.perf_counter() - began < 2
    html = seen.get_body(["html"]).get_content()
    assert "Bcc" not in seen
    assert "\n" not in seen["Subject"]
    assert "<script" not in html
    assert html.count("<a ") == said(text, v="plain").html.count("<a ")
    assert html.count("</title>") == 1
    assert not set("\u202e\u2066") & set(html)


@pytest.mark.parametrize(("text", "sentence"), [
    ("Dear ((name)", "“((name)…” is never closed."),
    ("((room\n\n))", "“((room…” is never closed."),
    ("((debt??Pay ((debt)).)", "“((debt??Pay ((debt)).)…” is never closed."),
    ("(( ))", "(( )) lacks a part."),
    ("((|x))", "((|x)) lacks a part."),
    ("((??x))", "((??x)) lacks a part."),
    ("((x??))", "((x??)) lacks a part."),
    ("((a??((b??((c))))))", "has another inside."),
    ("((room|((name))))", "has another inside."),
    ("((a((b))))", "has another inside."),
    ("(see (a) and :( ) (((name))) ((a b)) ((a|b (c))) ((a??b (c) [d](https://e.f/?((a))).))", ""),
])  # fmt: skip
def test_what_is_not_well_written_is_told(text, sentence):
    assert sentence in placeholders.problem(text)
    assert bool(sentence) == bool(placeholders.problem(text))
    assert said(text).html, "and stays the text that was typed, where nobody asks"


def test_names_are_found_wherever_they_stand():
    text = "((a)) ((b|x)) ((c??((c)) ((d)) ((e|y)) ((name)).)) ((name))"
    assert placeholders.own("", text) == ("a", "b", "c", "d", "e")
    assert placeholders.needed("", text) == ("a", "d")


def test_many_brackets_cost_no_time():
    began = time.perf_counter()
    for text in ("((" * 10_000, "((a" * 6_000, "((a" * 5_000 + "))" * 5_000, "(" * 20_000):
        assert placeholders.problem(text) or "((" not in text or text == "(" * 20_000
        placeholders.own(text)
    assert time.perf_counter() - began < 2
