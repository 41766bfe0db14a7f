"""My account: what I may look at and change about me. Page and JSON."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notices.audience import suppression
from notices.delivery import retention
from notices.models import Delivery, Suppression
from signup import rates
from signup.models import ContactChange, SignedIn, User
from tests.signup.test_signup import OK, post
from tests.support.world import sent_now

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD, NEW = "let me in please", "brand new horse"
ADDRESSES = [
    "", "mobile/", "mobile/code/", "email/", "password/", "sessions/", "data.json", "delete/",
]  # fmt: skip


@pytest.fixture
def me(client, visitor):
    """Who is signed in."""
    client.force_login(visitor)
    return visitor


def about(**changes):
    return {
        "username": "guest_wang", "name": "", "language": "en", "time_zone": "Asia/Shanghai",
        "channels": ["email", "sms"], "left_kinds": [],
    } | changes  # fmt: skip


def again(user):
    user.refresh_from_db()
    return user


@pytest.mark.parametrize("address", ADDRESSES)
def test_whoever_is_not_signed_in_is_asked_to(address):
    answer = Client().get(f"/account/{address}")
    assert answer["Location"] == f"/login/?next=/account/{address}"
    assert post(f"/account/{address}", {}).json()["errmsg"] == "Sign in first."


def test_the_page_shows_what_is_known_and_programs_get_it_as_json(client, me):
    page = client.get("/account/").content.decode()
    for known in ("guest_wang", "+86 139 0000 0002", "wang@example.com", "Asia/Shanghai"):
        assert known in page
    facts = client.get("/account/", headers={"accept": "application/json"}).json()
    assert [each["this"] for each in facts.pop("sessions")] == [True]
    assert facts == about(mobile="+8613900000002", email="wang@example.com")


def test_name_language_and_time_zone_are_changed(client, me):
    body = about(username="wang_2026", language="zh-hans", time_zone="berlin", channels=["sms"])
    answer = client.post("/account/", body, follow=True)
    assert "已保存" in answer.content.decode()  # and the page is in that language
    user = again(me)
    assert (user.username, user.language, user.time_zone) == (
        "wang_2026", "zh-hans", "Europe/Berlin",
    )  # fmt: skip
    assert (user.wants_email, user.wants_sms) == (False, True)
    assert Suppression.objects.get().address == "wang@example.com"


def test_a_program_changes_only_what_it_names(client, me):
    assert post("/account/", {"language": "zh-hans"}, client).json() == OK
    user = again(me)
    assert (user.language, user.username, user.wants_email) == ("zh-hans", "guest_wang", True)
    assert post("/account/", {"channels": []}, client).json() == OK
    assert not again(me).wants_sms


def test_who_stopped_by_sms_cannot_choose_it_here_and_is_told_why(client, me):
    suppression.add("sms", "+8613900000002", "stop")
    assert "Answer START" in client.get("/account/").content.decode()
    refused = post("/account/", {"channels": ["sms"]}, client)
    assert list(refused.json()["errors"]) == ["channels"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"username": "Reception"}, "This username is taken."),
        ({"username": "admin"}, "This username is taken."),
        ({"username": "13900000031"}, "could be a phone number"),
        ({"language": "xx"}, "not one of the available choices"),
        ({"time_zone": "Atlantis"}, "Choose a time zone by its name"),
        ({"channels": ["pigeon"]}, "not one of the available choices"),
        ({"username": 7}, "Send this as text"),
    ],
)
def test_what_cannot_be_is_told_at_its_field_and_nothing_is_changed(
    client, me, staff, change, sentence
):
    answer = post("/account/", {"time_zone": "Europe/Berlin"} | change, client)
    [(field, [said])] = answer.json()["errors"].items()
    assert (answer.status_code, field) == (400, *change)
    assert sentence in said
    assert again(me).time_zone == "Asia/Shanghai"
    if change["username" if "username" in change else field] != 7:
        page = client.post("/account/", about(**change))
        assert page.status_code == 400


def test_the_name_that_one_has_may_be_one_that_nobody_could_take(client, me):
    User.objects.filter(pk=me.pk).update(username="13900000009", name_key="13900000009")
    assert post("/account/", {"language": "zh-hans"}, client).json() == OK


# The password, and sessions


def sign_in(user, agent="Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/130.0"):
    client = Client(headers={"user-agent": agent})
    client.post("/login/", {"username": user.username, "password": PASSWORD})
    client.get("/")
    return client


def is_in(client):
    return "Hello, guest_wang" in client.get("/").content.decode()


def test_a_new_password_asks_for_the_old_one_and_signs_out_elsewhere(visitor):
    here, there = sign_in(visitor), sign_in(visitor)
    wrong = post("/account/password/", {"old_password": "x", "password": NEW}, here)
    assert list(wrong.json()["errors"]) == ["old_password"]
    weak = post("/account/password/", {"old_password": PASSWORD, "password": "guest_wang1"}, here)
    assert list(weak.json()["errors"]) == ["password"]
    body = {"old_password": PASSWORD, "password": NEW}
    page = here.post("/account/password/", body, follow=True).content.decode()
    assert "Your password is changed. Everywhere else you are signed out." in page
    assert again(visitor).check_password(NEW)
    assert (is_in(here), is_in(there)) == (True, False)


def test_guessing_the_password_here_is_limited(client, me, monkeypatch):
    monkeypatch.setattr(rates, "ACCOUNT_CHANGE", "2/minute")
    body = {"old_password": "x", "password": NEW}
    statuses = [post("/account/password/", body, client).status_code for _ in range(3)]
    assert statuses == [400, 400, 429]


def test_sessions_are_listed_and_ended(visitor):
    here, phone = sign_in(visitor), sign_in(visitor, "Mozilla/5.0 (iPhone) Version/17 Safari/604")
    assert Client().get("/").status_code == 200
    page = here.get("/account/").content.decode()
    assert page.count("Firefox, Windows") == 1
    assert "Safari, iPhone" in page
    [row] = SignedIn.objects.filter(browser="Safari, iPhone")
    here.post("/account/sessions/", {"session": row.pk})
    assert (is_in(here), is_in(phone)) == (True, False)
    others = [sign_in(visitor) for _ in range(2)]
    assert post("/account/sessions/", {"session": "others"}, here).json() == OK | {"ended": 2}
    assert [is_in(each) for each in (here, *others)] == [True, False, False]
    here.post("/logout/")
    assert not SignedIn.objects.exists()


def test_nobody_ends_anothers_session(visitor, staff):
    here, theirs = sign_in(visitor), sign_in(staff)
    row = SignedIn.objects.get(user=staff)
    for which in (row.pk, "9" * 30, "x"):
        assert post("/account/sessions/", {"session": which}, here).json()["ended"] == 0
    assert "reception" in theirs.get("/", follow=True).text


# What is kept


def test_everything_that_is_kept_can_be_had_but_no_secret(client, me, staff):
    sent_now(staff)
    Delivery.objects.create(user=me, message="code", channel="sms", address="+8613900000002")
    suppression.add("email", "wang@example.com", "unsubscribed")
    client.get("/")
    answer = client.get("/account/data.json")
    assert answer["Content-Disposition"].startswith("attachment; ")
    kept = answer.json()
    assert kept["account"]["username"] == "guest_wang"
    assert kept["messages"][0]["address"] == "+8613900000002"
    assert kept["not_wanted"][0]["kind"] == "unsubscribed"
    assert kept["sessions"][0]["browser"] == ""
    assert me.password not in answer.content.decode()
    assert "reception" not in answer.content.decode()


def test_an_account_is_deleted_by_its_password_and_what_waits_is_not_sent(client, me):
    waiting = Delivery.objects.create(user=me, message="welcome", channel="email", address="a@b.cn")
    sent = Delivery.objects.create(user=me, message="welcome", channel="email", state="sent")
    assert list(post("/account/delete/", {"password": "x"}, client).json()["errors"]) == [
        "password"
    ]
    page = client.post("/account/delete/", {"password": PASSWORD}, follow=True)
    assert page.redirect_chain == [("/", 302)]
    assert "Your account is deleted." in page.content.decode()
    assert not User.objects.exists()
    assert (again(waiting).state, again(waiting).user) == ("cancelled", None)
    assert again(sent).state == "sent"


def test_staff_do_not_delete_themselves_here(client, staff):
    client.force_login(staff)
    refused = post("/account/delete/", {"password": PASSWORD}, client)
    assert "deleted in the admin" in refused.json()["errmsg"]
    assert User.objects.exists()


def test_old_changes_and_sessions_are_removed(me):
    for old in ("2026-01-01T00:00Z", None):
        when = {"made_at": old} if old else {}
        ContactChange.objects.create(user=me, field="email", **when)
        when = {"since": old} if old else {}
        SignedIn.objects.create(user=me, session_key=str(old), **when)
    retention.run()
    assert (ContactChange.objects.count(), SignedIn.objects.filter(browser="").count()) == (1, 1)


def test_being_listed_costs_nothing_once_it_is_done(client, me):
    client.get("/")
    with CaptureQueriesContext(connection) as queries:
        client.get("/")
    assert not [each["sql"] for each in queries if "signedin" in each["sql"]]
    assert SignedIn.objects.count() == 1
