"""The engine with services that take many emails in one call: claim, mark, send, record."""

import json
import os
import re
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from notices.content import messages
from notices.delivery import budget, expand, lifecycle, limits, slices
from notices.delivery.connections import Connections
from notices.models import Delivery, Notice, State
from notices.providers.connection import CONNECT_SECONDS
from notices.providers.esp import BATCH_SECONDS, READ_SECONDS
from signup.models import User
from tests.support import esp_server
from tests.support.esp_server import says
from tests.support.processes import ROOT
from tests.support.world import database_url, record_fails_once, sent_now, states_of, swept

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailNotSupportedWarning"),
]
ESPS = ["brevo", "mailgun", "postmark", "sendgrid"]


@pytest.fixture
def esp(settings):
    settings.PUBLIC_URL = "https://bellhop.example"
    with esp_server.running() as server:
        esp_server.use(settings, server, "mailgun")
        yield server


@pytest.fixture
def ten(staff):
    """A prepared notice to ten addresses."""
    lines = [f"Guest {n} <guest{n}@example.com>" for n in range(10)]
    return prepared(staff, pasted="\n".join(lines), subject="Hello ((name))")


def prepared(staff, **changes):
    new = sent_now(staff, **changes)
    expand.start(new.pk)
    return new


def go(notice):
    """Slices until nothing is left to do now."""
    while (again := slices.send_slice(notice.pk, "email")) is not None:
        if again > timezone.now():
            return again
    return None


def counts(notice):
    found = list(states_of(notice).values())
    return {state: found.count(state) for state in set(found)}


def unsigned(text):
    """Without the tokens in its links, which may hold the time."""
    return re.sub(r"/u/[^/]+/", "/u//", text)


NAMES = [
    "王小明",
    "",
    'O\'Brien, "Pat"',
    "<b>&amp;",
    "%s {{name}} {% x %}",
    "-name- ((name))",
    "a\\",
]


@pytest.mark.parametrize("name", ESPS)
def test_each_reads_in_a_batch_what_one_alone_would(settings, staff, esp, name):
    esp_server.use(settings, esp, name)
    new = prepared(
        staff,
        subject="Hi ((name)) {{x}} 100%",
        text="# Dear ((name))\n\n{{ x }} %tag% -a- <b> & [x](https://e.example/?a=1&b=2) ((name))",
        pasted="\n".join(f"guest{n}@example.com" for n in range(len(NAMES))),
    )
    rows = list(Delivery.objects.order_by("id"))
    for row, called in zip(rows, NAMES, strict=True):
        Delivery.objects.filter(pk=row.pk).update(name=called)
    go(new)
    # Who has no name is greeted in other words.
    assert sorted(len(call) for call in esp.calls) == [1, len(NAMES) - 1]
    for row in Delivery.objects.select_related("notice"):
        said, mail = messages.compose(row), esp.to(row.address)
        assert mail["subject"] == said.subject
        assert unsigned(mail["text"]) == unsigned(said.text)
        assert unsigned(mail["html"]) == unsigned(said.html)
        link = mail["headers"]["List-Unsubscribe"].strip("<>")
        assert unsigned(link) == "https://bellhop.example/u//"
        assert link in mail["text"]
        assert link in mail["html"]
        assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert mail["metadata"] == {"delivery": str(row.pk)}
        assert (row.state, row.provider, row.provider_ref) == ("sent", name, mail["number"])
        alone = name != "mailgun" or not row.name
        given = f"<bellhop-{row.pk}@example.com>" if alone else None
        assert mail["headers"].get("Message-Id") == given


def test_a_worker_sends_a_notice_in_batches(staff, esp, burst):
    User.objects.bulk_create(
        User(username=f"guest_{n}", email=f"guest{n}@example.com") for n in range(249)
    )
    new = sent_now(staff)
    burst()
    assert sorted(len(call) for call in esp.calls) == [50, 100, 100]
    assert counts(new) == {"sent": 250}
    new.refresh_from_db()
    assert new.state == Notice.State.FINISHED


