"""Before a notice starts: Change holds it, Send at once asks, and both leave time to undo."""

from datetime import time, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from notices.audience import suppression
from notices.delivery import expand, lifecycle, restored, states
from notices.models import Delivery, Notice, State
from signup.models import User
from tests.pages.test_notices import GOOD
from tests.support.world import notice, sent_now, swept, woken

pytestmark = pytest.mark.django_db(transaction=True)

CHANGING, WAITING = Notice.State.CHANGING, Notice.State.WAITING


@pytest.fixture
def page(client, staff):
    client.force_login(staff)
    return client


@pytest.fixture
def sent(staff):
    """In its 10 seconds."""
    new = notice(staff)
    lifecycle.accept(new)
    return new


def press(page, button, one, **data):
    return page.post(reverse(f"notice_{button}", args=[one.pk]), data, follow=True)


def time_passes(one):
    Notice.objects.filter(pk=one.pk).update(start_at=timezone.now() - timedelta(seconds=30))


def start(one):
    expand.start(one.pk)
    one.refresh_from_db()
    return one.state


def test_change_stops_the_clock_until_it_is_saved(page, sent):
    editor = press(page, "hold", sent)
    assert editor.redirect_chain[-1][0] == f"/notices/{sent.pk}/edit/"
    assert "It is held while you change it" in editor.text
    time_passes(sent)
    assert start(sent) == CHANGING
    assert not Delivery.objects.exists()
    saved = page.post(editor.request["PATH_INFO"], GOOD | {"subject": "Stairs"}, follow=True)
    assert "Changed." in saved.text
    assert "starts in 10 seconds" in saved.text
    assert start(sent) == WAITING, "the time to undo begins anew"
    assert sent.subject == "Stairs"
    time_passes(sent)
    assert start(sent) == Notice.State.SENDING


def test_what_is_held_says_so_on_its_page_and_in_the_list(page, sent):
    press(page, "hold", sent)
    shown = page.get(sent.get_absolute_url()).text
    for text in (shown, page.get("/notices/").text, page.get(f"/notices/{sent.pk}/progress/").text):
        assert "held: being changed" in text
    assert "Go on" in shown
    assert "Send at once" not in shown
    assert page.get(f"/notices/{sent.pk}.json").json()["state"] == "changing"


@pytest.mark.parametrize("planned", [False, True])
def test_what_is_left_as_it_was_goes_on(page, sent, planned):
    tomorrow = timezone.now() + timedelta(days=1)
    if planned:
        Notice.objects.update(start_at=tomorrow)
    press(page, "hold", sent)
    if not planned:
        time_passes(sent)
    for _ in range(2):
        assert "It goes on as it was." in press(page, "go_on", sent).text
    sent.refresh_from_db()
    assert sent.state == WAITING
    if planned:
        assert sent.start_at == tomorrow
    else:
        assert timedelta(seconds=5) < sent.start_at - timezone.now() <= lifecycle.UNDO


def test_held_notice_can_be_cancelled(page, sent):
    press(page, "hold", sent)
    assert "Undone. Nothing was sent." in press(page, "cancel", sent).text
    assert "this notice has ended" in press(page, "go_on", sent).text
    assert start(sent) == Notice.State.CANCELLED


def test_nobody_rings_for_what_is_held(sent):
    lifecycle.hold(sent)
    assert ("start_notice", sent.pk) not in {(name, pk) for _, name, pk in woken()}
    time_passes(sent)
    assert swept() == []


@pytest.mark.parametrize("first", ["start", "hold"])
def test_of_change_and_start_one_wins(page, sent, first):
    time_passes(sent)
    due = Notice.objects.filter(pk=sent.pk)
    if first == "start":
        assert states.prepare(due)
        assert "it has started meanwhile" in press(page, "hold", sent).text
        assert not lifecycle.hold(sent)
    else:
        assert lifecycle.hold(sent)
        assert lifecycle.hold(sent), "pressed twice"
        assert not states.prepare(due)


def test_editor_that_is_opened_by_its_address_says_that_the_clock_runs(page, sent):
    shown = page.get(f"/notices/{sent.pk}/edit/").text
    assert "The clock runs" in shown
    assert f'action="/notices/{sent.pk}/hold/"' in shown
    sent.refresh_from_db()
    assert sent.state == WAITING, "a link changes nothing"


