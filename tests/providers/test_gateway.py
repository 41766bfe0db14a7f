"""The webhook provider, and with it what all HTTP providers share, against a real HTTP server that
answers as it is told."""

import hashlib
import hmac
import time

import pytest

from notices.content.messages import Wording
from notices.models import Delivery
from notices.providers import connection, http
from notices.providers.errors import Away, Refused, TryLater, Unknown
from notices.providers.gateway import Gateway
from notices.providers.router import providers
from tests.support import provider_server
from tests.support.provider_server import (
    CUT,
    DRIP,
    DRIP_HEADERS,
    ENDLESS,
    EXPIRED,
    HANGUP,
    LOOPBACK,
    SILENCE,
)

pytestmark = pytest.mark.once


@pytest.fixture
def gateway():
    with provider_server.running() as server:
        yield server


def to(server, key=""):
    return Gateway(f"webhook+{server.scheme}://{key}{server.place}/sms?a=b")


def say_hello(provider):
    provider.open()
    return provider.send(Delivery(pk=7, address="+8613900000011"), Wording("你好"))


def send(server, key=""):
    with to(server, key) as provider:
        return say_hello(provider)


def test_message_goes_as_signed_json_and_the_gateways_number_comes_back(gateway):
    assert send(gateway, key="s%2Fcret@") == "g-1"
    [question] = gateway.questions
    assert question.path == "/sms?a=b"
    assert question.json == {"to": "+8613900000011", "body": "你好", "delivery": 7}
    mac = hmac.new(b"s/cret", question.body, hashlib.sha256).hexdigest()
    assert question.headers["X-Bellhop-Signature"] == f"sha256={mac}"
    assert "Authorization" not in question.headers


@pytest.mark.parametrize(
    ("status", "headers", "error", "after"),
    [
        (400, {}, Refused, None),
        (401, {}, Refused, None),
        (302, {"Location": "http://127.0.0.1:9/"}, Refused, None),
        (429, {"Retry-After": "7"}, TryLater, 7),
        (429, {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, TryLater, None),
        (429, {"Retry-After": "9" * 400}, TryLater, 24 * 3600),
        (408, {}, Unknown, None),
        (500, {}, Unknown, None),
        (502, {"Retry-After": "7"}, Unknown, None),
        (504, {}, Unknown, None),
        (520, {}, Unknown, None),
        (503, {"Retry-After": "30"}, TryLater, 30),
    ],
)
def test_answer_of_the_gateway_decides(gateway, status, headers, error, after):
    gateway.answers.append((status, headers, b"no"))
    with pytest.raises(error, match=str(status)) as caught:
        send(gateway)
    assert getattr(caught.value, "after", None) == after
    assert len(gateway.questions) == 1


@pytest.mark.parametrize("body", [b"", b"\r\n", b"{}", b'{"id": null}', b'{"error": null}'])
def test_gateway_need_not_give_a_number(gateway, body):
    gateway.answers.append((202, {}, body))
    assert send(gateway) == ""


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": "no balance"}',
        b'{"error": {"code": 7}, "id": "g-1"}',
        b"<html>Please sign in</html>",
        b"thanks",
        b"[]",
        b"null",
        b"[" * 60_000,
        b'{"id": "' + b"x" * 70_000 + b'"}',
    ],
)
def test_other_answer_of_the_gateway_is_no_yes(gateway, body):
    gateway.answers.append((200, {}, body))
    with pytest.raises(Unknown, match="no clear answer"):
        send(gateway)


@pytest.mark.parametrize("fault", [HANGUP, SILENCE, DRIP, DRIP_HEADERS, CUT])
def test_request_that_left_without_an_answer_is_in_doubt(gateway, monkeypatch, fault):
    monkeypatch.setattr(http, "READ_SECONDS", 0.5)
    monkeypatch.setattr(http, "ANSWER_SECONDS", 0.8)
    gateway.answers.append(fault)
    started = time.monotonic()
    with pytest.raises(Unknown):
        send(gateway)
    assert time.monotonic() - started < 1.5
    assert len(gateway.questions) == 1


