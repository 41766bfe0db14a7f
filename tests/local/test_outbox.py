"""The page that shows what the local providers "sent"."""

import json
import time
from email.message import EmailMessage

import pytest
from bs4 import BeautifulSoup

from local import outbox

HOUR = "2026-11-20T{:02}:00:00+00:00"


@pytest.fixture(autouse=True)
def _here(client, settings):
    settings.ALLOWED_HOSTS = ["*"]
    client.defaults["HTTP_HOST"] = "localhost:8000"


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({}, 200),
        ({"HTTP_HOST": "127.0.0.1:8000"}, 200),
        ({"HTTP_HOST": "[::1]:8000"}, 200),
        ({"REMOTE_ADDR": "::ffff:127.0.0.1"}, 200),
        ({"HTTP_HOST": "192.168.0.7:8000"}, 404),
        ({"HTTP_HOST": "localhost.example.com"}, 404),
        ({"REMOTE_ADDR": "192.168.0.9"}, 404),  # who writes Host: localhost
        ({"REMOTE_ADDR": "::ffff:192.168.0.9"}, 404),
        ({"REMOTE_ADDR": ""}, 404),
        ({"HTTP_X_FORWARDED_FOR": "192.168.0.9"}, 404),
    ],
)
def test_page_is_for_who_sits_at_this_machine(client, db, folder, facts, status):
    write_email(folder, "1-a", html="<p>Hello")
    assert client.get("/outbox/", **facts).status_code == status
    assert client.get("/outbox/email/1-a.eml", **facts).status_code == status


@pytest.fixture
def folder(settings, tmp_path):
    settings.SMS_URLS = [f"file:{tmp_path}"]
    settings.EMAIL_FILE_PATH = tmp_path / "emails"
    settings.EMAIL_FILE_PATH.mkdir()
    return tmp_path


