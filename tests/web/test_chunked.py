"""Bodies in chunks, through the server that runs in production."""

import hashlib
import hmac
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress

import pytest

from local import embedded
from tests.support.processes import ROOT

pytestmark = pytest.mark.once
KEY = "gateway-key"
JSON = "Content-Type: application/json\r\n"


class Site:
    """A web process on a port and a database of its own."""

    def __init__(self, folder):
        self.port, self.file = embedded.free_port(), folder / "site.sqlite3"
        self.env = os.environ | {
            "DATABASE_URL": f"sqlite:///{self.file}", "SECRET_KEY": "x" * 50, "DEBUG": "1",
            "SMS_URLS": f"webhook+http://{KEY}@127.0.0.1:9/", "PYTHONPATH": str(ROOT / "site"),
            "ANYMAIL_WEBHOOK_SECRET": "esp:secret", "DJANGO_SETTINGS_MODULE": "config.settings",
        }  # fmt: skip
        self.run("manage.py", "migrate", "-v0")
        command = ["-m", "gunicorn", "-b", f"127.0.0.1:{self.port}", "config.wsgi"]
        self.process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=self.env)

    def run(self, *command):
        subprocess.run([sys.executable, *command], cwd=ROOT, env=self.env, check=True)

    def connected(self):
        for _ in range(200):
            try:
                return socket.create_connection(("127.0.0.1", self.port), 10)
            except ConnectionRefusedError:
                time.sleep(0.1)
        raise AssertionError("it never listened")

    def send(self, path, body, headers=JSON, chunk=1000, raw=b""):
        """The status, and what follows it."""
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{headers}"
        pieces = [body[start : start + chunk] for start in range(0, len(body), chunk)]
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        with closing(self.connected()) as line:
            line.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
            line.sendall(raw or chunks + b"0\r\n\r\n")
            answer = b""
            while piece := line.recv(65536):
                answer += piece
        return int(answer.split()[1]), answer.decode()

    def receipts(self):
        with closing(sqlite3.connect(self.file)) as line:
            return [row[0] for row in line.execute("SELECT ref FROM notices_receipt ORDER BY id")]


@contextmanager
def running(folder):
    site = Site(folder)
    try:
        yield site
    finally:
        site.process.terminate()
        site.process.wait(30)


@pytest.fixture(scope="module")
def site(tmp_path_factory, request):
    with running(tmp_path_factory.mktemp("site")) as found:
        yield found


def signed(body):
    mac = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
    return f"{JSON}X-Bellhop-Signature: sha256={mac}\r\n"


def test_signed_report_in_chunks_is_believed(site):
    for number, chunk in enumerate((1, 7, 1000)):
        body = json.dumps({"id": f"g{number}", "state": "delivered"}).encode()
        assert site.send("/receipts/webhook/", body, signed(body), chunk)[0] == 204
    assert site.receipts() == ["g0", "g1", "g2"]


def test_a_report_of_a_thousand_emails_in_chunks(site):
    event = {"event": "delivered", "sg_event_id": "x" * 200, "timestamp": 1763690000}
    events = [event | {"email": f"a{n}@example.com", "smtp-id": f"c{n}"} for n in range(1000)]
    secret = "Authorization: Basic ZXNwOnNlY3JldA==\r\n"
    body = json.dumps(events).encode()
    assert len(body) > 200_000
    assert site.send("/anymail/sendgrid/tracking/", body, JSON + secret, 8192)[0] == 200
    assert len(site.receipts()) > 999


def test_json_and_forms_of_people_in_chunks(site):
    status, answer = site.send("/signup/code/", b'{"mobile": "139"}')
    assert (status, "image_code" in answer) == (400, True)
    form = "Content-Type: application/x-www-form-urlencoded\r\nCookie: csrftoken=" + "a" * 32
    body = b"csrfmiddlewaretoken=" + b"a" * 32 + b"&username=nobody&password=x"
    status, answer = site.send("/login/", body, f"{form}\r\n")
    assert (status, "nobody" in answer) == (200, True)


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/receipts/webhook/", 70_000, 413),
        ("/signup/", 70_000, 413),
        ("/login/", 10_000_000, 413),
        ("/anymail/sendgrid/tracking/", 3_000_000, 413),
    ],
)
def test_more_than_may_be_sent_there_is_refused(site, path, size, status):
    # It may have answered, and hung up, before we had sent all.
    with suppress(BrokenPipeError, ConnectionResetError):
        assert site.send(path, b"x" * size, chunk=60_000)[0] == status


@pytest.mark.parametrize("raw", [b"zz\r\n{}\r\n0\r\n\r\n", b"2\r\n{}xx0\r\n\r\n"])
def test_chunks_that_are_none_are_no_error_of_ours(site, raw):
    assert site.send("/signup/", b"", raw=raw)[0] == 400
