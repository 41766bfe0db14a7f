"""The page between writing and sending: what it says, and that nothing goes without it."""

import threading
from datetime import time, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from notices.audience import suppression
from notices.delivery import expand, lifecycle
from notices.models import Delivery, Notice
from notices.pages import outlook
from signup import fresh, groups
from signup.models import User
from tests.support.world import notice, repeated, with_rights

pytestmark = pytest.mark.django_db(transaction=True)

WRITTEN = {"subject": "Lift", "text": "Dear ((name)), it is out of order.", "when": "now",
           "channels": ["email", "sms"], "audience": "everyone"}  # fmt: skip
DRAFT, WAITING = Notice.State.DRAFT, Notice.State.WAITING


@pytest.fixture
def desk(client, staff):
    client.force_login(staff)
    return client


def check(desk, **changes):
    """Presses the button of the form; the page that it leads to."""
    return desk.post("/notices/new/", WRITTEN | {"check": "1"} | changes, follow=True)


def send(desk, shown, **changes):
    facts = {
        "version": shown.context["notice"].draft_version,
        "people": shown.context["found"].told,
    }
    return desk.post(shown.request["PATH_INFO"], facts | changes, follow=True)


def text_of(answer):
    return " ".join(answer.text.split())


def test_the_form_leads_to_the_page_and_that_sends(desk, staff, visitor):
    shown = check(desk)
    draft = Notice.objects.get()
    assert shown.request["PATH_INFO"] == f"/notices/{draft.pk}/check/"
    assert (draft.state, draft.author) == (DRAFT, staff)
    assert "Send to 2 people" in shown.text
    assert "starts in" in send(desk, shown).text
    draft.refresh_from_db()
    assert draft.state == WAITING
    assert timedelta(seconds=8) < draft.start_at - timezone.now() <= lifecycle.UNDO


def test_it_says_to_whom_and_who_gets_nothing_and_why(desk, visitor):
    User.objects.create(username="no_mobile", email="no@example.com", language="zh-hans")
    User.objects.create(username="nobody_reaches", wants_sms=False, mobile="+8613900000009")
    suppression.add("email", "no@example.com", "bounced")
    shown = text_of(check(desk))
    assert "<strong>2</strong> people get it. <strong>2</strong> people get nothing." in shown
    assert "Email: 2" in shown
    assert (
        "<strong>1</strong> · An earlier email to this address came back. Has no mobile number."
        in shown
    )
    assert "<strong>1</strong> · Has no email address. Does not want notices by SMS." in shown
    assert "nobody_reaches" in shown
    assert "reception@example.com, +8613900000001" in shown


def test_people_are_counted_by_language_and_a_list_as_everyone_is(desk, visitor):
    User.objects.filter(pk=visitor.pk).update(language="zh-hans")
    assert "(English 1, 简体中文 1)" in text_of(check(desk)).replace(
        "简体中文 1, English 1", "English 1, 简体中文 1"
    )
    suppression.add("sms", "+8613900000077", "stop")
    pasted = "Bo <bo@example.com>\nbo@example.com\n+8613900000077\nwang@example.com"
    shown = text_of(check(desk, audience="addresses", addresses=pasted))
    assert "<strong>2</strong> people get it. <strong>1</strong> person gets nothing." in shown
    assert "<strong>1</strong> · Answered STOP." in shown
    assert "1 line repeats an address that stands above it." in shown


def test_each_channel_is_shown_as_a_chosen_person_gets_it(desk, visitor):
    shown = check(desk, channels=["sms"])
    assert "Dear reception, it is out of order." in shown.text
    path = shown.request["PATH_INFO"]
    assert "Dear guest_wang, it is" in desk.get(path, {"as": visitor.pk}).text
    for odd in ("999999", "x", "9" * 40):
        assert "Dear reception, it is" in desk.get(path, {"as": odd}).text


