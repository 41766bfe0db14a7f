"""The same form or JSON twice, at once, an hour later or after Back: one notice, one schedule."""

import re
from datetime import UTC, datetime

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from notices.delivery import expand, quiet_hours
from notices.models import Delivery, Notice, Occurrence, Schedule, State
from notices.pages.idempotency import Key
from notices.schedules import actions, occurrences
from signup.models import User
from tests.pages.test_notices import GOOD, post_json
from tests.pages.test_schedules import LATER, REPEAT
from tests.support.world import repeated, sent_now, with_rights

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 21, 4, tzinfo=UTC)  # in Shanghai
KEY = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def page(client, staff):
    client.force_login(staff)
    return client


@pytest.fixture
def other(django_user_model):
    user = django_user_model.objects.create_user("night_desk", "n@example.com", is_staff=True)
    return with_rights(user)


@pytest.fixture
def at_once(monkeypatch):
    """Nobody sees the other's row when they look first: only the database can tell."""
    kept, looked = Key.made, []

    def made(self):
        if any(each is self for each in looked):
            return kept(self)
        looked.append(self)
        return None

    monkeypatch.setattr(Key, "made", made)


def key_in(response):
    return re.search('name="key" value="([^"]+)"', response.text)[1]


def opened(page):
    return key_in(page.get(reverse("notice_new"), follow=True))


def send(page, data, key, **more):
    return page.post(reverse("notice_new"), data | {"key": key} | more)


@pytest.mark.parametrize(("data", "model"), [(GOOD, Notice), (LATER, Notice), (REPEAT, Schedule)])
def test_the_same_form_twice_makes_one(page, clock, data, model):
    key = opened(page)
    first = send(page, data, key)
    clock.move_to(datetime(2026, 12, 3, tzinfo=UTC))  # "later" is over by now
    page.force_login(User.objects.get())  # and so is the session
    second = send(page, data, key)
    assert model.objects.count() == 1
    where = model.objects.get().get_absolute_url()
    assert [(each.status_code, each["Location"]) for each in (first, second)] == [(302, where)] * 2


@pytest.mark.parametrize(("data", "model"), [(GOOD, Notice), (REPEAT, Schedule)])
def test_of_two_at_the_same_moment_the_database_takes_one(page, clock, at_once, data, model):
    answers = [send(page, data, "k" * 32) for _ in range(2)]
    assert model.objects.count() == 1
    assert {(each.status_code, each["Location"]) for each in answers} == {
        (302, model.objects.get().get_absolute_url())
    }


def test_of_two_that_differ_at_the_same_moment_one_is_asked(page, at_once):
    send(page, GOOD, "k" * 32)
    assert send(page, GOOD, "k" * 32, subject="Stairs").status_code == 409
    assert Notice.objects.get().subject == GOOD["subject"]


def test_both_answers_tell_of_the_quiet_hours(page, clock, settings):
    settings.QUIET_HOURS = (NOON.time(), NOON.time().replace(hour=18))  # in Shanghai: it is noon
    data = LATER | {"at": "2026-12-01T05:00", "zone": "Asia/Shanghai"}
    for _ in range(2):
        assert "it is held until" in page.get(send(page, data, "k")["Location"]).text


def test_every_form_has_a_key_of_its_own(page):
    assert opened(page) != opened(page)


def test_back_brings_the_same_key(page):
    """It stands in the address: a browser that kept nothing of the page asks for it again."""
    there = page.get(f"{reverse('notice_new')}?when=repeat")["Location"]
    assert "when=repeat&key=" in there
    assert key_in(page.get(there)) == key_in(page.get(there)) == there.partition("key=")[2]
    send(page, GOOD, key_in(page.get(there)))
    assert page.get(there).status_code == 200
    page.post(there, GOOD)  # the field was lost, the address was not
    assert Notice.objects.count() == 1


def test_the_key_is_kept_through_mistakes_and_preview(page):
    key = opened(page)
    assert key_in(send(page, GOOD, key, subject="")) == key
    shown = send(page, GOOD, key, preview="1")
    assert (shown.status_code, key_in(shown)) == (200, key)
    for _ in range(2):
        send(page, GOOD, key)
    assert Notice.objects.count() == 1
    shown = send(page, GOOD, key, preview="1")  # Back, and looked at again
    assert (shown.status_code, key_in(shown)) == (200, key)