@pytest.mark.parametrize("more", [{"preview": "1"}, {"subject": ""}])
def test_a_look_and_a_mistake_in_the_editor_hold_it_too(page, sent, more):
    page.post(f"/notices/{sent.pk}/edit/", GOOD | more)
    time_passes(sent)
    assert start(sent) == CHANGING


def test_editor_of_what_goes_now_says_now(page, sent):
    form = press(page, "hold", sent).context["timing"]
    assert form["when"].value() == "now"
    Notice.objects.update(start_at=timezone.now() + timedelta(days=1))
    form = page.get(f"/notices/{sent.pk}/edit/").context["timing"]
    assert form["when"].value() == "later"


def test_held_notice_of_a_restored_database_can_be_settled(sent):
    lifecycle.hold(sent)
    assert restored.hold(timezone.now())
    restored.settle_notice(sent.pk)
    swept()
    sent.refresh_from_db()
    assert sent.state == Notice.State.CANCELLED


# Send at once


@pytest.fixture
def planned(staff, visitor):
    new = notice(staff, channels=["email", "sms"])
    lifecycle.accept(new, timezone.now() + timedelta(days=1))
    return new


def test_send_at_once_asks_first_and_says_how_many(page, planned):
    User.objects.create(username="no_mobile", email="no@example.com")
    suppression.add("email", "no@example.com", "bounced")
    shown = page.get(planned.get_absolute_url()).text
    assert f'href="/notices/{planned.pk}/check/?at=once"' in shown
    assert f'formaction="/notices/{planned.pk}/start/"' not in shown
    asked = page.get(f"/notices/{planned.pk}/check/?at=once").text
    assert "Email: 2 " in asked
    assert "SMS: 2 " in asked
    assert "Send to 2 people" in asked
    assert "It was to start at" in asked
    assert "quiet hours" not in asked
    planned.refresh_from_db()
    assert planned.start_at > timezone.now() + timedelta(hours=23)


def test_send_at_once_leaves_time_to_undo(page, planned):
    shown = press(page, "start", planned).text
    assert "You have 10 seconds to undo." in shown
    assert start(planned) == WAITING
    assert "Undone. Nothing was sent." in press(page, "cancel", planned).text


def test_send_at_once_shortens_the_time_to_undo_that_runs_already(page, staff):
    new = notice(staff)
    lifecycle.accept(new)
    assert "10 seconds to undo" not in press(page, "start", new).text
    assert start(new) == Notice.State.SENDING


def test_send_at_once_says_that_these_are_the_quiet_hours(page, planned, settings):
    settings.QUIET_HOURS = (time(0), time(0))
    asked = page.get(f"/notices/{planned.pk}/check/?at=once").text
    assert "These are the quiet hours" in asked
    press(page, "start", planned)
    time_passes(planned)
    assert start(planned) == Notice.State.SENDING


@pytest.mark.parametrize("state", ["sending", "finished"])
def test_send_at_once_asks_nothing_about_one_that_has_started(page, planned, state):
    Notice.objects.update(state=state)
    assert (
        page.get(f"/notices/{planned.pk}/check/?at=once")["Location"] == planned.get_absolute_url()
    )


# The page that watches


@pytest.mark.parametrize(
    ("change", "anew"),
    [
        ({}, False),
        ({"state": "preparing"}, True),
        ({"state": "sending"}, True),
        ({"state": "changing"}, True),
        ({"state": "cancelled"}, True),
        ({"held_until": timezone.now() + timedelta(days=9)}, True),
        ({"start_at": timezone.now() + timedelta(hours=1)}, True),
    ],
)
def test_page_with_other_buttons_is_asked_for_anew(page, sent, change, anew):
    shown = page.get(sent.get_absolute_url())
    Notice.objects.update(**change)
    polled = page.get(f"/notices/{sent.pk}/progress/?face={shown.context['face']}")
    assert ("HX-Refresh" in polled) == anew


def test_page_is_asked_for_anew_when_something_becomes_uncertain(page, staff, visitor):
    running = sent_now(staff)
    expand.start(running.pk)
    face = page.get(running.get_absolute_url()).context["face"]
    address = f"/notices/{running.pk}/progress/?face={face}"
    assert "HX-Refresh" not in page.get(address)
    Delivery.objects.filter(address="wang@example.com").update(state=State.UNCERTAIN)
    assert "HX-Refresh" in page.get(address)
    assert f"/notices/{running.pk}/again/" in page.get(running.get_absolute_url()).text
