"""Correct and go on: who has got a paused notice keeps it, all others get another text."""

from datetime import timedelta
from email import message_from_bytes
from email.header import decode_header, make_header

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from notices.api import tokens
from notices.delivery import claims, expand, slices
from notices.models import Approval, Delivery, Notice, StreamCursor, Version
from signup.models import User
from tests.api.asking import ask
from tests.support.world import sent_now, with_rights

pytestmark = pytest.mark.django_db(transaction=True)
NEW = {"subject": "Lift works", "text": "Dear ((name)),\n\nit **works** again."}


@pytest.fixture
def page(client, staff):
    client.force_login(staff)
    return client


@pytest.fixture(params=["email", "sms"])
def paused(request, staff, mailserver, texts):
    """One of four has got it."""
    people = {
        "email": "\n".join(f"guest{n}@example.com" for n in range(4)),
        "sms": "\n".join(f"+861390000001{n}" for n in range(4)),
    }
    one = sent_now(staff, channels=[request.param], pasted=people[request.param])
    expand.start(one.pk)
    rows = list(one.deliveries.order_by("id"))
    later = timezone.now() + timedelta(hours=1)
    Delivery.objects.filter(pk__in=[row.pk for row in rows[1:]]).update(not_before=later)
    slices.send_slice(one.pk, request.param)
    Delivery.objects.update(not_before=None)
    call_command("notice", "pause", str(one.pk))
    one.refresh_from_db()
    return one


def press(page, one, **changes):
    data = NEW | {"version": one.version} | changes
    return page.post(reverse("notice_correct", args=[one.pk]), data, follow=True)


def go_on(page, one):
    shown = page.post(reverse("notice_resume", args=[one.pk]), follow=True)
    slices.send_slice(one.pk, one.channels[0])
    return shown


def texts_of(mailserver, texts):
    mails = [str(mail[-1]) for mail in mailserver.messages]
    return mails + [text for _address, text in texts]


def test_the_others_get_the_new_text_and_the_page_says_who_got_which(
    page, paused, mailserver, texts
):
    assert "Correct the text" in page.get(paused.get_absolute_url()).text
    assert "It is paused until you let it go on." in press(page, paused).text
    go_on(page, paused)
    told = texts_of(mailserver, texts)
    assert ["works again" in each for each in told] == [False, True, True, True]
    shown = page.get(paused.get_absolute_url()).text
    assert "1 message left with this text." in shown
    assert "3 messages left with this text." in shown
    last = paused.deliveries.order_by("id").last()
    assert "version 2 of its notice" in page.get(reverse("message", args=[last.pk])).text


@pytest.mark.parametrize("paused", ["sms"], indirect=True)
def test_who_read_the_old_text_claims_nothing_more(paused):
    Notice.objects.update(state=Notice.State.SENDING, version=2)
    assert claims.claim(paused, "sms", "token") == []
    paused.refresh_from_db()
    assert len(claims.claim(paused, "sms", "token")) == 3


def test_two_who_correct_at_once_do_not_overwrite_each_other(page, paused):
    press(page, paused)
    shown = press(page, paused, subject="Other")
    assert shown.status_code == 400
    assert "look at its text once more" in shown.text
    assert Notice.objects.get().subject == "Lift works"
    assert Version.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"text": "((room))"}, "((room)) was not in it before"), ({"text": ""}, "Write what people")],
)
def test_what_cannot_be_said_is_refused(page, paused, changes, sentence):
    shown = press(page, paused, **changes)
    assert (shown.status_code, sentence in shown.text) == (400, True)
    assert not Version.objects.exists()


@pytest.mark.parametrize("paused", ["email"], indirect=True)
def test_the_texts_of_other_languages_are_corrected_too(page, paused, mailserver, texts):
    paused.deliveries.filter(state="queued").update(language="zh-hans")
    chinese = {
        "texts-zh-hans-subject": "电梯",
        "texts-zh-hans-text": "电梯好了。",
        "language": "en",
    }
    assert press(page, paused, **chinese | {"texts-zh-hans-text": "((room))"}).status_code == 400
    press(page, paused, **chinese)
    assert "电梯好了。" in page.get(reverse("notice_correct", args=[paused.pk])).text
    go_on(page, paused)
    paused.refresh_from_db()
    assert paused.texts == {"zh-hans": {"subject": "电梯", "text": "电梯好了。"}}
    assert len(mailserver.messages) == 4
    assert all("电梯" in header(each) for each in mailserver.messages[1:])


def header(mail):
    parsed = message_from_bytes(mail[-1] if isinstance(mail[-1], bytes) else str(mail[-1]).encode())
    return str(make_header(decode_header(parsed["Subject"])))


def test_not_while_the_old_text_still_leaves(page, paused):
    soon = timezone.now() + timedelta(seconds=20)
    StreamCursor.objects.create(token="t", notice=paused, lease_until=soon)
    assert "are still leaving" in press(page, paused).text
    assert not Version.objects.exists()


def test_what_was_approved_is_approved_again(page, paused, settings, mailserver, texts):
    settings.APPROVE_ABOVE = 0
    other = with_rights(User.objects.create_user("other", "other@example.com", is_staff=True))
    press(page, paused)
    asked = Approval.objects.get()
    assert "Look at it" in page.get(paused.get_absolute_url()).text
    assert "Lift works" in go_on(page, paused).text, "the page that asks for it"
    with pytest.raises(CommandError, match="approved its new text"):
        call_command("notice", "resume", str(paused.pk))
    assert len(texts_of(mailserver, texts)) == 1
    page.force_login(other)
    act = {"do": "approve", "asked": asked.pk}
    page.post(reverse("notice_approval", args=[paused.pk]), act)
    go_on(page, paused)
    assert len(texts_of(mailserver, texts)) == 4


def test_by_the_api_and_by_a_command(paused, staff, tmp_path):
    secret = tokens.make("crm", ["notices:send"], author=staff)[1]
    door = f"/api/v1/notices/{paused.pk}/correct"
    assert ask(secret, door, {"text": "((room))"}).status_code == 400
    assert ask(secret, door, {"subject": "One"}).json()["subject"] == "One"
    text = tmp_path / "text.md"
    text.write_text("Two")
    call_command("notice", "correct", str(paused.pk), "--text", str(text))
    now = Notice.objects.get()
    assert (now.subject, now.text.strip(), now.version) == ("One", "Two", 3)
    call_command("notice", "cancel", str(paused.pk))
    assert ask(secret, door, {"subject": "Three"}).json()["code"] == "not_now"
