"""What an honest client sees of the web process: requests in pieces, in a row, and large ones."""

import http.client
import json
import time

import pytest

from tests.support.attacks import HEAD, HOST, JSON, request

pytestmark = pytest.mark.once

HEALTH = request("GET /healthz")


class Reader:
    """What was read of a connection beyond one answer is there for the next."""

    def __init__(self, line):
        self.file = line.makefile("rb")
        self.file.close = lambda: None  # HTTPResponse does, after each

    def makefile(self, mode):
        return self.file


def answers(line, count):
    """So many answers, each (status, headers, body)."""
    found, reader = [], Reader(line)
    for _ in range(count):
        answer = http.client.HTTPResponse(reader)
        answer.begin()
        found.append((answer.status, answer.headers, answer.read()))
    return found


def test_a_request_may_come_in_pieces(site):
    sent = request("POST /signup/", JSON, body=b'{"mobile": "1"}')
    with site.connect() as line:
        for place in range(0, len(sent), 7):
            line.sendall(sent[place : place + 7])
            time.sleep(0.01)
        ((status, headers, body),) = answers(line, 1)
    assert (status, json.loads(body)["code"]) == (400, 400)
    assert headers["Server"] is None


def test_one_connection_serves_many_requests(site):
    with site.connect() as line:
        for _ in range(5):
            line.sendall(HEALTH)
            assert answers(line, 1)[0][0] == 200


def test_requests_may_come_before_the_answer(site):
    bodies = [b'{"mobile": "%d"}' % number for number in range(3)]
    with site.connect() as line:
        line.sendall(b"".join(request("POST /signup/", JSON, body=body) for body in bodies))
        line.sendall(HEALTH[:40])
        time.sleep(0.2)
        line.sendall(HEALTH[40:])
        assert [status for status, _, _ in answers(line, 4)] == [400, 400, 400, 200]


def test_who_takes_a_large_answer_late_gets_all_of_it(site):
    with site.connect(window=4096) as line:
        line.sendall(request(f"GET {site.largest}") + HEALTH)
        time.sleep(1.5)
        (status, headers, body), (second, _, _) = answers(line, 2)
    assert (status, len(body), second) == (200, int(headers["Content-Length"]), 200)


def test_who_waits_to_be_asked_for_a_body_is_asked(site):
    with site.connect() as line:
        line.sendall(request("POST /signup/", JSON, "Expect: 100-continue\r\n", length=2))
        assert line.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        line.sendall(b"{}")
        assert answers(line, 1)[0][0] == 400
    with site.connect() as line:
        head = f"POST /signup/ HTTP/1.1\r\n{HEAD}{JSON}Transfer-Encoding: chunked\r\n"
        line.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert line.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        line.sendall(b"2\r\n{}\r\n0\r\n\r\n")
        assert answers(line, 1)[0][0] == 400


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, 431),
        (b"GET /healthz HTTP/1.1\r\n" + b"X: x\r\n" * 200 + b"\r\n", 431),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"nonsense\r\n\r\n", 400),
        (request("POST /login/", "Content-Length: 5\r\n", body=b"a=b"), 400),
        (request("POST /login/", "Transfer-Encoding: chunked\r\n", body=b"0\r\n\r\n"), 400),
        (request("POST /notices/new/", body=b"a" * 100_000), 413),
        (request("POST /notices/new/", body=b"a" * 9_000_000), 413),
    ],
    ids=["head", "fields", "line", "nonsense", "lengths", "smuggled", "large", "larger"],
)
def test_what_is_refused_is_answered(site, sent, status):
    with site.connect() as line:
        line.sendall(sent)
        assert answers(line, 1)[0][0] == status
        while line.recv(1000):
            pass  # and the connection ends


def test_a_body_that_nobody_read_is_not_taken_for_a_request(site):
    smuggled = HEALTH + b" " * 1000
    with site.connect() as line:
        line.sendall(request("PUT /signup/picture/", JSON, body=smuggled) + HEALTH)
        assert [status for status, _, _ in answers(line, 2)] == [403, 200]


def test_a_large_body_is_read_for_whom_it_is_due(site):
    """Of a provider that shows the secret."""
    secret = "Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"
    events = [{"event": "delivered", "email": f"g{n}@example.com"} for n in range(20_000)]
    sent = request(
        "POST /anymail/sendgrid/tracking/", JSON, secret, body=json.dumps(events).encode()
    )
    with site.connect() as line:
        middle = len(sent) // 2
        line.sendall(sent[:middle])
        time.sleep(0.5)
        line.sendall(sent[middle:])
        assert answers(line, 1)[0][0] == 200


def test_a_client_of_http_1_0_is_answered(site):
    with site.connect() as line:
        line.sendall(f"GET /healthz HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
        assert b"\r\n\r\nok" in line.recv(2000) + line.recv(2000)