def test_silence_at_the_end_of_a_slow_answer_is_not_waited_for(gateway, monkeypatch):
    monkeypatch.setattr(http, "ANSWER_SECONDS", 0.5)
    gateway.answers.append(SILENCE)
    started = time.monotonic()
    with pytest.raises(Unknown):
        send(gateway)
    assert time.monotonic() - started < 1.5 < http.READ_SECONDS


def test_answer_of_100_mb_is_not_read(gateway):
    gateway.answers.append(ENDLESS)
    started = time.monotonic()
    with to(gateway) as provider:
        with pytest.raises(Unknown):
            say_hello(provider)
        assert say_hello(provider) == "g-1"  # over a new connection
    assert time.monotonic() - started < 2
    assert gateway.written < 20_000_000
    assert gateway.connections == 2


def test_many_messages_go_over_one_connection(gateway):
    gateway.answers += [(429, {}, b"busy"), (400, {}, b"")]
    with to(gateway) as provider:
        for _ in range(5):
            try:
                say_hello(provider)
            except (TryLater, Refused):
                continue
    assert len(gateway.questions) == 5
    assert gateway.connections == 1


def test_connection_that_the_gateway_closed_meanwhile_is_made_anew(gateway):
    gateway.answers.append((200, {"Connection": "close"}, b""))
    with to(gateway) as provider:
        say_hello(provider)
        say_hello(provider)
        [(sock, _until)] = connection.standing[provider.origin]
        sock.shutdown(0)  # as if the other end had gone
        say_hello(provider)
    assert gateway.connections == 3


def test_gateway_that_is_away_is_tried_later(gateway):
    gateway.stop()
    with pytest.raises(Away, match="cannot be reached"):
        send(gateway)


def test_name_that_does_not_exist_is_tried_later():
    provider = Gateway("webhook+https://gateway.invalid/sms")
    with pytest.raises(Away, match="cannot be reached"):
        say_hello(provider)


@pytest.mark.parametrize("certificate", [EXPIRED, LOOPBACK])
def test_certificate_that_is_not_good_gets_nothing(certificate, monkeypatch):
    """Expired, though trusted; or signed by nobody we know."""
    connection.trusted.cache_clear()
    if certificate == EXPIRED:
        monkeypatch.setattr(connection.certifi, "where", lambda: str(EXPIRED))
    with provider_server.running(certificate) as gateway, pytest.raises(Away) as caught:
        send(gateway)
    connection.trusted.cache_clear()
    assert ("expired" in str(caught.value.__cause__)) == (certificate == EXPIRED)
    assert gateway.questions == []


def test_good_certificate_gets_the_message(monkeypatch):
    connection.trusted.cache_clear()
    monkeypatch.setattr(connection.certifi, "where", lambda: str(LOOPBACK))
    with provider_server.running(LOOPBACK) as gateway, to(gateway) as provider:
        assert [say_hello(provider) for _ in range(5)] == ["g-1"] * 5
        assert gateway.connections == 1
    connection.trusted.cache_clear()


def test_answer_that_drips_over_tls_ends_too(monkeypatch):
    connection.trusted.cache_clear()
    monkeypatch.setattr(connection.certifi, "where", lambda: str(LOOPBACK))
    monkeypatch.setattr(http, "ANSWER_SECONDS", 0.5)
    started = time.monotonic()
    with provider_server.running(LOOPBACK) as gateway:
        gateway.answers.append(DRIP)
        with pytest.raises(Unknown):
            send(gateway)
        assert time.monotonic() - started < 2
    connection.trusted.cache_clear()


def test_environment_names_no_proxy(gateway, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert send(gateway) == "g-1"


def test_sms_urls_name_it(settings):
    settings.SMS_URLS = ["webhook+https://key@sms.example.com/send?rate=5/second&to=us"]
    [provider] = providers("sms")
    assert isinstance(provider, Gateway)
    assert (provider.base, provider.query) == ("https://sms.example.com/send", "?to=us")
    assert (provider.key, provider.rate) == ("key", "5/second")
