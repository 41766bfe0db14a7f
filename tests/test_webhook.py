"""The webhook provider against a real HTTP server that answers as it is told."""

import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from notices.channels import provider, webhook
from notices.channels.webhook import Webhook
from notices.errors import Refused, TryLater, Unknown
from notices.messages import Wording
from notices.models import Delivery

pytestmark = pytest.mark.once


@pytest.fixture
def gateway():
    """`answers`: (status, headers, body) for each request in turn, or "hangup" or "silence"."""

    class Gateway(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.requests.append((self.path, dict(self.headers), body))
            answer = server.answers.pop(0) if server.answers else (200, {}, b'{"id": "g-1"}')
            if answer == "silence":
                time.sleep(1)
            if answer in ("hangup", "silence"):
                self.close_connection = True
                return
            status, headers, content = answer
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    server.requests, server.answers = [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def send(server, key=""):
    with Webhook(f"webhook+http://{key}127.0.0.1:{server.server_port}/sms?a=b") as carrier:
        carrier.open()
        return carrier.send(Delivery(pk=7, address="+8613900000011"), Wording("你好"))


def test_message_goes_as_signed_json_and_the_gateways_number_comes_back(gateway):
    assert send(gateway, key="s%2Fcret@") == "g-1"
    [(path, headers, body)] = gateway.requests
    assert path == "/sms?a=b"
    assert json.loads(body) == {"to": "+8613900000011", "body": "你好", "delivery": 7}
    mac = hmac.new(b"s/cret", body, hashlib.sha256).hexdigest()
    assert headers["X-Bellhop-Signature"] == f"sha256={mac}"
    assert "Authorization" not in headers


@pytest.mark.parametrize(
    ("status", "headers", "error", "after"),
    [
        (400, {}, Refused, None),
        (401, {}, Refused, None),
        (302, {"Location": "http://127.0.0.1:9/"}, Refused, None),
        (429, {"Retry-After": "7"}, TryLater, 7),
        (429, {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, TryLater, None),
        (500, {}, TryLater, None),
        (503, {"Retry-After": "30"}, TryLater, 30),
    ],
)
def test_answer_of_the_gateway_decides(gateway, status, headers, error, after):
    gateway.answers.append((status, headers, b"no"))
    with pytest.raises(error, match=str(status)) as caught:
        send(gateway)
    assert getattr(caught.value, "after", None) == after
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("body", [b"", b"thanks", b"[]", b'{"id": null}'])
def test_gateway_need_not_give_a_number(gateway, body):
    gateway.answers.append((202, {}, body))
    assert send(gateway) == ""


@pytest.mark.parametrize("fault", ["hangup", "silence"])
def test_request_that_left_without_an_answer_is_in_doubt(gateway, monkeypatch, fault):
    monkeypatch.setattr(webhook, "TIMEOUT", (1, 0.3))
    gateway.answers.append(fault)
    with pytest.raises(Unknown):
        send(gateway)
    assert len(gateway.requests) == 1


def test_gateway_that_is_away_is_tried_later(gateway):
    gateway.shutdown()
    gateway.server_close()
    with pytest.raises(TryLater, match="cannot be reached"):
        send(gateway)


def test_sms_urls_name_it(settings):
    settings.SMS_URLS = ["webhook+https://key@sms.example.com/send"]
    carrier = provider("sms")
    assert isinstance(carrier, Webhook)
    assert (carrier.address, carrier.key) == ("https://sms.example.com/send", "key")
