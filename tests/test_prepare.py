"""A notice gets one delivery for each person and channel."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notices import prepare, schedule
from notices.models import Delivery, Notice, State
from signup.models import User
from tests.world import notice, sent_now

pytestmark = pytest.mark.django_db(transaction=True)


def rows(new):
    fields = ("channel", "address", "name", "language", "state", "reason")
    return sorted(Delivery.objects.filter(notice=new).values_list(*fields))


def test_everyone_gets_a_row_by_each_channel_also_those_who_cannot_be_told(staff, visitor):
    visitor.mobile, visitor.language = None, "zh-hans"
    visitor.save()
    User.objects.create(username="no_thanks", email="no@example.com", wants_email=False)
    User.objects.create(username="left_us", email="left@example.com", is_active=False)
    new = sent_now(staff, channels=["email", "sms"])
    assert prepare.start(new.pk) == ["email", "sms"]
    unwanted = "Does not want notices by email."
    assert rows(new) == [
        ("email", "no@example.com", "no_thanks", "en", "suppressed", unwanted),
        ("email", "reception@example.com", "reception", "en", "queued", ""),
        ("email", "wang@example.com", "guest_wang", "zh-hans", "queued", ""),
        ("sms", "", "guest_wang", "zh-hans", "no_address", "Has no mobile number."),
        ("sms", "", "no_thanks", "en", "no_address", "Has no mobile number."),
        ("sms", "+8613900000001", "reception", "en", "queued", ""),
    ]


def test_everyone_is_prepared_by_one_statement_a_channel(staff):
    User.objects.bulk_create(
        User(username=f"guest_{n}", email=f"guest{n}@example.com") for n in range(300)
    )
    new = sent_now(staff)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        prepare.start(new.pk)
    inserts = [query for query in queries if query["sql"].startswith("INSERT")]
    assert len(inserts) == 1
    assert Delivery.objects.filter(notice=new).count() == 301


def test_preparing_twice_adds_nothing(staff, visitor):
    new = sent_now(staff, channels=["email", "sms"])
    prepare.start(new.pk)
    before = rows(new)
    Notice.objects.update(state=Notice.State.PREPARING)
    assert prepare.start(new.pk) == ["email", "sms"]
    assert rows(new) == before


def test_half_prepared_notice_is_completed(staff, visitor):
    new = sent_now(staff)
    prepare.start(new.pk)
    whole = rows(new)
    Delivery.objects.filter(address="wang@example.com").delete()
    Notice.objects.update(state=Notice.State.PREPARING)
    prepare.start(new.pk)
    assert rows(new) == whole


def test_pasted_address_of_a_user_follows_that_users_wishes(staff, visitor):
    User.objects.filter(pk=visitor.pk).update(wants_email=False)
    new = sent_now(staff, pasted="wang@example.com\nBob <bob@example.com>\nRECEPTION@example.com")
    prepare.start(new.pk)
    assert [(address, name, state) for _, address, name, _, state, _ in rows(new)] == [
        ("bob@example.com", "Bob", "queued"),
        ("reception@example.com", "reception", "queued"),
        ("wang@example.com", "guest_wang", "suppressed"),
    ]


def test_notice_with_nobody_to_tell_ends_at_once(staff):
    User.objects.update(email="")
    new = sent_now(staff)
    assert prepare.start(new.pk) == []
    new.refresh_from_db()
    assert (new.state, rows(new)[0][4]) == (Notice.State.FINISHED, State.NO_ADDRESS)


def test_notice_is_not_started_before_its_time(staff):
    new = notice(staff)
    schedule.accept(new)
    assert prepare.start(new.pk) == []
    new.refresh_from_db()
    assert new.state == Notice.State.WAITING


def test_started_notice_is_not_prepared_again(staff, visitor):
    new = sent_now(staff)
    prepare.start(new.pk)
    started = Notice.objects.get().started_at
    assert prepare.start(new.pk) == []
    assert Notice.objects.get().started_at == started <= timezone.now()
