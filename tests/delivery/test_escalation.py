"""An SMS to those whom the email did not reach: in time, once, and never both by accident."""

import threading
from datetime import timedelta

import django_rq
import pytest
from django.db import connection
from django.utils import timezone

import jobs
from notices.audience import suppression
from notices.channels import CHANNELS
from notices.delivery import escalation, expand, slices
from notices.models import Delivery, Notice, Receipt, State
from notices.pages.notice_form import NoticeForm
from notices.receipts import apply
from signup.models import User
from tests.support.world import sent_now, swept

pytestmark = pytest.mark.django_db(transaction=True)

REACHED = {
    "delivered": (State.DELIVERED, ""),
    "optedout": (State.SUPPRESSED, CHANNELS["email"].unwanted),
    "no_email": (State.NO_ADDRESS, "Has no email address."),
}
MISSED = {
    "bounced": (State.BOUNCED, "It came back."),
    "failed_1": (State.FAILED, "Refused."),
    "silent": (State.SENT, ""),
    "uncertain": (State.UNCERTAIN, "No answer."),
    "dead_1": (State.SUPPRESSED, suppression.WORDS[suppression.Kind.BOUNCED]),
}


def users():
    for number, name in enumerate([*REACHED, *MISSED, "no_mobile", "no_sms", "stopped"]):
        yield User(
            username=name, email=f"{name}@example.com" if name != "no_email" else "",
            mobile=None if name == "no_mobile" else f"+8613900001{number:03}",
            wants_sms=name != "no_sms",
        )  # fmt: skip


@pytest.fixture
def ended():
    """A notice by email that ended, with each kind of outcome."""
    User.objects.bulk_create(users())
    new = sent_now(escalate_minutes=30)
    expand.start(new.pk)
    outcomes = (
        REACHED | MISSED | dict.fromkeys(("no_mobile", "no_sms", "stopped"), (State.BOUNCED, ""))
    )
    for name, (state, reason) in outcomes.items():
        Delivery.objects.filter(name=name).update(
            state=state, reason=reason, provider="postmark" if state == State.SENT else ""
        )
    # The provider is one that reports.
    Receipt.objects.create(provider="postmark", channel="email", kind="delivered",
                           handled_at=timezone.now())  # fmt: skip
    suppression.add("sms", str(User.objects.get(username="stopped").mobile), "stop")
    Notice.objects.update(
        state=Notice.State.FINISHED, finished_at=timezone.now() - timedelta(minutes=31)
    )
    new.refresh_from_db()
    return new


def by_sms(new):
    rows = new.deliveries.filter(channel="sms").order_by("name")
    return dict(rows.values_list("name", "state"))


def test_those_whom_the_email_did_not_reach_get_one_sms(ended, texts, burst):
    assert ("escalate_notice", (ended.pk,)) in swept()
    jobs.sweep()
    burst("default")
    assert by_sms(ended) == dict.fromkeys(MISSED, "queued") | {
        "no_sms": "suppressed", "stopped": "suppressed",
    }  # fmt: skip
    ended.refresh_from_db()
    assert (ended.state, ended.channels) == (Notice.State.SENDING, ["email", "sms"])
    burst()
    assert len(texts) == len(MISSED)
    ended.refresh_from_db()
    assert ended.state == Notice.State.FINISHED
    Notice.objects.update(finished_at=timezone.now() - timedelta(hours=5))
    assert escalation.due() == []


def test_not_before_its_time_and_not_unless_it_was_asked_for(ended):
    Notice.objects.update(finished_at=timezone.now() - timedelta(minutes=29))
    assert escalation.due() == []
    assert not escalation.start(ended.pk)
    Notice.objects.update(finished_at=timezone.now() - timedelta(hours=9), escalate_minutes=None)
    assert escalation.due() == []
    Notice.objects.update(state=Notice.State.CANCELLED, escalate_minutes=30)
    assert not escalation.start(ended.pk)
    assert by_sms(ended) == {}


