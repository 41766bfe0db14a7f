"""What nobody needs any more goes; what is a record or still open stays."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from notices.delivery import retention
from notices.models import Delivery
from signup.models import Verification
from tests.support.world import sent_now

pytestmark = pytest.mark.django_db


def single(days, **facts):
    when = timezone.now() - timedelta(days=days)
    proof = Verification.objects.create(mobile="+8613900000033", salt="s", created_at=when)
    facts = {"state": "sent", "created_at": when} | facts
    return Delivery.objects.create(
        message="code", channel="sms", address="+8613900000033", verification=proof, **facts
    )


def test_old_codes_go(settings, monkeypatch, staff):
    settings.KEEP_DAYS = 7
    monkeypatch.setattr(retention, "CHUNK", 2)
    for _ in range(5):
        single(8)
    new, waiting = single(6), single(8, state="queued")
    record = Delivery.objects.create(
        message="notice", notice=sent_now(), channel="email", address="a@example.com",
        created_at=timezone.now() - timedelta(days=400),
    )  # fmt: skip
    Session.objects.create(session_key="old", expire_date=timezone.now() - timedelta(days=1))
    Session.objects.create(session_key="new", expire_date=timezone.now() + timedelta(days=1))
    retention.run()
    assert set(Delivery.objects.all()) == {new, waiting, record}
    assert set(Verification.objects.all()) == {new.verification, waiting.verification}
    assert Session.objects.get().session_key == "new"
