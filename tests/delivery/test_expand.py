"""A notice gets one delivery for each person and channel."""

import threading
from contextlib import closing
from types import SimpleNamespace

import psycopg
import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notices.delivery import budget, expand, lifecycle
from notices.models import Delivery, Notice, State
from signup.models import User
from tests.support.world import database_url, notice, sent_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def _analysed_by_somebody_else():
    """In a transaction that stays open, while nobody here waits for a lock."""
    if connection.vendor == "sqlite":
        yield
        return
    with psycopg.connect(database_url().replace("postgres:", "postgresql:")) as other:
        other.execute("LOCK TABLE notices_delivery IN SHARE UPDATE EXCLUSIVE MODE")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        yield
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")


def rows(new):
    fields = ("channel", "address", "name", "language", "state", "reason")
    return sorted(Delivery.objects.filter(notice=new).values_list(*fields))


def test_everyone_gets_a_row_by_each_channel_also_those_who_cannot_be_told(staff, visitor):
    visitor.mobile, visitor.language = None, "zh-hans"
    visitor.save()
    User.objects.create(username="no_thanks", email="no@example.com", wants_email=False)
    User.objects.create(username="left_us", email="left@example.com", is_active=False)
    new = sent_now(staff, channels=["email", "sms"])
    assert expand.start(new.pk) == ["email", "sms"]
    unwanted = "Does not want notices by email."
    assert rows(new) == [
        ("email", "no@example.com", "no_thanks", "en", "suppressed", unwanted),
        ("email", "reception@example.com", "reception", "en", "queued", ""),
        ("email", "wang@example.com", "guest_wang", "zh-hans", "queued", ""),
        ("sms", "", "guest_wang", "zh-hans", "no_address", "Has no mobile number."),
        ("sms", "", "no_thanks", "en", "no_address", "Has no mobile number."),
        ("sms", "+8613900000001", "reception", "en", "queued", ""),
    ]


@pytest.mark.usefixtures("_analysed_by_somebody_else")
def test_a_large_notice_goes_though_the_database_has_no_time_to_look_at_it(staff, monkeypatch):
    monkeypatch.setattr(expand, "BATCH", 1)
    addresses = "guest1@example.com\t\nguest2@example.com\t"
    new = sent_now(staff, audience="addresses", addresses=addresses)
    assert expand.start(new.pk) == ["email"]


@pytest.mark.parametrize(("part", "inserts"), [(5000, 1), (301, 2), (100, 4), (60, 6)])
def test_everyone_is_prepared_by_few_statements(staff, monkeypatch, part, inserts):
    monkeypatch.setattr(expand, "PART", part)
    User.objects.bulk_create(
        User(username=f"guest_{n}", email=f"guest{n}@example.com") for n in range(300)
    )
    new = sent_now(staff)
    with CaptureQueriesContext(connection) as queries:
        expand.start(new.pk)
    into = f'INSERT INTO "{Delivery._meta.db_table}"'
    assert sum(query["sql"].startswith(into) for query in queries) == inserts
    prepared = Delivery.objects.filter(notice=new).values_list("user", flat=True)
    assert sorted(prepared) == sorted(User.objects.values_list("pk", flat=True))


def test_others_may_write_between_two_parts(staff, monkeypatch):
    """On SQLite one writes at a time."""

    def write():
        with closing(connections.create_connection("default")) as line, line.cursor() as cursor:
            cursor.execute("UPDATE signup_user SET language = %s", ["zh-hans"])
            written.append(cursor.rowcount)

    def others(_seconds):
        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        thread.join(5)

    written = []
    monkeypatch.setattr(expand, "PART", 2)
    monkeypatch.setattr(expand, "time", SimpleNamespace(sleep=others))
    User.objects.bulk_create(
        User(username=f"guest_{n}", email=f"g{n}@example.com") for n in range(6)
    )
    new = sent_now(staff)
    expand.start(new.pk)
    assert written == [7, 7, 7]
    assert Delivery.objects.filter(notice=new).count() == 7


