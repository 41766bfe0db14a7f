"""Providers, over a real SMTP connection or into real files."""

import json
from email import message_from_bytes
from email.policy import default

import pytest
from django.core.mail import get_connection
from django.test import override_settings

from notices.content.messages import Wording
from notices.delivery import expand, slices
from notices.models import Delivery, Notice, State
from notices.providers import router
from notices.providers.errors import Refused, TryLater, Unknown
from notices.providers.rehearsal.console import Console
from notices.providers.rehearsal.file import File
from notices.providers.smtp import Email
from signup.models import User
from tests.support.world import sent_now

HELLO = Wording("Hello 王", "Subject 你好", "<p>Hello</p>")


@pytest.fixture(params=["in one go", "one after the other"])
def mailserver(request, mailserver):
    mailserver.pipelines = request.param == "in one go"
    return mailserver


def to(address, pk=7):
    return Delivery(pk=pk, channel="email" if "@" in address else "sms", address=address)


def test_email_arrives_whole(mailserver):
    with Email() as provider:
        provider.open()
        provider.send(to("wang@example.com"), HELLO)
    [(address, mail)] = mailserver.messages
    assert address == "wang@example.com"
    assert mail["Subject"] == "Subject 你好"
    assert mail["From"] == "Bellhop <bellhop@example.com>"
    assert mail["To"] == "wang@example.com"
    assert mail["Message-ID"] == "<bellhop-7@example.com>"
    assert mail.get_body(["plain"]).get_content().strip() == "Hello 王"
    assert mail.get_body(["html"]).get_content().strip() == "<p>Hello</p>"


def test_many_emails_go_over_one_connection(mailserver):
    with Email() as provider:
        for number in range(5):
            provider.open()
            provider.send(to(f"guest{number}@example.com"), HELLO)
    assert len(mailserver.messages) == 5
    assert mailserver.connections == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("550 5.1.1 No such user", Refused),
        ("553 Not that name", Refused),
        ("450 4.2.0 Greylisted", TryLater),
        ("421 Too many messages", TryLater),
    ],
)
def test_answer_of_the_mail_server_decides(mailserver, answer, error):
    mailserver.answers["bob"] = answer
    with Email() as provider:
        provider.open()
        with pytest.raises(error, match=answer[:3]):
            provider.send(to("bob@example.com"), HELLO)
        provider.open()
        provider.send(to("wang@example.com"), HELLO)
    assert [address for address, _ in mailserver.messages] == ["wang@example.com"]


@pytest.mark.parametrize(("answer", "error"), [("554 Spam", Refused), ("452 Disk full", TryLater)])
def test_answer_after_the_text_decides(mailserver, answer, error):
    mailserver.data_answers["bob"] = answer
    with Email() as provider:
        provider.open()
        with pytest.raises(error, match=answer):
            provider.send(to("bob@example.com"), HELLO)


def test_line_that_breaks_after_the_text_leaves_us_in_doubt(mailserver):
    mailserver.data_answers["bob"] = "hangup"
    with Email() as provider:
        provider.open()
        with pytest.raises(Unknown):
            provider.send(to("bob@example.com"), HELLO)
        provider.open()  # a new connection
        provider.send(to("wang@example.com"), HELLO)
    assert mailserver.connections == 2


def test_line_that_breaks_before_the_text_is_no_doubt(mailserver):
    with Email() as provider:
        provider.open()
        provider.backend.connection.sock.shutdown(2)
        with pytest.raises(TryLater):
            provider.send(to("bob@example.com"), HELLO)


def test_mail_server_that_is_away_is_tried_later(mailserver):
    mailserver.stop()
    with Email() as provider, pytest.raises(TryLater, match="cannot be reached"):
        provider.open()


@pytest.mark.django_db(transaction=True)
def test_notice_to_many_reaches_each_once_with_the_right_name(staff, mailserver, burst):
    User.objects.bulk_create(
        User(username=f"guest_{n}", email=f"guest{n}@example.com") for n in range(200)
    )
    mailserver.answers["guest7"] = "550 No such user"
    new = sent_now(staff, subject="Hello ((name))")
    burst()
    got = {address: mail["Subject"] for address, mail in mailserver.messages}
    assert len(mailserver.messages) == len(got) == 200
    assert got["guest42@example.com"] == "Hello guest_42"
    refused = Delivery.objects.get(notice=new, state=State.FAILED)
    assert refused.address == "guest7@example.com"
    assert "550" in refused.reason
    new.refresh_from_db()
    assert new.state == Notice.State.FINISHED


@pytest.mark.django_db(transaction=True)
def test_mail_server_away_costs_the_deliveries_no_try(staff, mailserver):
    mailserver.stop()
    new = sent_now(staff)
    expand.start(new.pk)
    slices.send_slice(new.pk, "email")
    assert set(Delivery.objects.values_list("state", "tries")) == {("queued", 0)}


def test_emails_in_files_are_one_a_message(tmp_path):
    with override_settings(EMAIL_FILE_PATH=tmp_path):
        backend = get_connection("notices.providers.rehearsal.email_file.EmailBackend")
        provider = Email()
        provider.backend = backend
        for number in range(3):
            provider.open()
            provider.send(to(f"guest{number}@example.com"), HELLO)
    files = sorted(tmp_path.iterdir())
    mails = [message_from_bytes(file.read_bytes(), policy=default) for file in files]
    assert [mail["To"] for mail in mails] == [f"guest{n}@example.com" for n in range(3)]


def test_sms_in_a_file_are_one_json_object_a_line(tmp_path):
    provider = File(f"file:{tmp_path}/new")
    for pk in (1, 2):
        provider.open()
        provider.send(to("+8613900000011", pk), Wording("你好\nthere"))
    lines = [json.loads(line) for line in (tmp_path / "new" / "sms.jsonl").read_text().splitlines()]
    assert [(line["to"], line["body"], line["delivery"]) for line in lines] == [
        ("+8613900000011", "你好\nthere", 1),
        ("+8613900000011", "你好\nthere", 2),
    ]
    assert set(lines[0]) == {"at", "to", "body", "delivery"}


def test_sms_to_the_console(capsys):
    Console().send(to("+8613900000011"), Wording("Hello"))
    assert capsys.readouterr().out == "SMS to +8613900000011: Hello\n"


def test_sms_urls_are_the_providers_in_order(settings, tmp_path):
    settings.SMS_URLS = [f"file:{tmp_path}", "console:"]
    assert [type(each) for each in router.providers("sms")] == [File, Console]


@pytest.mark.parametrize(
    ("email", "sms", "problem"),
    [
        ("", ["memory:"], "EMAIL_URL is not set"),
        ("smtp://mail.example.com", [], "SMS_URLS is not set"),
        ("smtp://mail.example.com", ["console:"], None),
    ],
)
def test_channel_without_a_provider_is_told_before_a_deploy(settings, email, sms, problem):
    from notices.checks import check_email, check_sms

    settings.EMAIL_URL, settings.SMS_URLS = email, sms
    errors = [found for found in (*check_email(), *check_sms()) if found.is_serious()]
    assert [problem in error.msg for error in errors] == ([True] if problem else [])
