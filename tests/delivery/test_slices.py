"""The delivery engine without a queue: claim, mark, send, record."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from notices.delivery import budget, claims, expand, lifecycle, retry, slices, states
from notices.delivery.connections import Connections
from notices.models import Delivery, Notice, State
from notices.pages.progress import report
from notices.providers.errors import Refused, TryLater, Unknown
from notices.providers.rehearsal.memory import Memory
from signup.models import Verification
from tests.support.world import notice, send_single, sent_now, states_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def five(staff):
    """A prepared notice to five numbers."""
    new = sent_now(
        staff, channels=["sms"], pasted="\n".join(f"+86139000000{n}" for n in range(11, 16))
    )
    expand.start(new.pk)
    return new


@pytest.fixture
def code(settings):
    verification = Verification.objects.create(mobile="+8613900000011", salt="x")
    return Delivery.objects.create(
        message="code",
        channel="sms",
        address="+8613900000011",
        verification=verification,
        expires_at=verification.expires_at,
    )


def answer_with(monkeypatch, *errors):
    """The provider raises each of these in turn, then carries what it is given."""
    pending = list(errors)
    carry = Memory.send

    def send(self, delivery, wording):
        if pending:
            raise pending.pop(0)
        return carry(self, delivery, wording)

    monkeypatch.setattr(Memory, "send", send)


def test_slice_sends_everything_and_finishes_the_notice(five, texts):
    assert slices.send_slice(five.pk, "sms") is None
    assert sorted(number for number, _ in texts) == sorted(states_of(five))
    assert set(states_of(five).values()) == {State.SENT}
    five.refresh_from_db()
    assert five.state == Notice.State.FINISHED


def test_slice_ends_after_about_a_second_and_asks_to_go_on(five, texts, monkeypatch):
    carry = Memory.send
    monkeypatch.setattr(Memory, "send", lambda *a: (time.sleep(0.1), carry(*a))[1])
    monkeypatch.setattr(budget, "UNTOLD_SECONDS", 0.15)
    again = slices.send_slice(five.pk, "sms")
    assert again is not None
    assert again <= timezone.now()
    assert len(texts) == 2
    assert not Delivery.objects.filter(state=State.QUEUED).exclude(token=None).exists()
    while slices.send_slice(five.pk, "sms"):
        pass
    assert len({number for number, _ in texts}) == len(texts) == 5


def test_refused_number_fails_the_delivery_with_the_reason(five, texts, monkeypatch):
    answer_with(monkeypatch, Refused("The number is not in service."))
    slices.send_slice(five.pk, "sms")
    refused = Delivery.objects.get(state=State.FAILED)
    assert refused.reason == "The number is not in service."
    assert refused.address not in dict(texts)
    assert len(texts) == 4


def test_busy_provider_puts_the_delivery_off_and_the_notice_stays_open(five, texts, monkeypatch):
    answer_with(monkeypatch, TryLater("The provider is busy.", after=90))
    again = slices.send_slice(five.pk, "sms")
    waiting = Delivery.objects.get(state=State.QUEUED)
    assert waiting.tries == 1
    assert waiting.token is None
    assert timedelta(seconds=89) < waiting.not_before - timezone.now() < timedelta(seconds=121)
    assert again == waiting.not_before
    five.refresh_from_db()
    assert five.state == Notice.State.SENDING


def test_delivery_is_given_up_after_a_day(five, texts, monkeypatch):
    answer_with(monkeypatch, TryLater("The provider is busy."))
    Delivery.objects.filter(notice=five).update(tries=80)
    slices.send_slice(five.pk, "sms")
    assert not Delivery.objects.filter(state=State.FAILED).exists()
    yesterday = timezone.now() - retry.PATIENCE
    Delivery.objects.filter(notice=five).update(tries=80, created_at=yesterday, not_before=None)
    answer_with(monkeypatch, TryLater("The provider is busy."))
    slices.send_slice(five.pk, "sms")
    assert Delivery.objects.get(state=State.FAILED).reason.startswith("Given up after 81 tries.")


def test_lost_answer_makes_a_notice_uncertain_and_is_not_sent_again(five, texts, monkeypatch):
    answer_with(monkeypatch, Unknown("No answer came back."))
    slices.send_slice(five.pk, "sms")
    assert slices.send_slice(five.pk, "sms") is None
    doubtful = Delivery.objects.get(state=State.UNCERTAIN)
    assert doubtful.reason == "No answer came back."
    assert doubtful.address not in dict(texts)


def test_lost_answer_lets_a_code_go_again(code, texts, monkeypatch):
    answer_with(monkeypatch, Unknown("No answer came back."))
    again = send_single(code)
    code.refresh_from_db()
    assert (code.state, code.not_before) == (State.QUEUED, again)


def test_code_is_sent_once_however_often_it_is_rung(code, texts):
    for _ in range(3):
        send_single(code)
    assert len(texts) == 1


def test_code_whose_time_is_over_expires_unsent(code, texts):
    Delivery.objects.filter(pk=code.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert send_single(code) is None
    code.refresh_from_db()
    assert code.state == State.EXPIRED
    assert texts == []


def test_code_is_not_put_off_beyond_its_time(code, texts, monkeypatch):
    Delivery.objects.filter(pk=code.pk).update(expires_at=timezone.now() + timedelta(seconds=5))
    answer_with(monkeypatch, TryLater("The provider is busy.", after=10))
    assert send_single(code) is None
    code.refresh_from_db()
    assert code.state == State.EXPIRED


def test_claimed_rows_are_left_to_the_worker_that_has_them(five, texts):
    claimed = claims.claim(five, "sms", "other")
    assert len(claimed) == 5
    assert claims.claim(five, "sms", "mine") == []
    assert slices.send_slice(five.pk, "sms") is None
    assert texts == []


def test_rows_of_a_dead_worker_are_free_when_its_lease_has_run_out(five, texts):
    claims.claim(five, "sms", "dead")
    Delivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    slices.send_slice(five.pk, "sms")
    assert len(texts) == 5


def test_late_worker_overwrites_nothing(five, texts):
    [late, *_] = claims.claim(five, "sms", "late")
    Delivery.objects.filter(pk=late.pk).update(token="other", state=State.SENDING)
    states.record(states.Outcome(late, State.FAILED, "late"), "late")
    late.refresh_from_db()
    assert (late.state, late.reason) == (State.SENDING, "")


def test_cancel_stops_also_what_a_worker_has_claimed(five, texts):
    with Connections("sms", bulk=True) as connections:
        sender = slices.NoticeSender(connections, "mine", five, budget.Budget())
        assert lifecycle.cancel(five) == len(sender.waiting) == 5
        sender.run()
    assert texts == []
    assert set(states_of(five).values()) == {State.CANCELLED}


def test_delivery_put_off_after_a_cancel_does_not_stay_queued(five, texts, monkeypatch):
    def cancelled_meanwhile(self, delivery, wording):
        lifecycle.cancel(five)
        raise TryLater("The provider is busy.")

    monkeypatch.setattr(Memory, "send", cancelled_meanwhile)
    assert slices.send_slice(five.pk, "sms") is None
    assert set(states_of(five).values()) == {State.CANCELLED}


def test_channel_that_cannot_be_reached_costs_no_try(five, texts, monkeypatch):
    def away(self):
        raise TryLater("The provider cannot be reached.")

    monkeypatch.setattr(Memory, "open", away)
    again = slices.send_slice(five.pk, "sms")
    assert again > timezone.now()
    assert set(Delivery.objects.values_list("state", "tries", "token")) == {("queued", 0, None)}


def test_a_bug_in_a_channel_escapes_and_leaves_one_delivery_in_hand(five, texts, monkeypatch):
    answer_with(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        slices.send_slice(five.pk, "sms")
    assert sorted(states_of(five).values()).count("sending") == 1


def test_sums_over_states_always_equal_the_recipients(five, texts, monkeypatch):
    answer_with(monkeypatch, Refused("no"), Unknown("?"), TryLater("busy"))
    slices.send_slice(five.pk, "sms")
    facts = report(five)
    assert facts["recipients"] == sum(facts["counts"].values()) == 5
    assert (
        facts["counts"] | {"failed": 1, "uncertain": 1, "queued": 1, "sent": 2} == facts["counts"]
    )


def test_notice_that_was_undone_is_never_prepared(staff):
    new = notice(staff)
    lifecycle.accept(new)
    assert lifecycle.cancel(new) == 0
    Notice.objects.update(start_at=timezone.now())
    assert expand.start(new.pk) == []
    assert not Delivery.objects.exists()


def test_each_failed_try_is_kept_with_its_reason(five, texts, monkeypatch):
    answer_with(monkeypatch, TryLater("The provider is busy."))
    slices.send_slice(five.pk, "sms")
    late = Delivery.objects.get(state=State.QUEUED)
    Delivery.objects.filter(pk=late.pk).update(not_before=None)
    answer_with(monkeypatch, Refused("The number is not in service."))
    slices.send_slice(five.pk, "sms")
    assert list(late.failed_attempts.values_list("provider", "reason")) == [
        ("memory", "The provider is busy."),
        ("memory", "The number is not in service."),
    ]


def test_person_who_opted_out_since_is_not_told(staff, visitor, texts):
    new = sent_now(staff, channels=["sms"])
    expand.start(new.pk)
    type(visitor).objects.filter(pk=visitor.pk).update(wants_sms=False)
    slices.send_slice(new.pk, "sms")
    assert states_of(new) == {"+8613900000001": "sent", "+8613900000002": "suppressed"}
    assert [number for number, _ in texts] == ["+8613900000001"]
    new.refresh_from_db()
    assert new.state == Notice.State.FINISHED


def test_person_who_opted_out_still_gets_a_code(code, texts, visitor):
    type(visitor).objects.filter(pk=visitor.pk).update(wants_sms=False)
    Delivery.objects.filter(pk=code.pk).update(user=visitor)
    send_single(code)
    assert len(texts) == 1


@pytest.mark.parametrize("pasted", [False, True])
def test_who_was_removed_is_not_told_any_more(staff, visitor, texts, pasted):
    """But a pasted address is: it was not chosen for its account."""
    numbers = {"pasted": str(visitor.mobile)} if pasted else {}
    new = sent_now(staff, channels=["sms"], **numbers)
    expand.start(new.pk)
    visitor.delete()
    while slices.send_slice(new.pk, "sms"):
        pass
    row = Delivery.objects.get(address=str(visitor.mobile))
    assert row.state == ("sent" if pasted else "cancelled")
    assert ("removed" in row.reason) is not pasted
    assert Notice.objects.get(pk=new.pk).state == Notice.State.FINISHED
