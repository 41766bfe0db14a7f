"""What the engine says of its work: counts and numbers of rows, no address and no name."""

import logging
from datetime import timedelta

import pytest
from django.utils import timezone

import jobs
from notices.delivery import claims, lifecycle
from notices.models import Delivery
from tests.support.world import sent_now, swept

pytestmark = pytest.mark.django_db(transaction=True)

NUMBERS = "+8613900000011\n+8613900000012\n+8613900000013"
PAST = timezone.now() - timedelta(minutes=1)


def told(caplog, level=logging.INFO):
    return [each.getMessage() for each in caplog.records
            if each.name.startswith("notices.delivery") and each.levelno >= level]  # fmt: skip


def test_a_notice_is_told_when_it_starts_and_when_it_ends(burst, texts, caplog):
    caplog.set_level(logging.INFO)
    notice = sent_now(channels=["sms"], pasted=NUMBERS)
    burst()
    pk = notice.pk
    assert told(caplog) == [f"Notice {pk} starts: sms.", f"Notice {pk} is finished."]
    assert len(texts) == 3


def test_what_each_slice_does_is_told_who_asks_for_it(burst, texts, caplog):
    caplog.set_level(logging.DEBUG, "notices.delivery")
    notice = sent_now(channels=["sms"], pasted=NUMBERS)
    burst()
    assert f"Notice {notice.pk}, sms: 3 claimed." in told(caplog, logging.DEBUG)
    assert not [line for line in told(caplog, logging.DEBUG) if "+86" in line or "139" in line]


def test_a_cancelled_notice_is_told(caplog):
    caplog.set_level(logging.INFO)
    notice = sent_now(channels=["sms"], pasted=NUMBERS)
    lifecycle.cancel(notice)
    assert told(caplog) == [f"Notice {notice.pk} is cancelled."]


def test_deliveries_of_a_worker_that_died_are_told(caplog):
    facts = {"channel": "sms", "address": "+8613900000011", "state": "sending", "token": "dead"}
    for message in ("welcome", "code", "code"):
        Delivery.objects.create(message=message, lease_until=PAST, **facts)
    swept()
    assert told(caplog) == [
        "2 deliveries of a worker that died go again.",
        "1 deliveries of a worker that died are uncertain.",
    ]


def test_a_slice_of_a_mail_server_whose_worker_died_is_told(mailserver, caplog):
    notice = sent_now(pasted="a@example.com\nb@example.com")
    jobs.start_notice(notice.pk)
    [first, second] = claims.claim(notice, "email", "dead", streamed=True)
    claims.StreamCursor.objects.update(position=second.pk, lease_until=PAST)
    swept()
    said = f"Notice {notice.pk}: a worker died; 1 are sent, 1 uncertain."
    assert said in told(caplog, logging.WARNING)
    assert Delivery.objects.get(pk=first.pk).state == "sent"