def test_for_whom_a_placeholder_stands_for_nothing_is_told(desk, visitor):
    groups.make_attribute("room")
    User.objects.filter(pk=visitor.pk).update(attributes={"room": "12"})
    text = "Room ((room)), ((groups|no group)), ((room??for ((room)).))"
    shown = text_of(check(desk, text=text))
    assert "For 1 person nothing is known that could stand in the place of ((room))." in shown
    assert "reception" in shown.partition("place of ((room)).")[2].partition("</p>")[0]
    assert "((room|…))" in shown
    assert "place of ((groups))" not in shown
    pasted = text_of(check(desk, text=text, audience="addresses", addresses="Bo <bo@example.com>"))
    assert "Bo<br>" in pasted.partition("place of ((room)).")[2]
    for good in ("((room|none))", "((room??((room))))"):
        assert "nothing is known" not in check(desk, text=good).text


def test_the_cost_is_told_and_a_missing_price_too(desk, visitor, settings):
    settings.SMS_CURRENCY, settings.SMS_PRICE = "CNY", {"86": Decimal("0.045")}
    User.objects.create(username="abroad", mobile="+447911123456")
    shown = text_of(check(desk, text="x" * 161))
    assert "2 SMS for each of 3: 6 in all. <strong>CNY 0.18</strong>" in shown
    assert "No price is set for +44: 1 person is not counted in it." in shown
    settings.SMS_PRICE = {}
    assert "No price is set (SMS_PRICE)." in text_of(check(desk))


def test_it_says_when_in_both_zones_and_what_else_is_planned(desk, staff, settings):
    settings.QUIET_HOURS = (time(22), time(7))
    year = timezone.now().year + 1
    other = notice(staff, subject="Stairs", start_at=f"{year}-12-01T16:30Z")
    other.save()
    other.refresh_from_db()
    repeated("FREQ=YEARLY", "UTC", f"{year}-12-01T17:10", subject="Weekly")
    at = {"when": "later", "at": f"{year}-12-01T17:00", "zone": "Europe/London"}
    shown = text_of(check(desk, **at))
    assert f"{year}-12-01 17:00 (Europe/London)." in shown
    assert f"{year}-12-02 01:00 for you (Asia/Shanghai)." in shown
    assert f"it is held until {year}-12-01 23:00 (Europe/London)." in shown
    planned = outlook.beside(Notice.objects.get(subject="Lift"), other.start_at)
    assert [each.what.subject for each in planned] == ["Stairs", "Weekly"]
    editor = desk.get(f"/notices/new/?draft={Notice.objects.get(subject='Lift').pk}", follow=True)
    assert f'value="{year}-12-01T17:00"' in editor.text, "the time was kept"


def test_it_says_what_keeps_it_from_beginning(desk):
    shown = check(desk).text
    assert "No worker runs: it begins when one does." in shown
    assert "The scheduler does not run: it begins when it does." in shown


def test_what_is_over_is_not_sent(desk):
    soon = timezone.localtime() + timedelta(days=1)
    shown = check(desk, when="later", at=soon.strftime("%Y-%m-%dT%H:%M"))
    Notice.objects.update(planned_for=timezone.now() - timedelta(minutes=1))
    answer = send(desk, shown)
    assert answer.status_code == 400
    assert "Its time is over." in answer.text
    assert Notice.objects.get().state == DRAFT


def test_nobody_is_not_sent_to(desk, staff):
    suppression.add("email", staff.email, "stop")
    shown = check(desk, channels=["email"])
    assert "Nobody would get this." in shown.text
    assert "Nobody would get this." in send(desk, shown).text
    assert Notice.objects.get().state == DRAFT


# Many


@pytest.fixture
def many(settings, visitor):
    settings.CONFIRM_ABOVE = 1


def test_above_the_limit_the_number_is_typed(desk, many):
    shown = check(desk)
    for wrong in ("", "3", "all"):
        answer = send(desk, shown, typed=wrong)
        assert answer.status_code == 400
        assert "Type the number of people to whom this goes: 2." in answer.text
    assert Notice.objects.get().state == DRAFT
    send(desk, shown, typed=" ２ ")
    assert Notice.objects.get().state == WAITING


