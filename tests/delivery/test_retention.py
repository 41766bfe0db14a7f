"""What nobody needs any more goes; what is a record or still open stays."""

from datetime import timedelta

import django_rq
import pytest
from django.contrib.sessions.models import Session
from django.test import TestCase
from django.utils import timezone

import jobs
from notices.delivery import expand, periods, retention
from notices.models import Delivery, FailedAttempt, Notice
from signup.models import Change, Verification
from tests.support.world import repeated, sent_now

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


def ended(days, **changes):
    """A notice that ended so long ago, with what stays behind of one."""
    new = sent_now(pasted="Wang <wang@example.com>\nli@example.com", channels=["email"], **changes)
    expand.start(new.pk)
    Delivery.objects.filter(notice=new).update(
        state="failed", reason="550 no wang@example.com", values={"room": "7"}
    )
    for each in Delivery.objects.filter(notice=new):
        FailedAttempt.objects.create(delivery=each, reason="550 no wang@example.com")
    when = timezone.now() - timedelta(days=days)
    Notice.objects.filter(pk=new.pk).update(state="finished", finished_at=when)
    return Notice.objects.get(pk=new.pk)


def left(notice):
    notice.refresh_from_db()
    rows = Delivery.objects.filter(notice=notice)
    return {*rows.values_list("address", "name", "reason", "state"), notice.addresses, notice.text}


def test_addresses_and_texts_of_a_notice_go_and_its_counts_stay(settings, monkeypatch):
    monkeypatch.setattr(retention, "CHUNK", 1)
    settings.KEEP_ADDRESSES_DAYS = settings.KEEP_TEXTS_DAYS = 90
    old, new = ended(91), ended(89)
    before = left(new)
    over = repeated(pasted="wang@example.com", state="ended")
    over.handled_until = timezone.now() - timedelta(days=91)
    over.save()
    turns = iter([True, True, False])
    assert not retention.run(lambda: next(turns))  # and goes on where it was
    assert retention.run()
    assert left(old) == {("", "", "", "failed"), ""}
    assert not FailedAttempt.objects.filter(delivery__notice=old).exists()
    assert left(new) == before
    over.refresh_from_db()
    assert over.addresses == ""
    assert retention.run(lambda: pytest.fail("there is nothing left to do"))


def test_what_is_kept_for_ever_stays(settings, staff):
    settings.KEEP_TEXTS_DAYS = 0
    periods.change({"addresses": 0, "log": 0}, staff)
    old = ended(10_000)
    before = left(old)
    retention.run()
    assert left(old) == before


def test_who_changed_what_goes_after_its_time(staff, visitor):
    for days in (31, 29):
        row = Change.objects.create(user=visitor, by=staff, what="changed")
        Change.objects.filter(pk=row.pk).update(at=timezone.now() - timedelta(days=days))
    periods.change({"log": 30}, staff)
    retention.run()
    assert Change.objects.count() == 1


def test_a_purge_that_is_not_done_comes_again(settings, redis, monkeypatch):
    settings.KEEP_ADDRESSES_DAYS = 90
    ended(91)
    monkeypatch.setattr(jobs, "PURGE_SECONDS", 0)
    with TestCase.captureOnCommitCallbacks(execute=True):
        jobs.purge()
    assert [
        each.func_name for each, _at in django_rq.get_scheduler().get_jobs(with_times=True)
    ] == ["jobs.purge"]
