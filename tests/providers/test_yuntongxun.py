"""Yuntongxun against a real server that speaks its protocol: what we ask, and every answer."""

import hashlib
from base64 import b64decode
from datetime import UTC

import pytest
import time_machine

from notices.content.messages import Wording
from notices.models import Delivery
from notices.providers import http
from notices.providers.errors import Away, NotSent, Refused, TryLater, Unknown
from notices.providers.yuntongxun import Yuntongxun, day
from tests.support import provider_server
from tests.support.provider_server import HANGUP, SILENCE

pytestmark = pytest.mark.once

CODE = Wording("Your code is 123456", variables=("123456", "5"))
ACCEPTED = {
    "statusCode": "000000",
    "templateSMS": {"dateCreated": "20130201155306", "smsMessageSid": "ff8080813c373cab"},
}


@pytest.fixture
def server():
    with provider_server.running() as provider:
        provider.usual = (200, {}, ACCEPTED)
        yield provider


def to(server, options="code_template=1"):
    return Yuntongxun(f"yuntongxun://acID:t%2Cken@appID?{options}&endpoint={server.url}")


def delivery(**changes):
    facts = {"pk": 7, "address": "+8613900000011", "message": "code"} | changes
    return Delivery(**facts)


def send(server, *, wording=CODE, options="code_template=1", **changes):
    with to(server, options) as provider:
        provider.open()
        return provider.send(delivery(**changes), wording)


@time_machine.travel("2026-11-20T16:30:05Z", tick=False)
def test_request_is_the_documented_one(server):
    assert send(server) == "ff8080813c373cab"
    [question] = server.questions
    stamp = "20261121003005"  # in China
    sig = hashlib.md5(f"acIDt,ken{stamp}".encode()).hexdigest().upper()
    assert question.path == f"/2013-12-26/Accounts/acID/SMS/TemplateSMS?sig={sig}"
    assert b64decode(question.headers["Authorization"]) == f"acID:{stamp}".encode()
    assert question.headers["Accept"] == "application/json"
    assert question.headers["Content-Type"] == "application/json;charset=utf-8"
    facts = question.json
    ref = facts.pop("reqId")
    assert facts == {
        "to": "13900000011", "appId": "appID", "templateId": "1", "datas": ["123456", "5"],
    }  # fmt: skip
    assert len(ref) == 32
    assert ref.isalnum()
    assert ref.startswith("20261121")


def test_base_address_is_its_own():
    assert Yuntongxun("yuntongxun://a:b@c").base == "https://app.cloopen.com:8883"


@pytest.mark.parametrize(
    ("changes", "options", "carried"),
    [
        ({}, "code_template=1", True),
        ({"address": "+15550001111"}, "code_template=1", False),
        ({"address": "+862012345678"}, "code_template=1", False),
        ({"message": "notice"}, "code_template=1", False),
        ({"message": "notice"}, "notice_template=9", True),
        ({"message": "account_exists"}, "code_template=1", False),
    ],
)
def test_it_carries_what_it_has_a_template_for_to_numbers_of_china(
    server, changes, options, carried
):
    assert to(server, options).carries(delivery(**changes), CODE) is carried


@pytest.mark.parametrize("key", ["templateSMS", "TemplateSMS", "templatesms"])
def test_key_of_its_number_may_be_written_in_any_way(server, key):
    server.answers.append((200, {}, {"statusCode": "000000", key: {"smsMessageSID": "x1"}}))
    assert send(server) == "x1"


