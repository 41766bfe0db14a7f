"""Mailgun, SendGrid, Postmark and Brevo on loopback: they read what these really get, fill it in
as their documentation says, and answer as they do. `server.next` holds answers out of turn."""

import base64
import json
import re
import socket
import sys
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from email.utils import parseaddr
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs
from uuid import uuid4

KEY = "key-for-tests"
SETTINGS = {
    "mailgun": {"API_KEY": KEY, "API_URL": "/v3/"},
    "sendgrid": {"API_KEY": KEY, "API_URL": "/v3/"},
    "postmark": {"SERVER_TOKEN": KEY, "API_URL": "/"},
    "brevo": {"API_KEY": KEY, "API_URL": "/v3/"},
}


class Refusal(Exception):  # noqa: N818
    def __init__(self, status, body):
        super().__init__(status)
        self.status, self.body = status, body


class EspServer:
    """`mails`: what people would read, as dicts; `calls`: recipients of each call; `bad`:
    addresses that are refused; `takes`: seconds that each call takes."""

    def __init__(self):
        self.mails, self.calls, self.bad, self.next = [], [], set(), deque()
        self.takes = 0.0
        self.lock = threading.Lock()

    def take(self, mails):
        with self.lock:
            self.mails += mails

    def to(self, address):
        [mail] = [mail for mail in self.mails if mail["to"] == address]
        return mail


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception(), OSError):  # the other side may hang up
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # as real servers do

    def log_message(self, *args):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        esp = self.server.esp
        if esp.next:
            behaviour = esp.next.popleft()
            if behaviour(self, body) is not True:
                return
        try:
            status, answer = self.dispatch(esp, body)
        except Refusal as refusal:
            status, answer = refusal.status, refusal.body
        time.sleep(esp.takes)
        self.answer(status, json.dumps(answer).encode() if answer is not None else b"")

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def dispatch(self, esp, body):
        if self.path == "/v3/example.com/messages":
            return mailgun(esp, self.headers, parse_qs(body.decode(), keep_blank_values=True))
        services = {
            "/v3/mail/send": sendgrid,
            "/email": postmark,
            "/email/batch": postmark_batch,
            "/v3/smtp/email": brevo,
        }
        return services[self.path](esp, self.headers, json.loads(body))


def mailgun(esp, headers, form):
    token = base64.b64encode(f"api:{KEY}".encode()).decode()
    if headers["Authorization"] != f"Basic {token}":
        raise Refusal(401, "Forbidden")
    variables = json.loads(form.get("recipient-variables", ["{}"])[0])
    people = [parseaddr(to) for to in form["to"]]
    esp.calls.append([address for _, address in people])
    if len(people) > 1000 or any(address in esp.bad for _, address in people):
        raise Refusal(400, {"message": "to parameter is not a valid address."})
    number = f"<{uuid4()}@example.com>"

    def mail(name, address):
        own = variables.get(address, {})

        def fill(text):
            return re.sub(r"%recipient\.(.+?)%", lambda m: str(own.get(m[1], m[0])), text)

        say = {field: fill(texts[0]) for field, texts in form.items() if field != "to"}
        lines = {field[2:]: text for field, text in say.items() if field.startswith("h:")}
        return rendered(
            name, address, say["subject"], say["text"], say["html"], lines,
            {field[2:]: text for field, text in say.items() if field.startswith("v:")},
            number,
        )  # fmt: skip

    if len(people) > 1 and not variables:
        raise AssertionError("all would see all the others")
    esp.take([mail(*person) for person in people])
    return 200, {"id": number, "message": "Queued. Thank you."}


def sendgrid(esp, headers, data):
    if headers["Authorization"] != f"Bearer {KEY}":
        raise Refusal(401, {"errors": [{"message": "authorization required"}]})
    people = [one["to"][0] for one in data["personalizations"]]
    esp.calls.append([one["email"] for one in people])
    addresses = [one["email"].lower() for one in people]
    if len(set(addresses)) < len(addresses):
        raise Refusal(400, {"errors": [{"message": "Each unique email address … only once."}]})
    if set(addresses) & esp.bad:
        raise Refusal(400, {"errors": [{"message": "Does not contain a valid address."}]})
    content = {part["type"]: part["value"] for part in data["content"]}

    def mail(one):
        tags = one.get("substitutions", {})
        assert sum(len(key) + len(value) for key, value in tags.items()) < 10_000

        def fill(text):
            return re.sub("|".join(map(re.escape, tags)) or "$^", lambda m: tags[m[0]], text)

        person = one["to"][0]
        return rendered(
            person.get("name", ""), person["email"], fill(data["subject"]),
            fill(content["text/plain"]), fill(content["text/html"]),
            data.get("headers", {}) | one.get("headers", {}),
            data.get("custom_args", {}) | one["custom_args"],
            one["custom_args"]["anymail_id"],
        )  # fmt: skip

    esp.take([mail(one) for one in data["personalizations"]])
    return 202, None


