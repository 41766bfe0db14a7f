"""One message explained, and one box that finds people, notices and messages."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from notices import rights
from notices.audience import suppression
from notices.delivery import expand, lifecycle
from notices.models import Delivery, FailedAttempt, Notice, Receipt, State
from signup.models import Verification
from tests.support.world import notice, sent_now, with_rights

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client, staff):
    client.force_login(staff)
    return client


@pytest.fixture
def told(staff, visitor):
    """A bounced email of a notice, with all that may be known of one."""
    new = sent_now(staff, subject="Lift out of order")
    expand.start(new.pk)
    delivery = Delivery.objects.get(user=visitor)
    now = timezone.now()
    FailedAttempt.objects.create(
        delivery=delivery, provider="postmark", at=now,
        reason="The mail server said: wang@example.com is over its quota (452).",
    )  # fmt: skip
    Delivery.objects.filter(pk=delivery.pk).update(
        state=State.BOUNCED, reason="The mailbox is full.", provider="mailgun", tries=2,
        provider_ref="<bellhop-x@mailgun.org>",
    )  # fmt: skip
    Receipt.objects.create(
        provider="mailgun", ref="<bellhop-x@mailgun.org>", channel="email", kind="bounced",
        at=now + timedelta(seconds=1), told_at=datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC),
        reason="It came back.",
    )  # fmt: skip
    suppression.add("email", "wang@example.com", "bounced")
    return Delivery.objects.get(pk=delivery.pk)


def test_message_is_explained_from_who_asked_to_what_was_reported(desk, staff, told):
    page = desk.get(f"/messages/{told.pk}/")
    for text in ("Lift out of order", f'href="/notices/{told.notice_id}/"',
                 f'href="/people/{told.user_id}/"', "wang@example.com",
                 "reports that it did not arrive", "The mailbox is full.",
                 "An email to it came back", "&lt;bellhop-x@mailgun.org&gt;"):  # fmt: skip
        assert text in page.text, text
    assert [(step.what, step.reason) for step in page.context["steps"]] == [
        ("Asked for by reception.", ""),
        ("Its notice started.", ""),
        ("Prepared.", ""),
        ("Asked postmark:", "The mail server said: wang@example.com is over its quota (452)."),
        ("mailgun reported: bounced, at 2026-03-01 12:05:06 by its clock.", "It came back."),
    ]
    link = f'href="/messages/{told.pk}/"'
    assert link in desk.get(f"/notices/{told.notice_id}/").text
    assert link in desk.get(f"/people/{told.user_id}/").text


@pytest.mark.parametrize(
    ("delivery", "of_notice", "sentence"),
    [
        ({}, {"in_question_since": timezone.now()}, "decides what happens after the restore"),
        ({}, {"state": "paused"}, "It waits: its notice is paused."),
        ({}, {"state": "sending", "held_until": timezone.now() + timedelta(hours=1)},
         "until the quiet hours end"),
        ({"not_before": timezone.now() + timedelta(hours=1)}, {}, "It is tried again at"),
        ({"token": "t"}, {}, "A worker has claimed it"),
        ({}, {}, "It waits for its turn."),
    ],
)  # fmt: skip
def test_message_that_waits_says_what_for(desk, told, delivery, of_notice, sentence):
    Notice.objects.filter(pk=told.notice_id).update(**of_notice)
    Delivery.objects.filter(pk=told.pk).update(state=State.QUEUED, **delivery)
    assert sentence in desk.get(f"/messages/{told.pk}/").text


def test_addresses_are_masked_and_codes_are_for_who_sees_people(client, staff, visitor, told):
    with_rights(staff, rights.SEND)
    client.force_login(staff)
    text = client.get(f"/messages/{told.pk}/").text
    assert "wang@example.com" not in text
    assert "w***@example.com is over its quota" in text
    assert "/people/" not in text
    proof = Verification.objects.create(mobile=visitor.mobile, salt="x")
    code = Delivery.objects.create(
        message="code", channel="sms", address=visitor.mobile, verification=proof, state="sent"
    )
    assert client.get(f"/messages/{code.pk}/").status_code == 403
    with_rights(staff, rights.SEE_PEOPLE)
    shown = client.get(f"/messages/{code.pk}/")
    assert "A code for signing up" in shown.text
    assert "0002" in shown.text
    assert "13900000002" not in shown.text
    assert client.get("/messages/999999/").status_code == 404


def found(client, text):
    page = client.get("/search/", {"q": text})
    assert page.status_code == 200
    names = ("people", "notices", "told")
    return tuple([each.pk for each in page.context.get(name, ())] for name in names)


def test_everything_is_found_as_people_write_it(desk, visitor, told):
    other = notice(subject="Water")
    lifecycle.accept(other, timezone.now() + timedelta(days=1))
    person, new, one = [visitor.pk], [told.notice_id], [told.pk]
    assert found(desk, " Wang@Example.com ") == (person, [], one)
    assert found(desk, "mailto:wang@example.com") == (person, [], one)
    assert found(desk, "139 0000 0002") == (person, [], [])
    assert found(desk, "GUEST_wang") == (person, [], [])
    assert found(desk, "guest") == (person, [], [])
    assert found(desk, "lift OUT") == ([], new, [])
    assert found(desk, "<bellhop-x@mailgun.org>")[2] == one
    assert told.pk in found(desk, f"<bellhop-{told.pk}@hotel.example>")[2]
    assert told.pk in found(desk, f"#{told.pk}")[2]
    assert told.notice_id in found(desk, str(told.notice_id))[1]
    for odd in ("", "\x00", "9" * 300, "%", "²", "@", "﹫", "#"):
        assert found(desk, odd)[2] == []
    assert "Nothing fits “nobody at all”." in desk.get("/search/", {"q": "nobody at all"}).text
    assert 'action="/search/"' in desk.get("/notices/").text


def test_search_tells_no_more_than_the_rights_do(client, staff, visitor, told):
    with_rights(staff, rights.SEND)
    client.force_login(staff)
    assert found(client, "wang@example.com") == found(client, "guest") == ([], [], [])
    assert found(client, f"#{told.pk}")[2] == [told.pk]
    assert "wang@example.com" not in client.get("/search/", {"q": f"#{told.pk}"}).text
    with_rights(staff, rights.SEE_PEOPLE)
    assert found(client, "guest")[0] == [visitor.pk]
    assert found(client, "wang@example.com") == found(client, "0000 0002") == ([], [], [])
    staff.is_staff = False
    staff.save()
    assert client.get("/search/", {"q": "guest"}).status_code == 403
