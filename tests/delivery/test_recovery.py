"""What was interrupted is repaired, and silent work is rung for again."""

from datetime import timedelta

import pytest
from django.utils import timezone

import jobs
from notices.delivery import expand, high_water, lifecycle, recovery, states
from notices.models import Delivery, Notice, State
from signup.models import Verification
from tests.support.world import notice, sent_now, swept, woken

pytestmark = pytest.mark.django_db(transaction=True)
PAST = timedelta(seconds=60)


def single(message="code", channel="sms", **changes):
    verification = Verification.objects.create(mobile="+8613900000011", salt="x")
    long_ago = timezone.now() - PAST
    return Delivery.objects.create(
        message=message,
        channel=channel,
        address="+8613900000011",
        verification=verification,
        changed_at=long_ago,
        **changes,
    )


def in_hand_of_the_dead(delivery):
    Delivery.objects.filter(pk=delivery.pk).update(
        state=State.SENDING, token="dead", lease_until=timezone.now() - PAST
    )


def state_of(delivery):
    return Delivery.objects.get(pk=delivery.pk).state


def test_of_very_many_codes_of_dead_workers_none_is_called_uncertain(monkeypatch):
    monkeypatch.setattr(recovery, "CHUNK", 1)
    for _ in range(3):
        in_hand_of_the_dead(single())
    swept()
    assert sorted(Delivery.objects.values_list("state", flat=True)) == [
        "queued",
        "sending",
        "sending",
    ]


def test_notice_in_the_hand_of_a_dead_worker_becomes_uncertain_and_ends(staff):
    new = sent_now(staff)
    expand.start(new.pk)
    [only] = Delivery.objects.all()
    in_hand_of_the_dead(only)
    assert swept() == []
    assert state_of(only) == State.UNCERTAIN
    assert Notice.objects.get().state == Notice.State.FINISHED


def test_worker_thought_dead_may_still_say_that_it_was_sent(staff):
    new = sent_now(staff)
    expand.start(new.pk)
    [only] = Delivery.objects.all()
    in_hand_of_the_dead(only)
    swept()
    states.record(states.Outcome(only, State.SENT), "dead")
    assert state_of(only) == State.SENT


def test_code_in_the_hand_of_a_dead_worker_goes_again():
    code = single()
    in_hand_of_the_dead(code)
    assert swept() == [("send_code", (code.pk,))]
    assert state_of(code) == State.QUEUED


def test_delivery_in_the_hand_of_a_living_worker_is_left_alone():
    code = single()
    Delivery.objects.update(
        state=State.SENDING, token="alive", lease_until=timezone.now() + timedelta(seconds=20)
    )
    assert swept() == []
    assert state_of(code) == State.SENDING


def test_silent_delivery_is_rung_for_once_in_ten_seconds():
    email = single("welcome", "email")
    assert swept() == [("send_email", (email.pk,))]
    assert swept() == []


def test_delivery_that_must_wait_is_not_rung_for():
    single(not_before=timezone.now() + PAST)
    assert swept() == []


def test_code_that_nobody_sent_in_time_expires():
    code = single(expires_at=timezone.now() - timedelta(seconds=1))
    assert swept() == []
    assert state_of(code) == State.EXPIRED


@pytest.mark.parametrize(
    ("state", "rung"), [("waiting", True), ("preparing", True), ("cancelled", False)]
)
def test_notice_whose_bell_was_lost_is_started(staff, state, rung):
    new = notice(staff)
    lifecycle.accept(new)
    Notice.objects.update(start_at=timezone.now() - PAST, state=state)
    assert swept() == ([("start_notice", (new.pk,))] if rung else [])


def test_notice_that_is_being_sent_is_not_rung_for(staff):
    new = sent_now(staff)
    expand.start(new.pk)
    assert swept() == []


def test_silent_notice_is_rung_for_by_the_channels_that_have_something_left(staff):
    new = sent_now(staff, channels=["email", "sms"])
    expand.start(new.pk)
    Delivery.objects.filter(channel="sms").update(state=State.SENT)
    Notice.objects.update(active_at=timezone.now() - PAST)
    Notice.objects.update(start_at=timezone.now() - PAST)
    assert swept() == [("resume_notice", (new.pk, "email"))]
    assert swept() == []


def test_idle_sweep_costs_eighteen_queries(staff, django_assert_num_queries):
    high_water.rise()
    with django_assert_num_queries(18):
        swept()
        woken()


def test_what_a_dead_worker_held_back_of_a_cancelled_notice_is_settled(staff):
    new = sent_now(staff)
    expand.start(new.pk)
    lifecycle.cancel(new)
    Delivery.objects.update(state=State.QUEUED, token="dead")
    assert swept() == []
    assert Delivery.objects.get().state == State.CANCELLED


def test_everything_goes_out_after_redis_was_emptied(staff, visitor, redis, texts, burst):
    new = sent_now(staff, channels=["sms"])
    code = single()
    redis.flushall()
    Notice.objects.update(start_at=timezone.now() - PAST)
    jobs.sweep()
    burst()
    assert state_of(code) == State.SENT
    assert sorted(number for number, _ in texts) == [
        "+8613900000001", "+8613900000002", "+8613900000011",
    ]  # fmt: skip
    new.refresh_from_db()
    assert new.state == Notice.State.FINISHED