@pytest.mark.parametrize(
    "people", [{}, {"pasted": "a@example.com\nb@example.com\nc@example.com"}], ids=["all", "pasted"]
)
def test_who_is_at_it_tells_the_sweep_and_stops_when_it_is_cancelled(staff, monkeypatch, people):
    def look(notice, upto):
        Notice.objects.update(active_at=None)
        on = goes_on(notice, upto)
        told.append(Notice.objects.get().active_at is not None)
        lifecycle.cancel(notice)
        return on

    told, goes_on = [], expand.goes_on
    monkeypatch.setattr(expand, "PART", 1)
    monkeypatch.setattr(expand, "BATCH", 1)
    monkeypatch.setattr(expand, "goes_on", look)
    User.objects.bulk_create(
        User(username=f"guest_{n}", email=f"g{n}@example.com") for n in range(6)
    )
    new = sent_now(staff, **people)
    assert expand.start(new.pk) == []
    assert told == [True, False]
    assert [row[4] for row in rows(new)] == ["cancelled", "cancelled"]


def test_preparing_twice_adds_nothing(staff, visitor):
    new = sent_now(staff, channels=["email", "sms"])
    expand.start(new.pk)
    before = rows(new)
    Notice.objects.update(state=Notice.State.PREPARING)
    assert expand.start(new.pk) == ["email", "sms"]
    assert rows(new) == before


PASTED = "\n".join(f"g{n}@example.com" for n in range(6))


@pytest.mark.parametrize("people", [{}, {"pasted": PASTED}], ids=["all", "pasted"])
def test_a_turn_ends_when_something_waits_and_the_next_goes_on_there(staff, monkeypatch, people):
    monkeypatch.setattr(expand, "PART", 2)
    monkeypatch.setattr(expand, "BATCH", 2)
    monkeypatch.setattr(budget, "MIN_SECONDS", -1)
    User.objects.bulk_create(
        User(username=f"guest_{n}", email=f"g{n}@example.com") for n in range(6)
    )
    new = sent_now(staff, channels=["email", "sms"], **people)
    made, turns = [], 0
    while expand.start(new.pk, lambda: True) is None:
        turns += 1
        made.append(Delivery.objects.filter(channel="email").count())
        assert Notice.objects.get().state == Notice.State.PREPARING
    assert made == [2, 4] if people else [2, 4, 6]
    assert Notice.objects.get().state == Notice.State.SENDING
    assert set(PASTED.split()) <= {row[1] for row in rows(new)}


def test_a_turn_does_not_begin_with_the_first_person_again(staff, monkeypatch):
    """Whose worker was killed goes on where the last part ended."""
    monkeypatch.setattr(expand, "PART", 2)
    monkeypatch.setattr(budget, "MIN_SECONDS", -1)
    User.objects.bulk_create(
        User(username=f"guest_{n}", email=f"g{n}@example.com") for n in range(6)
    )
    new = sent_now(staff)
    assert expand.start(new.pk, lambda: True) is None
    Delivery.objects.all().delete()
    assert expand.start(new.pk) == ["email"]
    assert Delivery.objects.count() == User.objects.count() - 2


def test_half_prepared_notice_is_completed(staff, visitor):
    new = sent_now(staff)
    expand.start(new.pk)
    whole = rows(new)
    Delivery.objects.filter(address="wang@example.com").delete()
    Notice.objects.update(state=Notice.State.PREPARING)
    expand.start(new.pk)
    assert rows(new) == whole


def test_pasted_address_of_a_user_follows_that_users_wishes(staff, visitor):
    User.objects.filter(pk=visitor.pk).update(wants_email=False)
    new = sent_now(staff, pasted="wang@example.com\nBob <bob@example.com>\nRECEPTION@example.com")
    expand.start(new.pk)
    assert [(address, name, state) for _, address, name, _, state, _ in rows(new)] == [
        ("bob@example.com", "Bob", "queued"),
        ("reception@example.com", "reception", "queued"),
        ("wang@example.com", "guest_wang", "suppressed"),
    ]


def test_notice_with_nobody_to_tell_ends_at_once(staff):
    User.objects.update(email="")
    new = sent_now(staff)
    assert expand.start(new.pk) == []
    new.refresh_from_db()
    assert (new.state, rows(new)[0][4]) == (Notice.State.FINISHED, State.NO_ADDRESS)


def test_notice_is_not_started_before_its_time(staff):
    new = notice(staff)
    lifecycle.accept(new)
    assert expand.start(new.pk) == []
    new.refresh_from_db()
    assert new.state == Notice.State.WAITING


def test_started_notice_is_not_prepared_again(staff, visitor):
    new = sent_now(staff)
    expand.start(new.pk)
    started = Notice.objects.get().started_at
    assert expand.start(new.pk) == []
    assert Notice.objects.get().started_at == started <= timezone.now()
