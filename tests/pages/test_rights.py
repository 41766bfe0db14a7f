"""Who may what, on the staff's pages and over JSON: without a right there is no button, and behind
it a 403 in words."""

import pytest
from django.urls import reverse

from notices import channels, rights
from notices.audience import suppression
from notices.models import Delivery, FailedAttempt, Notice, Occurrence, Schedule, State, Suppression
from tests.support.world import notice, repeated, sent_now, with_rights

pytestmark = pytest.mark.django_db(transaction=True)

WRITTEN = {"subject": "Lift", "text": "Dear ((name))", "channels": ["email"]}
EVERYONE = WRITTEN | {"audience": "everyone"}
SOME = WRITTEN | {"audience": "addresses", "addresses": "Wang <wang@example.com>"}
JSON = "application/json"


@pytest.fixture
def guard(client, django_user_model):
    """Signs somebody in who is staff and has these rights only."""
    user = django_user_model.objects.create_user("night_guard", is_staff=True)
    client.force_login(user)

    def have(*names):
        user.user_permissions.clear()
        if names:
            with_rights(user, *names)
        return client

    return have


def waiting(**changes):
    new = notice(None, **changes)
    new.start_at = "2030-01-01T00:00Z"
    new.save()
    return new


def refused(answer, right):
    assert answer.status_code == 403
    assert f"For this you need the right “{rights.WORDS[right]}”." in answer.text
    return True


def test_staff_without_rights_look_at_every_page_and_press_no_button(guard):
    pages = [
        f"/notices/{waiting().pk}/", f"/notices/schedules/{repeated().pk}/", "/notices/",
        "/notices/schedules/", "/notices/suppressed/", "/health/",
    ]  # fmt: skip
    suppression.add("email", "wang@example.com", "unsubscribed")
    client = guard()
    for path in pages:
        shown = client.get(path)
        assert shown.status_code == 200
        main = shown.text.partition("<main")[2].partition("</main>")[0]
        if path != "/health/":  # whose queue check changes nothing
            assert 'method="post"' not in main, path
        assert 'role="button"' not in main, path
        assert ".csv" not in main, path


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("/notices/{notice}/cancel/", rights.SEND),
        ("/notices/{notice}/start/", rights.SEND),
        ("/notices/{notice}/again/", rights.SEND),
        ("/notices/{notice}/edit/", rights.SEND),
        ("/notices/schedules/{schedule}/act/", rights.SCHEDULE),
        ("/notices/schedules/{schedule}/edit/", rights.SCHEDULE),
        ("/notices/suppressed/{suppression}/", rights.LIFT),
        ("/health/restored/", rights.SEND),
    ],
)
def test_who_lacks_the_right_is_told_which_and_changes_nothing(guard, path, right):
    suppression.add("email", "wang@example.com", "unsubscribed")
    numbers = {
        "notice": waiting().pk,
        "schedule": repeated().pk,
        "suppression": Suppression.objects.get().pk,
    }
    before = [list(kind.objects.values()) for kind in (Notice, Schedule, Suppression)]
    others = [each for each in rights.WORDS if each != right]
    posted = {"do": "run", "reason": "because", "settle": "all"} | EVERYONE
    assert refused(guard(*others).post(path.format(**numbers), posted), right)
    assert before == [list(kind.objects.values()) for kind in (Notice, Schedule, Suppression)]
    guard(*rights.WORDS)
    assert guard(*rights.WORDS).post(path.format(**numbers), posted).status_code != 403


@pytest.mark.parametrize("form", [SOME, EVERYONE])
def test_writing_needs_its_rights(guard, form):
    every = [rights.EVERYONE] * (form is EVERYONE)
    repeat = form | {"when": "repeat", "every": "days", "number": "1"}
    path = reverse("notice_new")
    assert refused(guard(rights.SCHEDULE, *every).post(path, form), rights.SEND)
    assert refused(guard(rights.SEND, *every).post(path, repeat), rights.SCHEDULE)
    assert guard(rights.EVERYONE).get(path).status_code == 403
    if every:
        assert refused(guard(rights.SEND, rights.SCHEDULE).post(path, form), rights.EVERYONE)
        assert refused(guard(rights.SEND, rights.SCHEDULE).post(path, repeat), rights.EVERYONE)
    assert not Notice.objects.exists()
    assert not Schedule.objects.exists()
    assert guard(rights.SEND, *every).post(path, form).status_code == 302
    assert guard(rights.SCHEDULE, *every).post(path, repeat).status_code == 302
    assert (Notice.objects.count(), Schedule.objects.count()) == (1, 1)


def test_over_json_the_same_words_come_as_json(guard):
    answer = guard(rights.SEND).post("/notices/new/", EVERYONE, JSON)
    assert (answer.status_code, answer.json()["code"]) == (403, 403)
    assert answer.json()["errmsg"] == "For this you need the right “Send to everyone”."
    assert guard().post("/notices/new/", SOME, JSON).json()["code"] == 403
    assert not Notice.objects.exists()
    assert guard(rights.SEND).post("/notices/new/", SOME, JSON).json()["code"] == 0


def test_the_form_offers_what_may_be_chosen(guard):
    some = guard(rights.SEND).get("/notices/new/", follow=True).text
    assert 'value="everyone"' not in some
    assert "Save the schedule" not in some
    assert "Check and send" in some
    repeat = guard(rights.SCHEDULE, rights.EVERYONE).get("/notices/new/", follow=True)
    assert 'value="everyone"' in repeat.text
    assert "Check and send" not in repeat.text
    assert repeat.context["timing"]["when"].value() == "repeat"


