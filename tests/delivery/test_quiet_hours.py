"""Quiet hours hold and do not drop; and what is too late is not sent."""

from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine

import jobs
from notices.delivery import budget, claims, expand, lifecycle, quiet_hours, slices
from notices.models import Delivery, Notice
from notices.schedules import occurrences
from signup.models import User
from tests.support.world import notice, repeated, sent_now, states_of, swept, woken

pytestmark = pytest.mark.django_db(transaction=True)

EVENING = datetime(2026, 11, 21, 13, 59, tzinfo=UTC)  # 21:59 in Shanghai
MORNING = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)  # 08:00


@pytest.fixture
def clock(settings):
    settings.QUIET_HOURS = (time(22), time(8))
    with time_machine.travel(EVENING, tick=False) as traveller:
        yield traveller


@pytest.mark.parametrize(
    ("hours", "at", "until"),
    [
        ((time(22), time(8)), "2026-11-21T21:59", None),
        ((time(22), time(8)), "2026-11-21T22:00", "2026-11-22T08:00"),
        ((time(22), time(8)), "2026-11-22T07:59", "2026-11-22T08:00"),
        ((time(22), time(8)), "2026-11-22T08:00", None),
        ((time(12), time(14)), "2026-11-21T13:00", "2026-11-21T14:00"),
        ((time(12), time(14)), "2026-11-21T14:00", None),
        ((time(0), time(6)), "2026-11-21T00:00", "2026-11-21T06:00"),
        (None, "2026-11-21T03:00", None),
    ],
)
def test_when_it_is_quiet(settings, hours, at, until):
    settings.QUIET_HOURS = hours
    moment = datetime.fromisoformat(f"{at}+08:00")
    assert quiet_hours.ends(moment) == (until and datetime.fromisoformat(f"{until}+08:00"))


def test_the_end_follows_the_clocks(settings):
    settings.QUIET_HOURS, settings.TIME_ZONE_DEFAULT = (time(22), time(8)), "Europe/London"
    in_march = datetime(2027, 3, 28, 0, 30, tzinfo=UTC)
    assert quiet_hours.ends(in_march) == datetime(2027, 3, 28, 7, tzinfo=UTC)


def test_a_notice_that_starts_in_them_is_held_until_they_end(clock, visitor, burst, mailserver):
    clock.shift(120)
    new = sent_now()
    burst()
    new.refresh_from_db()
    assert (new.state, new.held_until, new.is_held) == ("waiting", MORNING, True)
    clock.shift(3600)
    assert swept() == [], "nobody rings for it in the meantime"
    clock.move_to(MORNING - timedelta(seconds=5))
    assert woken() == [(MORNING, "start_notice", new.pk)]
    clock.move_to(MORNING)
    assert swept() == [("start_notice", (new.pk,))]
    jobs.start_notice(new.pk)
    burst()
    assert [address for address, _ in mailserver.messages] == [visitor.email]
    assert states_of(new) == {visitor.email: "sent"}


def test_what_is_being_sent_when_they_begin_is_held(clock, mailserver):
    User.objects.bulk_create(
        User(username=f"guest_{n}", email=f"g{n}@example.com") for n in range(3)
    )
    new = sent_now()
    expand.start(new.pk)
    clock.shift(60)
    assert slices.send_slice(new.pk, "email") == MORNING
    assert mailserver.messages == []
    clock.shift(3600)
    assert swept() == []
    clock.move_to(MORNING)
    assert swept() == [("resume_notice", (new.pk, "email"))]
    slices.send_slice(new.pk, "email")
    assert len(mailserver.messages) == 3


def test_one_that_may_is_not_held(clock, visitor, burst, mailserver):
    clock.shift(3600)
    sent_now(in_quiet_hours=True)
    burst()
    assert len(mailserver.messages) == 1


def test_send_at_once_goes_also_then(clock, visitor, burst, mailserver):
    clock.shift(3600)
    new = sent_now()
    burst()
    held = Notice.objects.get(pk=new.pk)
    held.in_quiet_hours = True
    assert lifecycle.change(held, ["in_quiet_hours"])
    clock.shift(lifecycle.UNDO)
    jobs.push(jobs.start_notice, new.pk)
    burst()
    assert len(mailserver.messages) == 1


def test_send_at_once_by_day_lifts_nothing(clock, client, staff):
    new = sent_now()
    client.force_login(staff)
    client.post(f"/notices/{new.pk}/start/")
    assert not Notice.objects.get(pk=new.pk).in_quiet_hours
    clock.shift(3600)
    Notice.objects.update(state="waiting")
    client.post(f"/notices/{new.pk}/start/")
    assert Notice.objects.get(pk=new.pk).in_quiet_hours


def test_an_occurrence_is_held_and_not_missed(clock, visitor):
    daily = repeated("30 23 * * *", late_minutes=0)
    strict = repeated("30 23 * * *", late_minutes=0, in_quiet_hours=True)
    clock.move_to(daily.next_at)
    held, _ = occurrences.run(daily.pk)
    loud, _ = occurrences.run(strict.pk)
    assert expand.start(held.pk) == []
    assert expand.start(loud.pk) == ["email"]
    held.refresh_from_db()
    assert held.is_held
    assert held.occurrence.state == "started"


# Too late


def test_a_notice_that_could_not_start_in_time_is_expired(clock, visitor):
    new = notice(not_after=EVENING + timedelta(minutes=5))
    lifecycle.accept(new, EVENING)
    clock.shift(301)
    assert expand.start(new.pk) == []
    new.refresh_from_db()
    assert new.state == Notice.State.EXPIRED
    assert not Delivery.objects.exists()


def test_what_has_not_left_in_time_expires_at_sending(clock, mailserver, settings, monkeypatch):
    settings.QUIET_HOURS = None
    User.objects.bulk_create(
        User(username=f"guest_{n}", email=f"g{n}@example.com") for n in range(3)
    )
    pasted = "\n".join(f"p{n}@example.com" for n in range(2))
    for new in (
        notice(not_after=EVENING + timedelta(minutes=5)),
        notice(not_after=EVENING + timedelta(minutes=5), pasted=pasted),
    ):
        lifecycle.accept(new, EVENING)
        expand.start(new.pk)
        with monkeypatch.context() as patched:
            patched.setattr(budget, "MAX_SECONDS", -1)
            slices.send_slice(new.pk, "email")  # its time is over before the first
        assert set(states_of(new).values()) == {"queued"}
        clock.shift(301)
        assert slices.send_slice(new.pk, "email") is None
        assert set(states_of(new).values()) == {"expired"}
        new.refresh_from_db()
        assert new.state == Notice.State.FINISHED
        clock.move_to(EVENING)
    assert mailserver.messages == []


def test_a_claimed_one_expires_too(clock, visitor, settings, mailserver):
    settings.QUIET_HOURS = None
    new = notice(not_after=EVENING + timedelta(minutes=5))
    lifecycle.accept(new, EVENING)
    expand.start(new.pk)
    row = Delivery.objects.filter(notice=new)
    clock.shift(301)
    assert claims.settle_objection(row.get(), row)
    assert states_of(new) == {visitor.email: "expired"}