CHANGES = [
    {"subject": "Stairs"},
    {"text": "Dear ((name)), it works again."},
    {"channels": ["email", "sms"]},
    {"audience": "addresses", "addresses": "a@example.com"},
    {"when": "later", "at": "2099-12-01T09:00"},
    {"when": "repeat", "every": "days", "at": "2099-12-01T09:00"},
    {"in_quiet_hours": "on"},
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("preview", [{}, {"preview": "1"}])
def test_what_was_changed_after_sending_asks_first(page, change, preview):
    key = opened(page)
    first = send(page, GOOD, key)["Location"]
    asked = send(page, GOOD, key, **change, **preview)
    assert (asked.status_code, Notice.objects.count(), Schedule.objects.count()) == (409, 1, 0)
    assert "This form was already sent at" in asked.text
    assert f'<a href="{first}">Lift out of order</a>' in asked.text
    for text in {"subject", "text", "addresses", "at"} & set(change):
        assert change[text] in asked.text, "what was typed is there"
    assert key_in(asked) != key
    for _ in range(2):
        assert send(page, GOOD, key_in(asked), **change).status_code == 302
    assert Notice.objects.count() + Schedule.objects.count() == 2


def test_nobody_meets_the_key_of_another(page, client, other):
    first = send(page, GOOD, "k")["Location"]
    client.force_login(other)
    assert send(client, GOOD, "k")["Location"] != first
    assert Notice.objects.count() == 2
    assert not Notice.objects.filter(request_key="k").exists()


def test_a_form_without_a_key_is_as_good_as_ever(page):
    for _ in range(2):
        assert page.post(reverse("notice_new"), GOOD).status_code == 302
    assert set(Notice.objects.values_list("request_key", flat=True)) == {None}
    assert Notice.objects.count() == 2


def test_a_form_that_lost_its_key_is_known_by_the_token_of_its_page(page):
    def send_without_key(token, **changes):
        data = GOOD | changes | {"csrfmiddlewaretoken": token}
        return page.post(reverse("notice_new"), data)["Location"]

    tokens = [token_in(page.get(reverse("notice_new"), follow=True)) for _ in range(2)]
    first = send_without_key(tokens[0])
    assert send_without_key(tokens[0]) == first
    assert send_without_key(tokens[0], subject="Stairs") != first, "another one is meant"
    assert send_without_key(tokens[1]) != first, "of another page"
    assert Notice.objects.count() == 3
    for _ in range(2):  # the cookie's own: it tells no page from another
        send_without_key("c" * 32)
    assert Notice.objects.count() == 5
    assert not Notice.objects.filter(request_key__contains=tokens[0]).exists()


def test_a_form_without_its_key_at_the_same_moment(page, at_once):
    token = token_in(page.get(reverse("notice_new"), follow=True))
    data = GOOD | {"csrfmiddlewaretoken": token}
    assert len({page.post(reverse("notice_new"), data)["Location"] for _ in range(2)}) == 1
    assert Notice.objects.count() == 1


def token_in(response):
    return re.search('name="csrfmiddlewaretoken" value="([^"]+)"', response.text)[1]


# JSON


def ask(page, body, **headers):
    return page.post(
        reverse("notice_new"), body, content_type="application/json", headers=KEY | headers
    )


@pytest.mark.parametrize(("data", "model"), [(GOOD, Notice), (LATER, Notice), (REPEAT, Schedule)])
def test_json_twice_is_answered_word_for_word(page, clock, data, model):
    first = ask(page, data)
    clock.move_to(datetime(2026, 12, 3, tzinfo=UTC))
    page.force_login(User.objects.get())
    if model is Notice:
        Notice.objects.update(state=Notice.State.FINISHED, started_at=NOON, finished_at=NOON)
    else:
        actions.pause(Schedule.objects.get().pk)
    second = ask(page, dict(reversed(data.items())))
    assert (second.status_code, second.content) == (200, first.content)
    assert model.objects.count() == 1


@pytest.mark.parametrize(("data", "model"), [(GOOD, Notice), (REPEAT, Schedule)])
def test_json_twice_at_the_same_moment(page, clock, at_once, data, model):
    first, second = ask(page, data), ask(page, data)
    assert (second.status_code, second.content) == (200, first.content)
    assert model.objects.count() == 1


@pytest.mark.parametrize("change", CHANGES[:-1])
def test_json_with_a_key_that_stands_for_something_else(page, change):
    ask(page, GOOD)
    response = ask(page, GOOD | change)
    assert (response.status_code, response.json()["code"]) == (422, 422)
    assert response.json()["errmsg"].startswith("This key was used for another request already.")
    assert (Notice.objects.count(), Schedule.objects.count()) == (1, 0)


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "caf\u00e9", "\x7f"])
def test_json_with_a_key_that_is_none(page, key):
    response = ask(page, GOOD, **{"Idempotency-Key": key})
    assert response.status_code == 400
    assert "1 to 255 printable ASCII characters" in response.json()["errmsg"]
    assert not Notice.objects.exists()


def test_the_longest_key_is_taken(page):
    for _ in range(2):
        assert ask(page, GOOD, **{"Idempotency-Key": "x" * 255}).status_code == 200
    assert Notice.objects.count() == 1


def test_json_that_was_refused_may_be_mended_under_the_same_key(page):
    assert ask(page, GOOD | {"subject": ""}).status_code == 400
    assert ask(page, GOOD).status_code == 200
    assert ask(page, GOOD | {"subject": ""}).status_code == 422


def test_json_of_another_hears_nothing_of_the_first(page, client, other):
    first = ask(page, GOOD).json()["notice"]["id"]
    client.force_login(other)
    assert ask(client, GOOD | {"subject": "Stairs"}).json()["notice"]["id"] != first


