"""Twilio against a real server that speaks its protocol: what we ask, and every known answer."""

from base64 import b64decode
from urllib.parse import parse_qs

import pytest

from notices.content.messages import Wording
from notices.models import Delivery
from notices.providers import http
from notices.providers.errors import Away, NotSent, Refused, TryLater, Unknown
from notices.providers.router import providers
from notices.providers.twilio import Twilio
from tests.support import provider_server
from tests.support.provider_server import HANGUP, SILENCE

pytestmark = pytest.mark.once

ACCEPTED = {"sid": "SM1234", "status": "queued", "error_code": None, "error_message": None}


@pytest.fixture
def server():
    with provider_server.running() as twilio:
        twilio.usual = (201, {}, ACCEPTED)
        yield twilio


def to(server, sender="+15550001111"):
    return Twilio(f"twilio://AC12:s%40cret@{sender}?endpoint={server.url}")


def send(server, **changes):
    with to(server, **changes) as provider:
        provider.open()
        return provider.send(Delivery(pk=7, address="+8613900000011"), Wording("你好 & bye"))


def test_request_is_the_documented_one(server):
    assert send(server) == "SM1234"
    [question] = server.questions
    assert question.path == "/2010-04-01/Accounts/AC12/Messages.json"
    method, login = question.headers["Authorization"].split()
    assert (method, b64decode(login)) == ("Basic", b"AC12:s@cret")
    assert question.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(question.body.decode()) == {
        "To": ["+8613900000011"], "From": ["+15550001111"], "Body": ["你好 & bye"],
    }  # fmt: skip


def test_messaging_service_may_be_the_sender(server):
    send(server, sender="MG99")
    form = parse_qs(server.questions[0].body.decode())
    assert form["MessagingServiceSid"] == ["MG99"]
    assert "From" not in form


def test_receipts_are_asked_for_when_we_have_a_public_address(server, settings):
    settings.PUBLIC_URL = "https://bellhop.example.com"
    send(server)
    form = parse_qs(server.questions[0].body.decode())
    assert form["StatusCallback"] == ["https://bellhop.example.com/receipts/twilio/?delivery=7"]


def test_base_address_is_twilios_own():
    [provider] = [Twilio("twilio://AC12:secret@+15550001111")]
    assert provider.base == "https://api.twilio.com"


def no(status, code, **headers):
    facts = {"code": code, "message": "To +8613900000011 …", "status": status}
    return status, headers, facts


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (no(400, 21211), Refused, "The number is not in service (21211)."),
        (no(400, 21614), Refused, "The number cannot receive SMS (21614)."),
        (no(400, 21635), Refused, "The number cannot receive SMS (21635)."),
        (no(400, 21408), Refused, "does not send to this country or number"),
        (no(400, 21612), Refused, "(21612)."),
        (no(400, 21610), Refused, "has answered STOP"),
        (no(400, 21617), Refused, "too long (21617)"),
        (no(400, 21608), Refused, "trial account"),
        (no(400, 21999), Refused, "Twilio refused it (21999)."),
        (no(400, 21611), TryLater, "busy (21611)"),
        (no(429, 20429), TryLater, "busy (20429)"),
        (no(429, 14107), TryLater, "busy (14107)"),
        (no(429, 63999), TryLater, "busy (429)"),
        (no(500, 20500), TryLater, "busy (20500)"),
        (no(503, 20503), TryLater, "busy (20503)"),
        (no(401, 20003), Away, "does not accept our account"),
        (no(403, 20005), Away, "does not accept our account"),
        (no(404, 20404), Away, "does not accept our account"),
        (no(403, 29999), Away, "(403)"),
        (no(400, 21606), Away, "(21606)"),
        (no(400, 21212), Away, "(21212)"),
        (no(429, 63038), Away, "(63038)"),
        ((201, {}, ACCEPTED | {"error_code": 21610}), Refused, "STOP"),
        ((201, {}, ACCEPTED | {"status": "failed"}), Unknown, "no clear answer (201)"),
        ((200, {}, {"code": 20003, "message": "error"}), Unknown, "no clear answer"),
        ((201, {}, b""), Unknown, "no clear answer"),
        ((201, {}, b"<html>"), Unknown, "no clear answer"),
        ((201, {}, []), Unknown, "no clear answer"),
        ((201, {}, {"sid": 7}), Unknown, "no clear answer"),
        ((201, {}, '{"sid": "SMé"}'.encode("latin-1")), Unknown, "no clear answer"),
        ((201, {}, b" " * 100_000), Unknown, "no clear answer"),
        ((200, {}, b"[" * 60_000), Unknown, "no clear answer"),
        ((307, {"Location": "http://127.0.0.1:9/"}, b""), Away, "(307)"),
        ((400, {}, b"<html>"), TryLater, "no clear answer (400)"),
        ((400, {}, {"code": True}), TryLater, "no clear answer (400)"),
        ((408, {}, b""), Unknown, "no clear answer (408)"),
        ((500, {}, b"oops"), Unknown, "no clear answer (500)"),
        ((502, {}, b""), Unknown, "no clear answer (502)"),
        ((503, {}, b""), TryLater, "busy (503)"),
        ((504, {}, b""), Unknown, "no clear answer (504)"),
        ((200, {"Content-Type": "text/plain; charset=klingon"}, b"\xff\xfe"), Unknown, "no clear"),
    ],
)
def test_answer_decides(server, answer, error, reason, caplog):
    server.answers.append(answer)
    with pytest.raises(NotSent) as caught:
        send(server)
    assert type(caught.value) is error
    assert reason in caught.value.reason
    assert "+86139" not in caught.value.reason
    assert "cret" not in caplog.text + caught.value.reason
    assert len(server.questions) == 1


@pytest.mark.parametrize(
    ("code", "suppress"), [(21211, "dead"), (21614, "dead"), (21610, "opted_out"), (21408, "")]
)
def test_what_it_says_about_the_number_itself_is_kept(server, code, suppress):
    server.answers.append(no(400, code))
    with pytest.raises(Refused) as caught:
        send(server)
    assert (caught.value.suppress, caught.value.code) == (suppress, str(code))


def test_time_it_asks_for_is_kept(server):
    server.answers.append(no(429, 20429, **{"Retry-After": "7"}))
    with pytest.raises(TryLater) as caught:
        send(server)
    assert caught.value.after == 7


@pytest.mark.parametrize("fault", [HANGUP, SILENCE])
def test_request_that_was_not_answered_is_in_doubt(server, monkeypatch, fault):
    monkeypatch.setattr(http, "READ_SECONDS", 0.3)
    server.answers.append(fault)
    with pytest.raises(Unknown):
        send(server)


def test_account_that_needs_a_person_is_told_loudly_and_without_the_number(server, caplog):
    server.answers.append(no(401, 20003))
    with pytest.raises(Away):
        send(server)
    [line] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert line.getMessage().startswith("twilio refuses our account")
    assert "139000" not in line.getMessage()


def test_two_accounts_have_names_of_their_own(settings):
    settings.SMS_URLS = ["twilio://AC1:a@+15550001111", "console:", "twilio://AC2:b@+15550002222"]
    assert [each.name for each in providers("sms")] == ["twilio", "console", "twilio-2"]
