"""The provider that only plays one: each fate of its table, through the engine."""

import re

import pytest
from django.utils import timezone

from notices.delivery import expand, slices
from notices.models import Delivery, State, Suppression
from notices.providers import breaker
from notices.providers.rehearsal import simulate
from notices.receipts import apply
from signup.models import User
from tests.support.processes import ROOT
from tests.support.world import sent_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _simulate(settings):
    settings.SMS_URLS = ["simulate:"]
    settings.EMAIL_BACKEND = "notices.providers.rehearsal.simulate_email.EmailBackend"


def send(staff, channel, address):
    """The one delivery of a notice to this address, after as many slices as it takes, at most 4."""
    new = sent_now(staff, channels=[channel], pasted=address)
    expand.start(new.pk)
    for _ in range(4):
        slices.send_slice(new.pk, channel)
        Delivery.objects.filter(state=State.QUEUED).update(not_before=None)
    return Delivery.objects.get()


@pytest.mark.parametrize(
    ("channel", "address", "state", "tries", "finally_", "listed"),
    [
        ("sms", "+8613900000011", "sent", 1, "delivered", []),
        ("sms", "+8613900009901", "failed", 1, "failed", ["dead"]),
        ("sms", "+8613900009902", "failed", 1, "failed", ["stop"]),
        ("sms", "+8613900009903", "sent", 3, "delivered", []),
        ("sms", "+8613900009904", "uncertain", 1, "uncertain", []),
        ("sms", "+8613900009905", "sent", 1, "sent", []),
        ("sms", "+8613900009906", "sent", 1, "bounced", ["dead"]),
        ("sms", "+8613900009907", "sent", 1, "delivered", ["complained"]),
        ("sms", "+8613900009908", "sent", 1, "delivered", ["stop"]),
        ("sms", "+8613900009909", "queued", 0, "queued", []),
        ("email", "wang@example.com", "sent", 1, "delivered", []),
        ("email", "refused@example.com", "failed", 1, "failed", ["dead"]),
        ("email", "busy+7@example.com", "sent", 3, "delivered", []),
        ("email", "timeout@example.com", "uncertain", 1, "uncertain", []),
        ("email", "silent@example.com", "sent", 1, "sent", []),
        ("email", "bounced@example.com", "sent", 1, "bounced", ["bounced"]),
        ("email", "complained@example.com", "sent", 1, "delivered", ["complained"]),
        ("email", "unsubscribed@example.com", "sent", 1, "delivered", ["unsubscribed"]),
    ],
)
def test_each_fate(staff, channel, address, state, tries, finally_, listed):
    delivery = send(staff, channel, address)
    assert (delivery.state, delivery.tries) == (state, tries)
    failed = tries if state != "sent" else tries - 1
    # The same said again is kept once.
    assert delivery.failed_attempts.count() == min(failed, 1) or tries == 0
    apply.take()
    delivery.refresh_from_db()
    assert delivery.state == finally_
    assert list(Suppression.objects.values_list("kind", flat=True)) == listed


@pytest.mark.parametrize(
    ("written", "state", "finally_"),
    [
        ("Bo <bounced+2@example.com>", "sent", "bounced"),
        ('"Wang, Bo" <bounced@example.com>', "sent", "bounced"),
        ("王波 <bounced@example.com>", "sent", "bounced"),
        ("Bo <refused@example.com>", "failed", "failed"),
        ("Bo <Busy@example.com>", "sent", "delivered"),
        ("Bo <wang@example.com>", "sent", "delivered"),
        ("Bo <silent@bücher.example>", "sent", "sent"),
        ("bounced@bücher.example", "sent", "bounced"),
    ],
)
def test_people_with_a_name_have_the_same_fates(staff, written, state, finally_):
    delivery = send(staff, "email", written)
    assert delivery.state == state
    apply.take()
    delivery.refresh_from_db()
    assert delivery.state == finally_


def test_a_user_who_bounces_is_reported(visitor):
    User.objects.filter(pk=visitor.pk).update(email="bounced+7@example.com")
    new = sent_now(channels=["email"])
    expand.start(new.pk)
    slices.send_slice(new.pk, "email")
    apply.take()
    assert Delivery.objects.get().state == "bounced"


def test_table_of_the_documentation_is_complete():
    text = (ROOT / "docs" / "providers.md").read_text()
    assert set(re.findall(r"`…(99\d\d)`", text)) == set(simulate.NUMBERS)
    assert set(re.findall(r"`(\w+)@…`", text)) == set(simulate.MAILBOXES)


def test_it_reaches_nobody_and_a_deploy_says_so(settings):
    from notices.checks import check_email, check_sms

    settings.EMAIL_URL = "simulate:"
    assert [found.id for found in (*check_email(), *check_sms())] == ["bellhop.I010"] * 2


def test_breaker_rests_it_like_any_other(staff):
    numbers = "\n".join(f"+86139{n:04d}9909" for n in range(10))
    new = sent_now(staff, channels=["sms"], pasted=numbers)
    expand.start(new.pk)
    again = slices.send_slice(new.pk, "sms")
    assert (again - timezone.now()).total_seconds() > 5
    assert breaker.state("simulate") == breaker.RESTING
    assert set(Delivery.objects.values_list("state", "tries")) == {("queued", 0)}


def test_its_rate_is_kept(staff, settings):
    settings.SMS_URLS = ["simulate:?rate=5/minute"]
    new = sent_now(
        staff, channels=["sms"], pasted="\n".join(f"+8613900000{n}" for n in range(100, 110))
    )
    expand.start(new.pk)
    again = slices.send_slice(new.pk, "sms")
    assert (again - timezone.now()).total_seconds() > 50
    assert Delivery.objects.filter(state=State.SENT).count() == 4, "the fifth is for a code"
    assert set(Delivery.objects.filter(state=State.QUEUED).values_list("tries")) == {(0,)}
