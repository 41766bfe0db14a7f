"""Anymail's real backends against services on loopback: what they answer decides."""

import gzip
import json
import ssl
import time
from email.header import decode_header, make_header

import pytest

from notices.checks import check_service
from notices.content.messages import Wording
from notices.models import Delivery
from notices.providers import connection
from notices.providers.base import Batching
from notices.providers.errors import Away, Refused, TryLater, Unknown
from notices.providers.router import providers
from tests.support import esp_server
from tests.support.esp_server import says
from tests.support.provider_server import EXPIRED

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailNotSupportedWarning"),
]

HELLO = Wording(
    "Hello 王\n", "Subject 你好", "<p>Hello 王</p>", unsubscribe="https://bellhop.example/u/x/"
)
ESPS = ["brevo", "mailgun", "postmark", "sendgrid"]


@pytest.fixture
def esp():
    with esp_server.running() as server:
        yield server


def to(address, name="", pk=7):
    return Delivery(pk=pk, message="notice", channel="email", address=address, name=name)


def send(delivery=None):
    with providers("email")[0] as provider:
        provider.open()
        return provider.send(delivery or to("wang@example.com", "王小明, Dr."), HELLO)


@pytest.mark.parametrize("name", ESPS)
def test_email_arrives_whole(settings, esp, name):
    esp_server.use(settings, esp, name)
    number = send()
    [mail] = esp.mails
    assert mail["to"] == "wang@example.com"
    assert str(make_header(decode_header(mail["name"]))) == "王小明, Dr."
    assert mail["subject"] == HELLO.subject
    assert mail["text"] == HELLO.text
    assert mail["html"] == HELLO.html
    assert mail["headers"]["Message-Id"] == "<bellhop-7@example.com>"
    assert mail["headers"]["List-Unsubscribe"] == "<https://bellhop.example/u/x/>"
    assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["metadata"] == {"delivery": "7"}
    assert number
    assert number == mail["number"]


@pytest.mark.parametrize("name", ESPS)
def test_international_domain_goes_in_ascii(settings, esp, name):
    esp_server.use(settings, esp, name)
    send(to("wang@straße.de"))
    assert esp.mails[0]["to"] == "wang@xn--strae-oqa.de"


OUTCOMES = [
    (says(429, b"{}", Retry_After="90"), TryLater),
    (says(503), TryLater),
    (says(401, b'{"message": "Forbidden"}'), Away),
    (says(402), Away),
    (says(404, b"Domain not found: x"), Away),
    (says(302, Location="/v3/elsewhere"), Away),
    (says(307, Location="/v3/elsewhere"), Away),
    (says(400, b'{"message": "no"}'), Refused),
    (says(413), Refused),
    (says(408), Unknown),
    (says(500), Unknown),
    (says(502), Unknown),
    (says(504), Unknown),
    (says(200, b"<html>Welcome to the hotel</html>"), Unknown),
    (says(200), Unknown),
    (says(200, b"null"), Unknown),
    (says(200, b"[]"), Unknown),
    (says(200, b'"ok"'), Unknown),
    (says(200, b'{"id": 1, "message": 2}'), Unknown),
    (says(200, b'{"error": "no"}'), Unknown),
    (says(200, b"[" * 200_000), Unknown),
    (says(200, b"\xff\xfe\x00", Content_Encoding="gzip"), Unknown),
    (esp_server.hangs_up, Unknown),
    (esp_server.accepts_and_hangs_up, Unknown),
    (esp_server.hangs(2), Unknown),
]


@pytest.mark.parametrize("name", ESPS)
@pytest.mark.parametrize(("behaviour", "error"), OUTCOMES)
def test_answer_decides(settings, esp, name, behaviour, error):
    esp_server.use(settings, esp, name)
    esp.next.append(behaviour)
    with pytest.raises((Refused, TryLater, Unknown)) as caught:
        send()
    assert caught.type is error
    assert "王" not in caught.value.reason
    assert len(esp.mails) == (behaviour is esp_server.accepts_and_hangs_up)


@pytest.mark.parametrize("name", ESPS)
def test_address_that_the_service_refuses(settings, esp, name):
    esp_server.use(settings, esp, name)
    esp.bad.add("wang@example.com")
    with pytest.raises(Refused):
        send()


POSTMARK_SAYS = [
    (100, "Maintenance", TryLater, "busy"),
    (429, "Rate limit exceeded", TryLater, "busy"),
    *((code, "…", Away, "our account") for code in (10, 400, 401, 405, 412, 413)),
    (300, "Invalid 'To' address: 'wang@'.", Refused, "this address"),
    (300, "Invalid 'From' address: 'bellhop@'.", Refused, "refused it"),
    (406, "You tried to send to a recipient that is inactive.", Refused, "this address"),
    (411, "Forbidden attachment type", Refused, "refused it"),
]


@pytest.mark.parametrize("status", [200, 422])
@pytest.mark.parametrize(("code", "text", "error", "words"), POSTMARK_SAYS)
def test_postmarks_own_code_decides(settings, esp, status, code, text, error, words):
    esp_server.use(settings, esp, "postmark")
    esp.next.append(says(status, json.dumps({"ErrorCode": code, "Message": text}).encode()))
    with pytest.raises((Refused, TryLater)) as caught:
        send()
    assert caught.type is error
    assert words in caught.value.reason
    assert f"({code})." in caught.value.reason


