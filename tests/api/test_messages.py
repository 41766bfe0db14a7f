"""One message to one person, by the API: through the whole engine."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from notices.api import tokens
from notices.audience import suppression
from notices.models import Delivery, Message, Request, State
from notices.receipts import apply

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/messages"
SMS = {
    "to": {"mobile": "13900000011"},
    "text": "Your parcel ((no)) is here.",
    "values": {"no": "7"},
}
EMAIL = {"to": {"email": "li@example.com"}, "subject": "Parcel", "text": "**Here**, ((name))"}


@pytest.fixture
def secret():
    return tokens.make("crm", ["messages:send", "addresses:read"])[1]


def ask(secret, path=URL, body=None, **headers):
    headers = {"authorization": f"Bearer {secret}", **headers}
    if body is None and path.startswith(f"{URL}/") and not path.endswith("cancel"):
        return Client().get(path, headers=headers)
    return Client().post(path, json.dumps(body), content_type="application/json", headers=headers)


def test_an_sms_goes_out_and_is_shown(secret, burst, texts):
    answer = ask(secret, body=SMS)
    facts = answer.json()
    assert (answer.status_code, facts["state"], facts["to"]) == (202, "queued", "+8613900000011")
    burst()
    shown = ask(secret, f"{URL}/{facts['id']}").json()
    assert (shown["state"], shown["provider"], shown["tries"]) == ("sent", "memory", 1)
    assert texts == [("+8613900000011", "Your parcel 7 is here.")]


def test_a_test_token_goes_through_the_engine_and_reaches_nobody(burst, texts):
    _row, secret = tokens.make("crm", ["messages:send"], is_test=True)
    ids = [ask(secret, body=body).json()["id"] for body in (SMS, EMAIL)]
    burst()
    apply.take()
    found = [ask(secret, f"{URL}/{pk}").json() for pk in ids]
    assert [(one["state"], one["provider"], one["test"]) for one in found] == [
        ("delivered", "simulate", True), ("delivered", "simulate_email", True),
    ]  # fmt: skip
    assert found[0]["to"] == "+86 139 **** 0011"
    assert texts == []


def test_a_user_is_told_by_the_way_they_want_and_by_none_that_they_left(secret, visitor, burst):
    visitor.wants_email = False
    visitor.save()
    to = {"user": visitor.username}
    written = EMAIL | {"to": to}
    assert ask(secret, body=written).json()["channel"] == "sms"
    left = ask(secret, body=written | {"channel": "email"}).json()["id"]
    suppression.add("sms", "+8613900000011", "stop")
    stopped = ask(secret, body=SMS).json()["id"]
    by_address = ask(secret, body=EMAIL | {"to": {"email": visitor.email}}).json()["id"]
    burst()
    rows = Delivery.objects.filter(pk__in=[left, stopped, by_address])
    assert {row.state for row in rows} == {State.SUPPRESSED}


def test_a_queued_one_is_cancelled_and_a_sent_one_is_not(secret, burst):
    at = (timezone.now() + timedelta(hours=1)).isoformat()
    later = ask(secret, body=SMS | {"send_at": at}).json()["id"]
    gone = ask(secret, body=SMS).json()["id"]
    burst()
    assert ask(secret, f"{URL}/{later}/cancel").json()["state"] == "cancelled"
    refused = ask(secret, f"{URL}/{gone}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "too_late")


def test_another_token_sees_nothing_of_it_without_the_scope(secret):
    pk = ask(secret, body=SMS).json()["id"]
    other = tokens.make("shop", ["messages:send"])[1]
    desk = tokens.make("desk", ["deliveries:read"])[1]
    trial = tokens.make("trial", ["messages:send", "deliveries:read"], is_test=True)[1]
    answers = [ask(each, f"{URL}/{pk}").status_code for each in (other, trial, desk)]
    assert answers == [404, 404, 200]
    refused = ask(desk, body=SMS)
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    assert "messages:send" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"to": {}}, "to"), ({"to": {"mobile": "1", "email": "a@b.cd"}}, "to"),
        ({"to": {"mobile": "12"}}, "to.mobile"), ({"to": {"user": 2**70}}, "to.user"),
        ({"to": {"user": "no\x00body"}}, "to.user"), ({"text": " "}, "text"),
        ({"values": {}}, "values"), ({"values": {"no": 7}}, "values.no"),
        ({"channel": "email"}, "channel"), ({"channel": "fax"}, "channel"),
        ({"send_at": "2026-01-01T00:00"}, "send_at"), ({"send_at": "9999-01-01T00:00Z"}, "send_at"),
        ({"not_after": "2020-01-01T00:00Z"}, "not_after"), ({"sendat": "x"}, "sendat"),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_told_by_its_field(secret, changes, field):
    answer = ask(secret, body=SMS | changes)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), answer.json()
    assert answer.json()["field"] == field
    assert not Delivery.objects.exists()


def test_broken_json_and_no_subject_are_told(secret):
    headers = {"authorization": f"Bearer {secret}"}
    for body in ("{", "[]", '"\\ud800"', b"\xff"):
        answer = Client().post(URL, body, content_type="application/json", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert ask(secret, body=EMAIL | {"subject": ""}).json()["field"] == "subject"


def test_the_same_key_gives_the_same_answer_and_makes_one(secret, burst):
    key = {"idempotency-key": "a1"}
    first = ask(secret, body=SMS, **key)
    burst()
    second = ask(secret, body=SMS, **key)
    assert (second.status_code, second.content) == (202, first.content)
    assert Message.objects.count() == 1
    other = ask(secret, body=SMS | {"values": {"no": "8"}}, **key)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    long = ask(secret, body=SMS, **{"idempotency-key": "k" * 10_000})
    assert (long.status_code, long.json()["code"]) == (400, "invalid")
    somebody = tokens.make("shop", ["messages:send"])[1]
    assert ask(somebody, body=SMS, **key).json()["id"] != first.json()["id"]


def test_a_key_in_work_is_refused_and_one_of_a_dead_process_taken_over(secret):
    key = {"idempotency-key": "a1"}
    ask(secret, body=SMS, **key)
    Message.objects.all().delete()
    Request.objects.update(answer=None, status=None)
    again = ask(secret, body=SMS, **key)
    assert (again.status_code, again.json()["code"]) == (409, "in_work")
    Request.objects.update(started_at=timezone.now() - timedelta(minutes=2))
    assert ask(secret, body=SMS, **key).status_code == 202


def test_what_was_refused_leaves_its_key(secret):
    key = {"idempotency-key": "a1"}
    assert ask(secret, body=SMS | {"values": {}}, **key).status_code == 400
    assert ask(secret, body=SMS, **key).status_code == 202


def test_two_at_once_make_one(secret):
    together = Barrier(4)

    def press(_number):
        together.wait()
        try:
            return ask(secret, body=SMS, **{"idempotency-key": "a1"})
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(press, range(4)))
    assert {each.status_code for each in answers} <= {202, 409}
    assert Message.objects.count() == 1
    assert len({each.content for each in answers if each.status_code == 202}) == 1