def test_silence_of_a_provider_that_never_reports_says_nothing(ended):
    Receipt.objects.all().delete()
    assert escalation.start(ended.pk)
    assert "silent" not in by_sms(ended)
    assert "bounced" in by_sms(ended)


def test_nobody_to_tell_ends_it(ended):
    Delivery.objects.update(state=State.DELIVERED)
    assert not escalation.start(ended.pk)
    ended.refresh_from_db()
    assert (ended.state, ended.channels) == (Notice.State.FINISHED, ["email"])
    assert escalation.due() == []


def test_email_that_arrives_in_the_meantime_takes_the_sms_back(ended, texts):
    escalation.start(ended.pk)
    late = Delivery.objects.get(channel="email", name="silent")
    facts = {"provider": "postmark", "ref": "late", "channel": "email", "kind": "delivered"}
    apply.store([Receipt(delivery_number=late.pk, **facts)])
    apply.take()
    slices.send_slice(ended.pk, "sms")
    row = Delivery.objects.get(channel="sms", name="silent")
    assert (row.state, row.reason) == (State.CANCELLED, "The email arrived in the meantime.")
    assert str(User.objects.get(username="silent").mobile) not in dict(texts)
    assert len(texts) == len(MISSED) - 1


def test_two_at_once_add_them_once(ended):
    barrier, answers = threading.Barrier(4), []

    def run():
        barrier.wait()
        answers.append(escalation.start(ended.pk))
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False, False, False, True]
    assert len(by_sms(ended)) == len(MISSED) + 2


def form(**changes):
    facts = {"subject": "Lift", "text": "Lift", "channels": ["email"], "audience": "everyone"}
    return NoticeForm(facts | changes)


@pytest.mark.parametrize("minutes", ["4", "-1", "10081", "soon", "1.5"])
def test_form_refuses_minutes_that_make_no_sense(minutes):
    assert "escalate_minutes" in form(escalate_minutes=minutes).errors


def test_form_takes_it_for_email_alone(client, staff):
    assert form(escalate_minutes="30").save(commit=False).escalate_minutes == 30
    assert form(escalate_minutes="").save(commit=False).escalate_minutes is None
    handed_on = form(escalate_minutes="30")
    assert handed_on.is_valid()
    assert handed_on.written()["escalate_minutes"] == 30  # a schedule hands it on to its notices
    both = form(escalate_minutes="30", channels=["email", "sms"])
    assert "This is for notices by email alone." in both.errors["escalate_minutes"][0]
    assert form(channels=["email", "sms"]).is_valid()
    client.force_login(staff)
    body = {"subject": "Lift", "text": "Lift", "channels": ["email"], "audience": "everyone"}
    for minutes, status in ((30, 200), ("30", 200), (True, 400), ([], 400)):
        answer = client.post(
            "/notices/new/", body | {"escalate_minutes": minutes}, content_type="application/json"
        )
        assert answer.status_code == status
    assert Notice.objects.first().escalate_minutes == 30
    page = client.get(f"/notices/{Notice.objects.first().pk}/").content.decode()
    assert "SMS 30 minutes after the last email" in page


def test_reports_that_nobody_has_read_yet_come_first(ended):
    """After an outage of the workers: what says "delivered" waits in the queue beside this."""
    arrived = Delivery.objects.get(name="silent", channel="email")
    Receipt.objects.create(
        provider="postmark", channel="email", kind="delivered", delivery_number=arrived.pk,
        at=timezone.now() - timedelta(minutes=20),
    )  # fmt: skip
    assert not escalation.start(ended.pk)
    assert Notice.objects.get(pk=ended.pk).escalated_at is None
    apply.take()
    assert escalation.start(ended.pk)
    assert not Delivery.objects.filter(name="silent", channel="sms").exists()


def test_its_slices_are_rung_for(ended, redis):
    jobs.escalate_notice(ended.pk)
    assert django_rq.get_queue("bulk").count == 1