def test_busy_service_says_how_long(settings, esp):
    esp_server.use(settings, esp, "mailgun")
    esp.next.append(says(429, b"{}", Retry_After="90"))
    with pytest.raises(TryLater, match="429") as busy:
        send()
    assert busy.value.after == 90


@pytest.mark.parametrize("seconds", ["999999999999", "9" * 400])
def test_no_service_makes_us_wait_for_longer_than_a_day(settings, esp, seconds):
    esp_server.use(settings, esp, "mailgun")
    esp.next.append(says(429, b"{}", Retry_After=seconds))
    with pytest.raises(TryLater) as busy:
        send()
    assert busy.value.after == 24 * 3600


def test_key_does_not_follow_a_redirect(settings, esp):
    with esp_server.running() as elsewhere:
        esp_server.use(settings, esp, "mailgun")
        location = f"{elsewhere.url}/v3/example.com/messages"
        esp.next.append(says(307, Location=location))
        with pytest.raises(TryLater):
            send()
        assert elsewhere.calls == []


def test_no_more_than_a_megabyte_of_an_answer_is_read(settings, esp):
    esp_server.use(settings, esp, "mailgun")
    esp.next.append(esp_server.never_ends)
    began = time.monotonic()
    with pytest.raises(Unknown):
        send()
    assert time.monotonic() - began < 5
    assert esp.written < 16 * 1024 * 1024  # what the kernel's buffers take beyond our megabyte


def test_answer_in_pieces_and_compressed_is_read(settings, esp):
    def in_pieces(handler, body):
        status, answer = handler.dispatch(esp, body)
        packed = gzip.compress(json.dumps(answer).encode())
        handler.send_response(status)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.send_header("Content-Encoding", "gzip")
        handler.end_headers()
        for piece in (packed[:9], packed[9:30], packed[30:], b""):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            time.sleep(0.05)

    esp_server.use(settings, esp, "postmark")
    esp.next.append(in_pieces)
    assert send() == esp.mails[0]["number"]


def test_small_answer_that_swells_is_not_read_to_its_end(settings, esp):
    esp_server.use(settings, esp, "mailgun")
    esp.next.append(says(200, gzip.compress(b" " * 200_000_000), Content_Encoding="gzip"))
    with pytest.raises(Unknown):
        send()


@pytest.mark.parametrize("drips", [esp_server.drips, esp_server.drips_headers])
def test_answer_that_drips_in_is_not_awaited_for_ever(settings, esp, monkeypatch, drips):
    monkeypatch.setattr("notices.providers.esp.READ_SECONDS", 0.5)
    esp_server.use(settings, esp, "mailgun")
    settings.ANYMAIL["REQUESTS_TIMEOUT"] = (1, 0.5)
    esp.next.append(drips)
    began = time.monotonic()
    with pytest.raises(Unknown):
        send()
    assert time.monotonic() - began < 1.5


def test_service_that_is_away_is_tried_later(settings, esp):
    esp_server.use(settings, esp, "postmark")
    with esp_server.running() as gone:
        settings.ANYMAIL["POSTMARK_API_URL"] = gone.url
    with pytest.raises(TryLater, match="cannot be reached"):
        send()


def test_name_that_does_not_resolve_is_tried_later(settings, esp):
    esp_server.use(settings, esp, "postmark")
    settings.ANYMAIL["POSTMARK_API_URL"] = "https://nowhere.invalid/"
    with pytest.raises(TryLater, match="cannot be reached"):
        send()


def test_expired_certificate_stops_the_email_before_it_leaves(settings, monkeypatch):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(EXPIRED)
    connection.trusted.cache_clear()
    monkeypatch.setattr(connection.certifi, "where", lambda: str(EXPIRED))  # but for its date
    with esp_server.running(context) as esp:
        esp_server.use(settings, esp, "brevo")
        with pytest.raises(TryLater, match="certificate"):
            send()
        assert esp.calls == []
    connection.trusted.cache_clear()


def test_wrong_key_says_that_it_is_the_account(settings, esp):
    esp_server.use(settings, esp, "sendgrid")
    settings.ANYMAIL["SENDGRID_API_KEY"] = "wrong"
    with pytest.raises(TryLater, match="account"):
        send()


def test_connection_is_used_again(settings, esp):
    esp_server.use(settings, esp, "mailgun")
    with providers("email")[0] as provider:
        for number in range(3):
            provider.open()
            provider.send(to(f"guest{number}@example.com"), HELLO)
    assert len(esp.mails) == 3


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("mailgun", "ANYMAIL_MAILGUN_API_KEY is not set"),
        ("postmark", "ANYMAIL_POSTMARK_SERVER_TOKEN is not set"),
        ("sparkpost", "ANYMAIL_SPARKPOST_API_KEY is not set"),
        ("amazon_ses", "needs the package boto3"),
        ("pigeon", "no service called pigeon"),
    ],
)
def test_what_a_service_lacks_is_told_at_the_start(settings, name, problem):
    settings.EMAIL_BACKEND, settings.ANYMAIL = f"anymail.backends.{name}.EmailBackend", {}
    [error] = check_service()
    assert problem in error.msg


def test_postmarks_other_api_is_given_no_batch(settings, esp):
    esp_server.use(settings, esp, "postmark")
    settings.ANYMAIL["POSTMARK_USE_BULK_API"] = True
    assert providers("email")[0].max_batch == 0


def test_service_without_batches_is_asked_one_at_a_time(settings):
    settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"
    assert not isinstance(providers("email")[0], Batching)