def postmark(esp, headers, data):
    if headers["X-Postmark-Server-Token"] != KEY:
        raise Refusal(401, {"ErrorCode": 10, "Message": "No valid token."})
    esp.calls.append([parseaddr(data["To"])[1]])
    answer = postmark_one(esp, data)
    if answer["ErrorCode"]:
        raise Refusal(422, answer)
    return 200, answer


def postmark_batch(esp, headers, data):
    assert headers["X-Postmark-Server-Token"] == KEY
    assert len(data) <= 500
    esp.calls.append([parseaddr(one["To"])[1] for one in data])
    return 200, [postmark_one(esp, one) for one in data]


def postmark_one(esp, data):
    name, address = parseaddr(data["To"])
    if address.startswith("inactive"):
        text = f"… marked as inactive.\nFound inactive addresses: {address}.\nInactive recipients …"
        return {"ErrorCode": 406, "Message": text}
    if address in esp.bad:
        return {"ErrorCode": 300, "Message": f"Invalid 'To' address: '{address}'."}
    number = str(uuid4())
    lines = {line["Name"]: line["Value"] for line in data["Headers"]}
    said = data["Subject"], data["TextBody"], data["HtmlBody"]
    esp.take([rendered(name, address, *said, lines, data["Metadata"], number)])
    return {"ErrorCode": 0, "Message": "OK", "MessageID": number, "To": data["To"]}


def brevo(esp, headers, data):
    if headers["api-key"] != KEY:
        raise Refusal(401, {"code": "unauthorized", "message": "Key not found"})
    versions = data.get("messageVersions") or [{"to": data["to"]}]
    if "messageVersions" in data and "to" in data:
        raise Refusal(400, {"code": "invalid_parameter", "message": "to"})
    esp.calls.append([one["to"][0]["email"] for one in versions])
    if esp.bad & set(esp.calls[-1]):
        raise Refusal(400, {"code": "invalid_parameter", "message": "email is not valid in to"})

    def mail(one):
        said = data | one
        lines = data.get("headers", {}) | one.get("headers", {})
        facts = json.loads(lines.pop("X-Mailin-custom"))
        person = one["to"][0]
        return rendered(
            person.get("name", ""), person["email"], said["subject"], said["textContent"],
            said["htmlContent"], lines, facts, f"<{uuid4()}@smtp-relay.mailin.fr>",
        )  # fmt: skip

    mails = [mail(one) for one in versions]
    esp.take(mails)
    numbers = [one["number"] for one in mails]
    return 201, {"messageIds": numbers} if "messageVersions" in data else {"messageId": numbers[0]}


def rendered(name, address, subject, text, html, headers, metadata, number):
    metadata = {key: value for key, value in metadata.items() if key != "anymail_id"}
    return {
        "name": name, "to": address, "subject": subject, "text": text, "html": html,
        "headers": {key.title(): value for key, value in headers.items()},
        "metadata": metadata, "number": number,
    }  # fmt: skip


# Answers out of turn


def says(status, body=b"", **headers):
    return lambda handler, _: handler.answer(status, body, **headers)


def hangs(seconds):
    return lambda handler, _: time.sleep(seconds)


def hangs_up(handler, _):
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def accepts_and_hangs_up(handler, body):
    handler.dispatch(handler.server.esp, body)
    hangs_up(handler, body)


def drips(handler, _):
    """A byte now and then: no single wait is long."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.close_connection = True
    with suppress(OSError):
        for _ in range(20):
            handler.wfile.write(b" ")
            time.sleep(0.2)


def drips_headers(handler, _):
    handler.close_connection = True
    with suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(20):
            handler.wfile.write(b"X-%d: x\r\n" % number)
            time.sleep(0.2)


def never_ends(handler, _):
    """100 MB, or as much as the other side takes."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(100 * 1024 * 1024))
    handler.end_headers()
    piece = b" " * 65536
    handler.server.esp.written = 0
    try:
        for _ in range(1600):
            handler.wfile.write(piece)
            handler.server.esp.written += len(piece)
    except OSError:
        handler.close_connection = True


@contextmanager
def running(context=None):
    """`context`: to speak TLS."""
    server = Server(("127.0.0.1", 0), Handler)
    server.esp = EspServer()
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "https" if context else "http"
    server.esp.url = f"{scheme}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.esp
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def use(settings, server, name):
    """Sets email to one of the four, at this server."""
    settings.EMAIL_BACKEND = f"anymail.backends.{name}.EmailBackend"
    own = SETTINGS[name]
    settings.ANYMAIL = {"REQUESTS_TIMEOUT": (1, 1)} | {
        f"{name.upper()}_{key}": server.url + value if value.startswith("/") else value
        for key, value in own.items()
    }
