"""A notice's email that is made once and filled in: the same bytes as Django's own."""

import random
import re

import pytest
from django.core.mail import message as django_message

from notices.content import messages
from notices.models import Delivery, Notice
from notices.providers import mime_template
from notices.providers.mime import message

BOUNDARY = re.compile(rb"===============\d+==")
NAMES = [
    "wang_wei", "Wang Wei", "", "王小明", "Zoë", "O'Brien, Pat", 'Ann "A" Lee', "a" * 150,
    "王" * 60, "=?utf-8?q?x?=", "x=20y", "Ünal Öz", "From me", ".", "a  b", " a ", "tab\there",
    "new\nline", "\u2028", "ab\x85c", "\ud800", "😀 smile", "مرحبا بكم", "a@b.example",
    "<b>bold</b> & co", "((name))", "x" * 66, "x" * 40 + " " + "y" * 40, "Dr. Who",
    "back\\slash", "semi;colon", "ı" * 5,
]  # fmt: skip
TEXTS = [
    "Dear ((name)),\n\nthe lift is **out of order** until Friday.",
    "亲爱的 ((name))：\n\n电梯停用至周五。",
    ". a dot\n\nFrom the house: ((name)) ((name))",
    "x" * 900 + " ((name)) " + "y" * 60,
    "x" * 850 + " ((name))",
    "long " * 400 + "((name))",
    "No name here.",
    "Grüße, ((name))\n\n[link](https://example.com/?a=1&b=2) = 20=3D",
]
SUBJECTS = [
    "Lift", "电梯停用", "For ((name))", "A subject that is so long that it must be folded, " * 2,
    "致 ((name))", "x" * 130,
]  # fmt: skip
ADDRESSES = [
    "guest1@example.com",
    "o'brien@example.com",
    "x@bücher.example",
    "a.b+c@sub.example.org",
]


def same(mail):
    return BOUNDARY.sub(b"B", mail)


def compared(delivery):
    """What leaves by the template, and what Django makes."""
    mail = messages.templated(delivery.notice, delivery)
    plain = messages.fill_in(mail.template, mail.values)
    mine = mime_template.filled(mail)
    return same(mine), same(mime_template.as_sent(message(delivery, plain)))


@pytest.fixture(autouse=True)
def one_date(monkeypatch):
    monkeypatch.setattr(mime_template.time, "time", lambda: 1.0)
    monkeypatch.setattr(django_message, "formatdate", lambda localtime: mime_template.date(1))


@pytest.mark.parametrize("origin", ["", "https://notices.example"])
@pytest.mark.parametrize("sent_by", ["Bellhop <hello@example.com>", "Größe <x@bücher.example>"])
def test_the_bytes_are_those_of_django(settings, origin, sent_by):
    settings.DEFAULT_FROM_EMAIL = sent_by
    dice = random.Random(7)
    checked = 0
    for subject in SUBJECTS:
        for text in TEXTS:
            notice = Notice(pk=1, subject=subject, text=text)
            for name in [*NAMES, *("n" * n for n in dice.sample(range(1, 100), 5))]:
                delivery = Delivery(
                    pk=dice.randrange(1, 10**9), message="notice", notice=notice, channel="email",
                    address=dice.choice(ADDRESSES), name=name, origin=origin,
                    language=dice.choice(["en", "zh-hans"]),
                )  # fmt: skip
                mine, django = compared(delivery)
                assert mine == django, (subject, text, name)
                checked += 1
    assert checked > 1000