# fmt: off
ANSWERS = [
    ("160001 160005 160010 160016 161006", TryLater, "busy"),
    ("111001 111050 111099 160000 161000 161001 161004 161008 161012 161020 161022 161024",
     TryLater, "busy"),
    ("160038", TryLater, "just had a code"),
    ("161021 160054", Unknown, "no clear answer"),
    ("160039 160040 160041 160015 160021 160022 112314", Refused, "as many SMS today"),
    ("160042 160013 112316 112319 112328", Refused, "not in service"),
    ("112317 160034 160051", Refused, "want no SMS"),
    ("160033 160011 160018 160049 161007 160046", Refused, "wording"),
    ("112311 112313 112315 112318 112323 160032 160036 160043 160057 160019 112310 112305 113302 "
     "112302 112303", Away, "Somebody must look at it"),
    ("161100 161106 161108 160053", Away, "Somebody must look at it"),
    ("160014 161002 161003 161005", Away, "Somebody must look at it"),
    ("999999 112399", Refused, "refused it"),
]
# fmt: on


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [(code, error, words) for listed, error, words in ANSWERS for code in listed.split()],
)
def test_answer_decides(server, code, error, words):
    server.answers.append((200, {}, {"statusCode": code, "statusMsg": "138…"}))
    with pytest.raises(NotSent) as caught:
        send(server)
    assert type(caught.value) is error
    assert words in caught.value.reason
    assert f"({code})." in caught.value.reason


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((200, {}, b""), Unknown),
        ((200, {}, b"ok"), Unknown),
        ((200, {}, ["000000"]), Unknown),
        ((200, {}, {"statusCode": 0}), Unknown),
        ((500, {}, ACCEPTED), Unknown),
        ((200, {}, "号".encode("gbk")), Unknown),
        ((302, {"Location": "http://127.0.0.1:9"}, b""), Away),
        ((503, {}, b""), TryLater),
        ((400, {}, b"<html>"), TryLater),
    ],
)
def test_answer_that_is_not_documented_is_neither_sent_nor_lost(server, answer, error):
    server.answers.append(answer)
    with pytest.raises(NotSent) as caught:
        send(server)
    assert type(caught.value) is error


def test_same_text_again_to_the_same_number_is_refused(server):
    server.answers.append((200, {}, {"statusCode": "160056"}))
    with pytest.raises(Refused, match="same text"):
        send(server)


def test_same_text_again_went_the_first_time_when_that_was_in_doubt(server):
    server.answers.append((200, {}, {"statusCode": "160056"}))
    ref = day() + "a" * 24
    assert send(server, provider="yuntongxun", provider_ref=ref, tries=1) == ref


def test_each_request_has_a_number_of_its_own(server):
    """Also after a refusal that cost no try."""
    server.answers.append((200, {}, {"statusCode": "160014"}))
    with pytest.raises(Away):
        send(server)
    send(server)
    first, second = (question.json["reqId"] for question in server.questions)
    assert first != second


def test_wrong_signature_is_no_internal_trouble(server):
    for code in ("111109", "111141", "111181"):
        server.answers.append((200, {}, {"statusCode": code}))
        with pytest.raises(Away):
            send(server)


@pytest.mark.parametrize("fault", [HANGUP, SILENCE])
def test_request_in_doubt_is_asked_again_under_the_same_number(server, monkeypatch, fault):
    monkeypatch.setattr(http, "READ_SECONDS", 0.3)
    server.answers += [fault, (200, {}, {"statusCode": "160054"})]
    with pytest.raises(Unknown) as caught:
        send(server)
    again = {"provider": "yuntongxun", "provider_ref": caught.value.request_id, "tries": 1}
    assert send(server, **again) == caught.value.request_id, "repeated: it had accepted the first"
    first, second = (question.json["reqId"] for question in server.questions)
    assert first == second == caught.value.request_id


def test_request_that_was_refused_is_asked_again_under_a_new_number(server):
    server.answers.append((200, {}, {"statusCode": "160001"}))
    with pytest.raises(TryLater) as caught:
        send(server)
    send(server, tries=1, provider="yuntongxun", provider_ref=caught.value.request_id)
    first, second = (question.json["reqId"] for question in server.questions)
    assert first != second


def test_number_of_yesterday_is_not_used_again(server):
    send(server, tries=1, provider="yuntongxun", provider_ref="20200101" + "a" * 24)
    assert not server.questions[0].json["reqId"].startswith("20200101")


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-21T03:00:00Z", "2026-11-21T15:55:00+00:00"),
        ("2026-11-21T15:56:00Z", None),  # four minutes before midnight in China
    ],
)
def test_it_recognises_a_message_until_the_end_of_its_day(server, now, until):
    with time_machine.travel(now, tick=False):
        known = to(server).recognises_until()
        assert (known and known.astimezone(UTC).isoformat()) == until