def write_sms(folder, *lines):
    with (folder / "sms.jsonl").open("ab") as file:
        for line in lines:
            file.write(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")


def write_email(folder, name, html="", **headers):
    message = EmailMessage()
    message["From"] = headers.get("sender", "Bellhop <bellhop@example.com>")
    message["To"] = headers.get("to", "Wang <wang@example.com>")
    message["Subject"] = headers.get("subject", "Welcome")
    message.set_content(headers.get("text", "Hello\nhttps://example.com/reset/1\n"))
    if html:
        message.add_alternative(html, subtype="html")
    (folder / "emails" / f"{name}.eml").write_bytes(message.as_bytes() + b"\n")


def page(client, query=""):
    answer = client.get("/outbox/", {"q": query} if query else {})
    assert answer.status_code == 200
    return BeautifulSoup(answer.content, "html.parser")


def bubbles(soup):
    return [each.get_text() for each in soup.select(".bubble")]


def test_empty_page_says_what_will_appear(client, db, folder):
    text = page(client).get_text()
    assert "No SMS yet." in text
    assert "No email yet." in text


def test_real_provider_is_said_to_leave_nothing_here(client, db, settings):
    settings.SMS_URLS = ["memory:"]
    settings.EMAIL_FILE_PATH = None
    text = page(client).get_text()
    assert "SMS do not appear here" in text
    assert "Email does not appear here" in text


def test_newest_sms_is_first(client, db, folder):
    write_sms(
        folder,
        {"at": HOUR.format(8), "to": "+8613900000001", "body": "first", "delivery": 1},
        {"at": HOUR.format(9), "to": "+8613900000002", "body": "<b>second</b>", "delivery": 2},
    )
    assert bubbles(page(client)) == ["<b>second</b>", "first"]


def test_broken_lines_and_files_are_skipped(client, db, folder):
    good = {"at": HOUR.format(8), "to": "+8613900000001", "body": "good", "delivery": 1}
    broken = [b"\xff\xfe\n", b"{\n", b"[]\n", b"1\n", b"{}\n", b"\n", {**good, "at": "today"},
              {**good, "body": None}, {**good, "at": 5}]  # fmt: skip
    write_sms(folder, *broken, good, b'{"at": "2026-11')
    write_email(folder, "20261120-080000-000000-a", subject="Whole")
    emails = folder / "emails"
    (emails / "20261120-090000-000000-b.eml").write_bytes(b"\x00\xff not an email")
    (emails / "20261120-090000-000001-c.part").write_bytes(b"To: half@example.com\n\nwri")
    (emails / "20261120-090000-000002-d.eml").mkdir()
    soup = page(client)
    assert bubbles(soup) == ["good"]
    assert [each.get_text() for each in soup.select(".mail > summary strong")] == ["Whole"]


def test_email_is_shown_as_a_mail_reader_would(client, db, folder):
    html = "<html><head><title>x</title></head><body><h1>你好</h1></body></html>"
    write_email(folder, "20261120-080000-000000-a", html=html, subject="欢迎 aboard")
    soup = page(client)
    mail = soup.select_one(".mail")
    assert "欢迎 aboard" in mail.summary.get_text()
    assert "wang@example.com" in mail.summary.get_text()
    assert "Bellhop <bellhop@example.com>" in mail.dl.get_text()
    assert mail.select_one('.text a[href="https://example.com/reset/1"]')
    frame = mail.iframe
    assert "allow-scripts" not in frame["sandbox"]
    assert "allow-same-origin" not in frame["sandbox"]

    answer = client.get(frame["src"])
    assert "<h1>你好</h1>" in answer.content.decode()
    assert '<head><base target="_blank">' in answer.content.decode()
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups" in policy
    assert "script-src" not in policy
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize("name", ["none.eml", "..", "%2e%2e%2fsms.jsonl", "a%00b"])
def test_only_emails_of_the_folder_are_served(client, db, folder, name):
    write_sms(folder, {"at": HOUR.format(8), "to": "+86139", "body": "x", "delivery": 1})
    assert client.get(f"/outbox/email/{name}").status_code == 404


def test_search_finds_by_address(client, db, folder):
    for number, to in enumerate(["+8613900000001", "+8613900000002"]):
        write_sms(folder, {"at": HOUR.format(8), "to": to, "body": to, "delivery": number})
    write_email(folder, "20261120-080000-000000-a", to="wang@example.com", subject="Mine")
    write_email(folder, "20261120-080000-000001-b", to="li@example.com", subject="Other")
    assert bubbles(page(client, "0002")) == ["+8613900000002"]
    soup = page(client, "WANG@")
    assert [each.get_text() for each in soup.select(".mail > summary strong")] == ["Mine"]
    assert "No SMS to “WANG@”" in soup.get_text()
    assert page(client, "\0' OR 1=1 <b>").h1


def test_page_is_left_alone_until_something_comes(client, db, folder):
    write_sms(folder, {"at": HOUR.format(8), "to": "+86139", "body": "one", "delivery": 1})
    poll = page(client).select_one("#outbox")["hx-get"]
    assert client.get(poll, headers={"HX-Request": "true"}).status_code == 204
    write_sms(folder, {"at": HOUR.format(9), "to": "+86139", "body": "two", "delivery": 2})
    answer = client.get(poll, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer.content.strip().startswith(b'<div id="outbox"')
    assert b"two" in answer.content


def test_a_hundred_thousand_messages_do_not_hurt(client, db, folder):
    line = {"at": HOUR.format(8), "to": "+8613900000001", "body": "x" * 60, "delivery": 1}
    (folder / "sms.jsonl").write_bytes((json.dumps(line).encode() + b"\n") * 100_000)
    write_email(folder, "20261120-080000-000000-a")
    for number in range(3_000):
        (folder / "emails" / f"20261120-090000-{number:06}-b.eml").touch()
    started = time.monotonic()
    soup = page(client)
    assert time.monotonic() - started < 2
    assert len(bubbles(soup)) == outbox.SHOWN