def grow_old(desk):
    session = desk.session
    session[fresh.PROVED_AT] -= fresh.FRESH.total_seconds() + 1
    session.save()


def test_above_the_limit_who_signed_in_long_ago_gives_the_password(desk, many):
    shown = check(desk)
    grow_old(desk)
    for wrong, sentence in (("", "asked for once more"), ("guess", "This is not your password.")):
        answer = send(desk, shown, typed="2", password=wrong)
        assert sentence in answer.text
    assert Notice.objects.get().state == DRAFT
    send(desk, shown, typed="2", password="let me in please")
    assert Notice.objects.get().state == WAITING
    assert not fresh.wanted(desk.get("/notices/").wsgi_request), "for a while it is enough"


def test_who_has_a_second_factor_proves_that(desk, many, staff):
    TOTPDevice.objects.create(user=staff, confirmed=True)
    StaticDevice.objects.create(user=staff).token_set.create(token="abcdefgh")
    shown = check(desk)
    grow_old(desk)
    answer = send(desk, shown, typed="2", code="12345x", password="let me in please")
    assert "This is not the code." in answer.text
    StaticDevice.objects.update(throttling_failure_count=0)
    send(desk, shown, typed="2", code="abcdefgh")
    assert Notice.objects.get().state == WAITING


def test_who_has_neither_is_not_asked(desk, many, staff):
    User.objects.filter(pk=staff.pk).update(password=make_password(None))
    desk.force_login(User.objects.get(pk=staff.pk))
    shown = check(desk)
    grow_old(desk)
    send(desk, shown, typed="2")
    assert Notice.objects.get().state == WAITING


def test_no_other_door_sends_to_many_from_an_old_session(desk, many, staff):
    planned = notice(staff)
    lifecycle.accept(planned, timezone.now() + timedelta(days=1))
    grow_old(desk)
    told = desk.post("/notices/new/", WRITTEN, content_type="application/json")
    assert (told.status_code, told.json()["code"]) == (403, 403)
    assert "/check/" in desk.post("/notices/new/", WRITTEN).url
    assert "/check/" in desk.post(f"/notices/{planned.pk}/start/").url
    assert "/check/" in desk.post(f"/notices/{planned.pk}/edit/", WRITTEN).url
    assert not Notice.objects.filter(state=WAITING).exists()
    few = WRITTEN | {"audience": "addresses", "addresses": "bo@example.com"}
    assert desk.post("/notices/new/", few, content_type="application/json").json()["code"] == 0


# Bad moments


def test_a_draft_that_was_changed_is_checked_again(desk, staff):
    shown = check(desk)
    draft = shown.context["notice"]
    facts = WRITTEN | {"text": "Changed.", "draft": draft.pk, "version": draft.draft_version}
    desk.post("/notices/new/draft/", facts)
    answer = send(desk, shown)
    assert "check it once more" in answer.text
    assert answer.request["PATH_INFO"] == "/notices/new/"
    assert Notice.objects.get().state == DRAFT
    again = check(desk, **facts | {"version": draft.draft_version + 1})
    stale = send(desk, again, version=draft.draft_version)
    assert "It was changed since you looked." in stale.text
    assert Notice.objects.get().state == DRAFT