def test_postmark_refuses_two_of_a_batch_and_takes_the_others(settings, esp, ten):
    esp_server.use(settings, esp, "postmark")
    Delivery.objects.filter(address="guest3@example.com").update(address="inactive@example.com")
    esp.bad.add("guest5@example.com")
    go(ten)
    assert len(esp.calls) == 1
    assert counts(ten) == {"sent": 8, "failed": 2}
    refused = Delivery.objects.get(address="inactive@example.com")
    assert refused.reason == "The provider does not accept this address (406)."


@pytest.mark.parametrize(
    ("code", "words"), [(405, "our account"), (412, "our account"), (100, "busy"), (429, "busy")]
)
def test_postmark_that_takes_nothing_at_the_moment_loses_nobody(
    settings, esp, ten, caplog, code, words
):
    esp_server.use(settings, esp, "postmark")
    esp.next.append(says(200, json.dumps([{"ErrorCode": code, "Message": "…"}] * 10).encode()))
    assert go(ten) > timezone.now()
    assert counts(ten) == {"queued": 10}
    assert all(words in row.reason for row in Delivery.objects.all())
    assert set(Delivery.objects.values_list("tries")) == {(0 if "account" in words else 1,)}
    assert len(caplog.records) == ("account" in words), "said once, and not ten times"
    Delivery.objects.update(not_before=None)
    go(ten)
    assert counts(ten) == {"sent": 10}


@pytest.mark.parametrize("name", ["brevo", "mailgun", "sendgrid"])
def test_one_that_spoils_a_whole_call_is_found(settings, esp, staff, name):
    esp_server.use(settings, esp, name)
    new = prepared(staff, pasted="\n".join(f"guest{n}@example.com" for n in range(100)))
    esp.bad.add("guest42@example.com")
    go(new)
    assert counts(new) == {"sent": 99, "failed": 1}
    assert Delivery.objects.get(state=State.FAILED).address == "guest42@example.com"
    assert len(esp.mails) == 99
    assert len(esp.calls) < 40


def test_busy_service_gets_none_of_the_batch_and_all_later(esp, ten):
    esp.next.append(says(429, b"{}", Retry_After="90"))
    again = go(ten)
    assert again > timezone.now() + timedelta(seconds=60)
    assert counts(ten) == {"queued": 10}
    assert esp.mails == []
    Delivery.objects.update(not_before=None)
    go(ten)
    assert counts(ten) == {"sent": 10}
    assert len(esp.mails) == 10


def test_answer_that_is_lost_leaves_the_whole_batch_in_doubt(esp, ten):
    esp.next.append(esp_server.accepts_and_hangs_up)
    assert go(ten) is None
    assert counts(ten) == {"uncertain": 10}
    assert len(esp.mails) == 10  # and nobody got it twice


@pytest.mark.parametrize("body", [b"null", b"[]", b"[{}]", b"{}", b'[{"ErrorCode": 0}]', b"<html>"])
@pytest.mark.parametrize("name", ESPS)
def test_answer_that_makes_no_sense_says_of_nobody_that_it_went(settings, esp, ten, name, body):
    esp_server.use(settings, esp, name)
    esp.next.append(says(200, body))
    go(ten)
    assert counts(ten) == {"uncertain": 10}


def test_service_that_hangs_leaves_the_batch_in_doubt_before_the_lease_is_over(
    settings, esp, ten, monkeypatch
):
    assert CONNECT_SECONDS + BATCH_SECONDS + READ_SECONDS < limits.LEASE_SECONDS
    monkeypatch.setattr("notices.providers.esp.BATCH_SECONDS", 1)
    settings.ANYMAIL["REQUESTS_TIMEOUT"] = (30, 30)
    esp.next.append(esp_server.hangs(3))
    go(ten)
    assert counts(ten) == {"uncertain": 10}


def test_database_away_for_a_moment_loses_no_outcome(esp, ten, monkeypatch):
    record_fails_once(monkeypatch, "guest5@example.com")
    go(ten)
    assert counts(ten) == {"sent": 10}
    assert len(esp.mails) == 10


@pytest.mark.parametrize(
    "answer",
    [
        {"ErrorCode": 0, "Message": "OK", "To": "guest0@example.com"},
        {"ErrorCode": 0, "Message": "OK", "MessageID": "x", "To": "somebody@else.example"},
        {"Message": "OK"},
    ],
)
def test_postmark_must_name_everyone_with_a_number(settings, esp, ten, answer):
    esp_server.use(settings, esp, "postmark")
    esp.next.append(says(200, json.dumps([answer] * 10).encode()))
    go(ten)
    assert counts(ten) == {"uncertain": 10}