def test_json_without_a_key_makes_one_each_time(page):
    assert post_json(page, GOOD).json() != post_json(page, GOOD).json()


# Buttons


@pytest.fixture
def uncertain(staff):
    """A notice of which one may have arrived."""
    new = sent_now(staff)
    expand.start(new.pk)
    lose(new)
    return new


def lose(notice):
    Delivery.objects.filter(notice=notice).update(
        state=State.UNCERTAIN, tries=1, changed_at=timezone.now()
    )
    Notice.objects.filter(pk=notice.pk).update(state=Notice.State.FINISHED)


@pytest.mark.parametrize("one", [False, True])
def test_send_again_is_decided_once(page, uncertain, one):
    """Pressed twice, by Back or in another window: also when it became uncertain once more."""
    address = reverse("notice_again", args=[uncertain.pk])
    what = {"delivery": Delivery.objects.get().pk} if one else {"group": "uncertain"}
    shown = page.get(address, what).text
    [until] = re.findall(r'name="until" value="([^"]+)"', shown)
    posted = {"until": until, "twice": "on"} | what
    assert "1 delivery goes out again." in page.post(address, posted, follow=True).text
    assert "was done already" in page.post(address, posted, follow=True).text
    lose(uncertain)
    assert "was done already" in page.post(address, posted, follow=True).text
    assert Delivery.objects.get().state == State.UNCERTAIN
    assert Delivery.objects.get().failed_attempts.count() == 1


def test_undo_twice_is_told_twice(page, staff):
    new = sent_now(staff)
    for _ in range(2):
        shown = page.post(reverse("notice_cancel", args=[new.pk]), follow=True).text
        assert "Undone. Nothing was sent." in shown


def test_cancel_of_one_that_ended_changes_nothing(page, uncertain):
    shown = page.post(reverse("notice_cancel", args=[uncertain.pk]), follow=True).text
    assert "This notice had ended already" in shown
    assert Notice.objects.get().state == Notice.State.FINISHED


def test_send_at_once_twice_is_told_twice(page, staff):
    page.post(reverse("notice_new"), LATER | {"at": "2099-12-01T09:00"})
    new = Notice.objects.get()
    for _ in range(2):
        shown = page.post(reverse("notice_start", args=[new.pk]), follow=True).text
        assert "It goes out now." in shown
        expand.start(new.pk)
    lose(new)
    shown = page.post(reverse("notice_start", args=[new.pk]), follow=True).text
    assert "Nothing was changed" in shown


def test_send_at_once_keeps_what_another_writes_at_this_moment(page, staff, monkeypatch):
    new = sent_now(staff)
    ends = quiet_hours.ends

    def edited_meanwhile(*args):
        Notice.objects.update(subject="Edited")
        return ends(*args)

    monkeypatch.setattr(quiet_hours, "ends", edited_meanwhile)
    page.post(reverse("notice_start", args=[new.pk]))
    assert Notice.objects.get().subject == "Edited"


@pytest.mark.parametrize(
    ("before", "do", "sentence"),
    [
        ("active", "pause", "Paused: nothing goes out"),
        ("paused", "resume", "Resumed."),
        ("paused", "end", "Ended: it will not run again."),
    ],
)
def test_a_button_of_a_schedule_twice_is_told_twice(page, clock, before, do, sentence):
    schedule = repeated()
    if before == "paused":
        actions.pause(schedule.pk)
    for _ in range(2):
        shown = page.post(reverse("schedule_act", args=[schedule.pk]), {"do": do}, follow=True).text
        assert sentence in shown


def test_skip_of_the_same_instant_an_hour_later_skips_no_other(page, clock):
    schedule = repeated()
    at = schedule.next_at.isoformat()
    for _ in range(2):
        shown = page.post(
            reverse("schedule_act", args=[schedule.pk]), {"do": "skip", "at": at}, follow=True
        ).text
        assert "13:00 (Asia/Shanghai) is skipped." in shown
        clock.shift(3600)
        occurrences.run(schedule.pk)
    assert Occurrence.objects.filter(state="skipped").count() == 1


def test_run_now_from_the_same_page_an_hour_later_runs_once(page, clock):
    first, second = repeated(), repeated()
    key = key_in(page.get(first.get_absolute_url()))
    for _ in range(2):
        address = reverse("schedule_act", args=[first.pk])
        shown = page.post(address, {"do": "run", "key": key}, follow=True).text
        assert "It runs now, out of turn. You have 10 seconds to undo" in shown
        clock.shift(1200)
    assert Notice.objects.count() == 1
    page.post(reverse("schedule_act", args=[second.pk]), {"do": "run", "key": key})
    assert Notice.objects.count() == 2, "of another schedule it is another request"
    page.post(address, {"do": "run", "key": key_in(page.get(first.get_absolute_url()))})
    assert Notice.objects.count() == 3
    clock.shift(1200)
    token = token_in(page.get(first.get_absolute_url()))
    for _ in range(2):
        page.post(address, {"do": "run", "csrfmiddlewaretoken": token})
        clock.shift(1200)
    assert Occurrence.objects.filter(extra=True, schedule=first).count() == 3
