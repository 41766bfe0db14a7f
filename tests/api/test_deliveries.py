"""What became of every message, by the API: in parts, filtered, and as streams."""

import csv
import json
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.utils import timezone

from notices.api import deliveries, tokens
from notices.delivery import expand
from notices.models import Delivery, State
from tests.api.asking import ask
from tests.support.world import sent_now

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/deliveries"


@pytest.fixture
def secret():
    return tokens.make("crm", ["deliveries:read", "deliveries:export"])[1]


@pytest.fixture
def told(staff, visitor):
    """A notice to two people by both channels, and five codes."""
    new = sent_now(staff, channels=["email", "sms"])
    expand.start(new.pk)
    Delivery.objects.bulk_create(
        Delivery(message="code", channel="sms", address=f"+8613900000{n}", user=visitor)
        for n in range(101, 106)
    )
    return new


def all_of(secret, query):
    """Part by part, as a program asks; the numbers, and how many parts there were."""
    found, cursor, parts = [], "", 0
    while cursor is not None:
        answer = ask(secret, f"{URL}?{query}&cursor={cursor}").json()
        found += [each["id"] for each in answer["items"]]
        cursor, parts = answer["next"], parts + 1
    return found, parts


def test_parts_hold_each_row_once(secret, told, visitor, monkeypatch):
    every = set(Delivery.objects.values_list("pk", flat=True))
    found, parts = all_of(secret, "limit=2")
    assert (found, parts) == (sorted(every, reverse=True), 5)
    found, parts = all_of(secret, f"limit=3&notice={told.pk}")
    of_notice = told.deliveries.order_by("channel", "pk").values_list("pk", flat=True)
    assert (found, parts) == (list(of_notice), 2)
    theirs = Delivery.objects.filter(user=visitor)
    assert set(all_of(secret, f"limit=2&person={visitor.pk}")[0]) == {each.pk for each in theirs}
    monkeypatch.setattr(deliveries, "LOOKED_AT", 2)
    one = Delivery.objects.order_by("pk")[1]
    Delivery.objects.filter(pk=one.pk).update(state=State.SENT)
    found, parts = all_of(secret, "state=sent")
    assert found == [one.pk]
    assert parts > 2, "few rows are looked at for each part"


def test_since_leaves_out_what_is_older_and_does_not_look_on(secret, told, monkeypatch):
    old = timezone.now() - timedelta(days=2)
    Delivery.objects.filter(notice=told).update(created_at=old)
    monkeypatch.setattr(deliveries, "LOOKED_AT", 3)
    since = quote((timezone.now() - timedelta(days=1)).isoformat())
    found, parts = all_of(secret, f"since={since}")
    assert (len(found), parts) == (5, 2)


def test_addresses_are_masked_without_the_scope(secret, told):
    shown = ask(secret, f"{URL}?notice={told.pk}").json()["items"]
    assert "w***@example.com" in {each["address"] for each in shown}
    whole = tokens.make("desk", ["deliveries:read", "addresses:read"])[1]
    shown = ask(whole, f"{URL}?notice={told.pk}").json()["items"]
    assert "wang@example.com" in {each["address"] for each in shown}
    trial = tokens.make("trial", ["deliveries:read"], is_test=True)[1]
    assert ask(trial, URL).json()["items"] == []


def test_streams_hold_all_of_it(secret, told, monkeypatch):
    monkeypatch.setattr(deliveries, "STREAMED", 2)
    stream = ask(secret, f"{URL}/csv?notice={told.pk}")
    rows = list(csv.DictReader(stream.getvalue().decode("utf-8-sig").splitlines()))
    assert [int(row["id"]) for row in rows] == all_of(secret, f"notice={told.pk}")[0]
    lines = ask(secret, f"{URL}/ndjson").getvalue().decode().splitlines()
    assert [json.loads(each)["id"] for each in lines] == all_of(secret, "")[0]
    reader = tokens.make("desk", ["deliveries:read"])[1]
    assert ask(reader, f"{URL}/csv").json()["code"] == "missing_scope"


@pytest.mark.parametrize(
    "query",
    [
        "notice=0",
        f"notice={2**70}",
        "person=x",
        "since=2026-01-01",
        "state=lost",
        "notice=1&cursor=fax.1",
    ],
)
def test_questions_that_make_no_sense(secret, query):
    assert ask(secret, f"{URL}?{query}").status_code == 400