def test_two_people_and_two_clicks_send_it_once(desk, staff, django_user_model):
    shown = check(desk)
    other = Client()
    colleague = django_user_model.objects.create_user("colleague", is_staff=True)
    other.force_login(with_rights(colleague))
    ready, answers = threading.Barrier(2), []

    def press(client):
        ready.wait()
        answers.append(send(client, shown).status_code)

    threads = [threading.Thread(target=press, args=(each,)) for each in (desk, other)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert answers == [200, 200]
    assert Notice.objects.get().state == WAITING
    assert send(desk, shown).request["PATH_INFO"] == f"/notices/{Notice.objects.get().pk}/"


def test_back_after_sending_leads_to_what_was_sent(desk):
    shown = check(desk, key="k")
    send(desk, shown)
    there = shown.context["notice"].get_absolute_url()
    assert desk.get(shown.request["PATH_INFO"]).url == there
    assert check(desk, key="k").request["PATH_INFO"] == there
    assert Notice.objects.count() == 1


def test_back_before_sending_goes_on_with_the_same_draft(desk):
    check(desk, key="k")
    shown = check(desk, key="k", text="Fixed.")
    assert Notice.objects.get().text == "Fixed."
    send(desk, shown)
    assert "This form was already sent" in check(desk, key="k", text="Another.").text
    assert Notice.objects.get().text == "Fixed."


def test_a_session_that_ended_keeps_the_draft(desk):
    shown = check(desk)
    desk.logout()
    there = shown.request["PATH_INFO"]
    assert desk.get(there).url == f"/login/?next={there}"
    assert send(desk, shown).request["PATH_INFO"] == "/login/"
    assert Notice.objects.get().state == DRAFT


def test_undo_makes_it_a_draft_again_and_the_time_starts_anew(desk, staff):
    shown = check(desk)
    send(desk, shown)
    sent = Notice.objects.get()
    assert f'formaction="/notices/{sent.pk}/undo/"' in desk.get(sent.get_absolute_url()).text
    for _ in range(2):
        answer = desk.post(f"/notices/{sent.pk}/undo/", follow=True)
        assert "Undone. Nothing was sent. It is a draft again." in answer.text
        assert "it is out of order." in answer.text
    Notice.objects.update(start_at=timezone.now() - timedelta(minutes=1))
    expand.start(sent.pk)
    assert not Delivery.objects.exists()
    sent.refresh_from_db()
    facts = {"draft": sent.pk, "version": sent.draft_version}
    send(desk, check(desk, **facts))
    sent.refresh_from_db()
    assert sent.start_at > timezone.now() + timedelta(seconds=8)


def test_undo_comes_too_late_for_what_has_started(desk, staff):
    started = notice(staff)
    lifecycle.accept(started, timezone.now())
    expand.start(started.pk)
    answer = desk.post(f"/notices/{started.pk}/undo/", follow=True)
    assert "it has started meanwhile" in answer.text


def test_a_change_is_checked_before_it_goes_on(desk, staff):
    new = notice(staff, text="Before.")
    lifecycle.accept(new, timezone.now() + timedelta(days=1))
    desk.post(f"/notices/{new.pk}/hold/")
    shown = desk.post(f"/notices/{new.pk}/edit/", WRITTEN | {"check": "1"}, follow=True)
    assert shown.request["PATH_INFO"] == f"/notices/{new.pk}/check/"
    new.refresh_from_db()
    assert (new.state, new.text) == (Notice.State.CHANGING, WRITTEN["text"])
    assert "/check/" in desk.post(f"/notices/{new.pk}/go-on/").url, "not as it was any more"
    send(desk, shown)
    new.refresh_from_db()
    assert new.state == WAITING
    assert new.start_at <= timezone.now() + lifecycle.UNDO


def test_send_at_once_asks_like_this(desk, staff, visitor, settings):
    planned = notice(staff)
    lifecycle.accept(planned, timezone.now() + timedelta(days=1))
    settings.CONFIRM_ABOVE = 1
    shown = desk.get(f"/notices/{planned.pk}/check/?at=once")
    assert "It was to start at" in shown.text
    assert send(desk, shown, at="once").status_code == 400
    send(desk, shown, at="once", typed="2")
    planned.refresh_from_db()
    assert timedelta(0) < planned.start_at - timezone.now() <= lifecycle.UNDO


def test_who_may_not_tell_everyone_does_not_by_this_door(desk, staff):
    shown = check(desk)
    with_rights(staff, "notices.send_notice")
    assert "Send to" not in text_of(desk.get(shown.request["PATH_INFO"])).partition("<form")[2]
    assert send(desk, shown).status_code == 403
    assert Notice.objects.get().state == DRAFT
