"""Emails that come back, or that people complain about, stop those after them."""

from itertools import count

import pytest
from django.core.management import call_command
from django.utils import timezone

from notices.delivery import brake, lifecycle, slices
from notices.models import Brake, Delivery, Notice, Receipt, State, Suppression
from notices.receipts import apply
from tests.support.world import notice, swept

pytestmark = pytest.mark.django_db(transaction=True)
numbers = count(1)


@pytest.fixture
def half(staff):
    """A notice by email and SMS, of which 500 emails have left; 20 wait, and one SMS."""
    one = notice(staff, channels=["email", "sms"], audience="addresses", state=Notice.State.SENDING)
    one.started_at = timezone.now()
    one.save()
    rows = [row(one, n, state=State.SENT, provider="mailgun") for n in range(500)]
    rows += [row(one, n) for n in range(500, 520)]
    rows.append(row(one, 0, channel="sms", address="+8613900000011"))
    Delivery.objects.bulk_create(rows)
    return one


def row(one, n, **facts):
    email = {"channel": "email", "address": f"guest{n}@example.com"}
    return Delivery(notice=one, message="notice", **email | facts)


def reported(one, kind, number, begin=0, **facts):
    """A provider reports this of so many of its emails."""
    emails = list(one.deliveries.filter(channel="email", state=State.SENT).order_by("id"))
    apply.store(
        Receipt(
            provider="mailgun", ref=f"r{next(numbers)}", delivery_number=each.pk, channel="email",
            address=each.address, kind=kind, **facts,
        )
        for each in emails[begin : begin + number]
    )  # fmt: skip
    apply.take()
    one.refresh_from_db()


def bounced(one, number, **facts):
    reported(one, "bounced", number, **{"dead": True} | facts)


def test_two_percent_that_come_back_stop_the_emails_and_not_the_sms(
    half, mailserver, texts, client
):
    bounced(half, 9)
    bounced(half, 5, dead=False)  # full mailboxes
    assert not Brake.objects.exists()
    bounced(half, 1)
    assert half.state == Notice.State.SENDING
    assert slices.send_slice(half.pk, "email") is None
    assert not mailserver.messages
    client.force_login(half.author)
    shown = client.get(half.get_absolute_url()).text
    assert "of the first 500, 10 came back because there is no such address" in shown
    assert "Let the emails go on" in shown
    assert ("resume_notice", (half.pk, "email")) not in swept()
    slices.send_slice(half.pk, "sms")
    assert len(texts) == 1
    half.refresh_from_db()
    assert (half.state, half.pause_reason[:12]) == (Notice.State.PAUSED, "Its emails s")


def test_who_lets_it_go_on_has_decided(half, mailserver, capsys):
    half.deliveries.filter(channel="sms").delete()
    bounced(half, 10)
    assert half.state == Notice.State.PAUSED
    call_command("notice", "show", str(half.pk))
    assert "10 came back" in capsys.readouterr().out
    assert lifecycle.resume(half)
    bounced(half, 10)
    assert half.state == Notice.State.SENDING, "not again for the same reason"
    slices.send_slice(half.pk, "email")
    assert len(mailserver.messages) == 20
    half.refresh_from_db()
    assert half.state == Notice.State.FINISHED


def test_refusals_of_a_mail_server_count_at_the_end_of_a_slice(half, mailserver):
    half.deliveries.filter(channel="sms").delete()
    dead = list(half.deliveries.order_by("id")[:10])
    for each in dead:
        Suppression.objects.create(channel="email", address=each.address, kind="dead")
    Delivery.objects.filter(pk__in=[each.pk for each in dead]).update(state=State.FAILED)
    slices.send_slice(half.pk, "email")
    brake.look(half.pk)
    assert not Brake.objects.exists(), "nothing was left to stop"
    half.deliveries.filter(address="guest519@example.com").update(state=State.QUEUED)
    Notice.objects.update(state=Notice.State.SENDING)
    brake.look(half.pk)
    half.refresh_from_db()
    assert half.state == Notice.State.PAUSED


def test_complaints_stop_them_and_one_person_alone_does_not(half):
    reported(half, "complained", 1)
    assert not Brake.objects.exists()
    reported(half, "complained", 1, begin=1)
    stop = Brake.objects.get()
    assert (stop.kind, stop.number, stop.among) == ("complaints", 2, 500)
    assert half.complaints == 2