def test_service_that_is_away_costs_no_more_than_time(settings, esp, ten):
    with esp_server.running() as gone:
        settings.ANYMAIL["MAILGUN_API_URL"] = gone.url
    go(ten)
    assert counts(ten) == {"queued": 10}


def test_languages_do_not_share_a_call(esp, ten):
    odd = Delivery.objects.filter(address__in=[f"guest{n}@example.com" for n in (1, 3, 5)])
    odd.update(language="zh-hans")
    go(ten)
    assert sorted(map(len, esp.calls)) == [3, 7]
    chinese = messages.compose(Delivery.objects.get(address="guest3@example.com"))
    assert unsigned(esp.to("guest3@example.com")["html"]) == unsigned(chinese.html)


def test_what_mailgun_would_take_for_a_variable_goes_alone(esp, ten):
    Delivery.objects.filter(address="guest1@example.com").update(name="%recipient.name%")
    go(ten)
    assert sorted(map(len, esp.calls)) == [1, 9]
    assert esp.to("guest1@example.com")["subject"] == "Hello %recipient.name%"


def test_nobody_is_twice_in_a_call(settings, esp, ten):
    esp_server.use(settings, esp, "sendgrid")
    Delivery.objects.filter(address="guest1@example.com").update(address="Guest2@example.com")
    go(ten)
    assert sorted(map(len, esp.calls)) == [1, 9]
    assert counts(ten) == {"sent": 10}


def test_address_that_email_cannot_carry_fails_alone(esp, ten):
    Delivery.objects.filter(address="guest1@example.com").update(address="王@example.com")
    go(ten)
    assert counts(ten) == {"sent": 9, "failed": 1}
    assert "before the @" in Delivery.objects.get(state=State.FAILED).reason


def test_cancelled_meanwhile_does_not_go(esp, ten):
    with Connections("email", bulk=True) as connections:
        sender = slices.NoticeSender(connections, "mine", ten, budget.Budget())
        assert lifecycle.cancel(ten) == len(sender.waiting) == 10
        sender.run()
    assert esp.mails == []
    assert counts(ten) == {"cancelled": 10}


def test_who_opted_out_since_is_not_in_the_call(staff, visitor, esp):
    new = prepared(staff)
    User.objects.create_user("guest_li", email="li@example.com")
    User.objects.filter(pk=visitor.pk).update(wants_email=False)
    go(new)
    assert counts(new) == {"sent": 1, "suppressed": 1}
    assert [mail["to"] for mail in esp.mails] == ["reception@example.com"]


WORKER = """
import sys
sys.path[:0] = ["site"]
import django
django.setup()
from django.conf import settings
from notices.delivery import slices
settings.PUBLIC_URL = "https://bellhop.example"
slices.send_slice(int(sys.argv[1]), "email")
"""


def test_worker_killed_in_the_middle_of_a_call_leaves_that_call_in_doubt(esp, staff):
    new = prepared(staff, pasted="\n".join(f"guest{n}@example.com" for n in range(150)))
    killed = []

    def kill(handler, body):
        handler.dispatch(handler.server.esp, body)
        os.kill(worker.pid, signal.SIGKILL)
        killed.append(worker.pid)
        esp_server.hangs_up(handler, body)

    esp.next.append(kill)
    variables = os.environ | {
        "DATABASE_URL": database_url(),
        "EMAIL_URL": "anymail://mailgun",
        "ANYMAIL_MAILGUN_API_KEY": esp_server.KEY,
        "ANYMAIL_MAILGUN_API_URL": f"{esp.url}/v3/",
    }
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(new.pk)], cwd=ROOT, env=variables)
    assert worker.wait(30) == -signal.SIGKILL
    assert counts(new) == {"sending": 100, "queued": 50}
    Delivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    for _name, args in swept():
        assert args
    go(new)
    assert counts(new) == {"uncertain": 100, "sent": 50}
    assert len(esp.mails) == len({mail["to"] for mail in esp.mails}) == 150