def test_an_audience_that_was_everyone_stays_with_those_who_may(guard):
    mine, all_of_them = waiting(pasted="wang@example.com"), waiting()
    client = guard(rights.SEND, rights.ADDRESSES)
    assert refused(client.post(f"/notices/{all_of_them.pk}/start/"), rights.EVERYONE)
    assert refused(client.get(f"/notices/{all_of_them.pk}/edit/"), rights.EVERYONE)
    assert refused(client.post(f"/notices/{mine.pk}/edit/", EVERYONE), rights.EVERYONE)
    assert "Send at once" not in client.get(f"/notices/{all_of_them.pk}/").text
    assert client.post(f"/notices/{mine.pk}/start/").status_code == 302
    assert client.post(f"/notices/{all_of_them.pk}/cancel/").status_code == 302  # the brake
    client = guard(rights.SCHEDULE)
    schedule = repeated()
    assert refused(
        client.post(f"/notices/schedules/{schedule.pk}/act/", {"do": "run"}), rights.EVERYONE
    )
    assert client.post(f"/notices/schedules/{schedule.pk}/act/", {"do": "pause"}).status_code == 302
    assert not Occurrence.objects.exists()


# Addresses


@pytest.fixture
def delivered(staff):
    """A notice to addresses that stand in every place of a row where one may stand."""
    new = sent_now(staff, channels=["email", "sms"], pasted="a@example.com\n13900000011")
    Delivery.objects.create(
        notice=new, channel="email", address="wang@example.com", name="wang@example.com",
        state=State.FAILED, reason="550 5.1.1 <wang@example.com>: no such user",
    )  # fmt: skip
    phoned = Delivery.objects.create(
        notice=new, channel="sms", address="+8613900000011", name="Wang", state=State.FAILED
    )
    for _ in range(2):
        FailedAttempt.objects.create(delivery=phoned, reason="+86 139 0000 0011 is switched off.")
    return new


def test_without_the_right_addresses_are_masked_wherever_they_stand(guard, delivered):
    shown = guard(rights.SEND, rights.EXPORT).get(f"/notices/{delivered.pk}/").text
    assert "w***@example.com" in shown
    assert "+86 139 **** 0011" in shown
    assert "550 5.1.1" in shown
    for part in ("wang@", "00000011", "0000 0011"):
        assert part not in shown
    open_to_see = guard(rights.ADDRESSES).get(f"/notices/{delivered.pk}/").text
    assert "wang@example.com" in open_to_see
    assert "+8613900000011" in open_to_see


def test_without_the_right_nobody_can_ask_for_one_digit_after_the_other(guard, delivered):
    path = f"/notices/{delivered.pk}/?q="
    assert "No delivery fits" in guard().get(path + "0011").text
    assert "+86 139 **** 0011" in guard().get(path + "Wang").text
    assert "+8613900000011" in guard(rights.ADDRESSES).get(path + "0011").text
    suppression.add("sms", "+8613900000011", "stop")
    assert "139 ****" in guard().get("/notices/suppressed/?q=9999").text
    assert "Nothing fits" in guard(rights.ADDRESSES).get("/notices/suppressed/?q=9999").text


def test_a_file_of_addresses_needs_both_rights(guard, delivered):
    path = f"/notices/{delivered.pk}.csv"
    assert refused(guard(rights.EXPORT).get(path), rights.ADDRESSES)
    assert refused(guard(rights.ADDRESSES).get(path), rights.EXPORT)
    assert guard(rights.ADDRESSES, rights.EXPORT).get(path).status_code == 200


def test_the_list_of_the_suppressed_and_its_answer_are_masked(guard):
    suppression.add("email", "wang@example.com", "bounced", "wang@example.com is gone")
    shown = guard(rights.LIFT).get("/notices/suppressed/").text
    assert "w***@example.com is gone" in shown
    assert "wang@" not in shown
    path = f"/notices/suppressed/{Suppression.objects.get().pk}/"
    done = guard(rights.LIFT).post(path, {"reason": "asked for it"}, follow=True).text
    assert "w***@example.com gets messages again." in done
    assert "wang@" not in done


def test_pasted_addresses_are_not_shown_by_the_form(guard):
    mine = waiting(pasted="wang@example.com")
    assert refused(guard(rights.SEND).get(f"/notices/{mine.pk}/edit/"), rights.ADDRESSES)
    assert ">Change<" not in guard(rights.SEND).get(f"/notices/{mine.pk}/").text


def test_the_admin_shows_no_address_either(guard, delivered, django_user_model):
    user = django_user_model.objects.get(username="night_guard")
    views = [f"notices.view_{name}" for name in ("delivery", "suppression", "notice", "receipt")]
    client = guard(*views)
    for view in views:
        path = f"/admin/notices/{view.partition('_')[2]}/"
        assert client.get(path).status_code == 403
        assert guard(*views, rights.ADDRESSES).get(path).status_code == 200
        guard(*views)
    assert user.user_permissions.count() == 4


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("wang@example.com", "w***@example.com"),
        ("w@例え.テスト", "w***@例え.テスト"),
        ('"a b"@example.com', '"***@example.com'),
        ("+8613900000011", "+86 139 **** 0011"),
        ("+85261234567", "+852 **** 67"),
        ("+4915112345678", "+49 151 **** 5678"),
        ("reached 13900000011 (450 4.2.1)", "reached +86 139 **** 0011 (450 4.2.1)"),
        ("Its mail server is busy (451 4.7.1 2026).", "Its mail server is busy (451 4.7.1 2026)."),
        ("", ""),
    ],
)
def test_what_is_left_of_an_address(address, shown):
    assert channels.masked(address) == shown
