"""Another number or address for an account: proven by who has it, told to who had the one before,
and taken back by them."""

import re
import time
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from notices.content import messages
from notices.models import Delivery
from signup import confirmation, rates
from signup.models import ContactChange, User
from tests.signup.test_signup import OK, asked, code_of, post, sms, wrong

__all__ = ["sms"]  # a fixture

pytestmark = pytest.mark.django_db(transaction=True)

MOBILE, NEW, E164 = "13800138000", "new@example.com", "+8613800138000"


@pytest.fixture
def me(client, visitor):
    """Who is signed in."""
    client.force_login(visitor)
    return visitor


def addresses(user):
    user.refresh_from_db()
    return str(user.mobile), user.email


def ask(client, mobile=MOBILE):
    return post("/account/mobile/code/", asked(mobile), client)


def change_mobile(client, mobile=MOBILE):
    ask(client, mobile)
    return post("/account/mobile/", {"mobile": mobile, "sms_code": code_of("+86" + mobile)}, client)


def link(message, channel="email"):
    """The path of the link in the newest of these."""
    text = messages.compose(Delivery.objects.filter(message=message, channel=channel).latest("id"))
    [found] = re.findall(r"http://testserver(/account/\S+)", text.text)
    return found


def change_email(client, email=NEW):
    assert post("/account/email/", {"email": email}, client).json() == OK
    return Client().post(link("new_email"))


# A number


def test_a_code_to_the_new_number_makes_it_the_accounts(client, me, burst, sms):
    assert ask(client).json() == OK
    burst()
    assert sms[0][1].startswith(f"Your code to use this number at Bellhop is {code_of(E164)}.")
    body = {"mobile": MOBILE, "sms_code": wrong(code_of(E164))}
    assert post("/account/mobile/", body, client).status_code == 400
    body["sms_code"] = code_of(E164)
    assert post("/account/mobile/", body, client).json() == OK
    assert addresses(me) == (E164, "wang@example.com")
    burst()
    [_code, (old, text)] = sms
    assert (old, "take it back within 72 hours: http://testserver/account/undo/" in text) == (
        "+8613900000002", True,
    )  # fmt: skip
    assert Delivery.objects.get(message="mobile_changed", channel="email").state == "sent"


def test_the_page_changes_the_number_in_two_steps(client, me):
    page = client.post("/account/mobile/code/", asked(MOBILE), follow=True).content.decode()
    assert "A code is on its way to +86 138 0013 8000." in page
    body = {"mobile": MOBILE, "sms_code": code_of(E164)}
    page = client.post("/account/mobile/", body, follow=True).content.decode()
    assert "Your mobile number is changed." in page
    assert "+86 138 0013 8000" in page


def test_anothers_number_gets_the_same_answer_and_its_owner_a_word(client, me, staff):
    assert ask(client, "13900000001").json() == OK
    assert Delivery.objects.get().message == "account_exists"
    body = {"mobile": "13900000001", "sms_code": code_of("+8613900000001")}
    refused = post("/account/mobile/", body, client).json()
    assert "belongs to an account already" in refused["errors"]["mobile"][0]


# An address


def test_an_address_counts_once_its_link_was_followed(client, me):
    assert post("/account/email/", {"email": "New@Example.com"}, client).json() == OK
    path = link("new_email")
    assert "confirm it" in Client().get(path).content.decode()
    assert addresses(me)[1] == "wang@example.com"
    assert not Delivery.objects.filter(message="email_changed").exists()
    assert "Done." in Client().post(path).content.decode()
    assert addresses(me)[1] == NEW
    assert "Done." in Client().post(path).content.decode()
    assert Delivery.objects.get(message="email_changed").address == "wang@example.com"


def test_anothers_address_gets_the_same_answer_and_is_not_taken(client, me, staff):
    assert "belongs to another account" in change_email(client, staff.email).content.decode()
    assert addresses(me)[1] == "wang@example.com"


def test_an_older_link_does_nothing_once_the_address_is_another(client, me):
    post("/account/email/", {"email": "first@example.com"}, client)
    first = link("new_email")
    change_email(client)
    assert Client().post(first).status_code == 404
    assert addresses(me)[1] == NEW


def test_an_address_is_given_up_at_once_and_told(client, me):
    assert post("/account/email/", {"email": ""}, client).json() == OK
    assert addresses(me)[1] == ""
    assert Client().post(link("email_changed")).status_code == 200
    assert addresses(me)[1] == "wang@example.com"


def test_emails_to_whom_one_likes_are_limited(client, me, monkeypatch):
    monkeypatch.setattr(rates, "EMAIL_CHANGE", "1/hour")
    statuses = [
        post("/account/email/", {"email": f"n{n}@example.com"}, client).status_code
        for n in range(2)
    ]
    assert statuses == [200, 429]


@pytest.mark.parametrize("token", ["1", "1.x.y", "nonsense", "9" * 30, "²"])
@pytest.mark.parametrize("page", ["email", "undo"])
def test_a_link_that_is_not_ours_does_not_work(me, client, page, token):
    assert client.post(f"/account/{page}/{token}/").status_code == 404


# Taking it back


@pytest.mark.parametrize("channel", ["sms", "email"])
def test_who_had_the_number_takes_it_back_and_whoever_came_in_is_out(client, me, channel):
    change_mobile(client)
    path = link("mobile_changed", channel)
    assert "Take the change back" in Client().get(path).content.decode()
    assert addresses(me)[0] == E164
    assert "Done: number and address are as they were" in Client().post(path).content.decode()
    assert addresses(me)[0] == "+8613900000002"
    assert not me.has_usable_password()
    assert "Hello" not in client.get("/").content.decode()
    assert "taken back already" in Client().post(path).content.decode()


def test_the_address_that_the_same_hand_changed_before_comes_back_too(client, me):
    change_email(client)
    change_mobile(client)
    post("/account/email/", {"email": "third@example.com"}, client)
    pending = link("new_email")
    Client().post(link("mobile_changed", "sms"))
    assert addresses(me) == ("+8613900000002", "wang@example.com")
    assert Client().post(pending).status_code == 404
    assert addresses(me)[1] == "wang@example.com"


def test_a_change_of_long_ago_stays(client, me):
    change_email(client)
    ContactChange.objects.update(made_at=timezone.now() - timedelta(hours=73))
    change_mobile(client)
    Client().post(link("mobile_changed", "sms"))
    assert addresses(me) == ("+8613900000002", NEW)


def test_a_number_that_another_account_has_by_now_is_not_taken_from_it(client, me):
    change_mobile(client)
    User.objects.create_user("somebody", mobile="+8613900000002")
    answer = Client().post(link("mobile_changed", "sms"))
    assert (answer.status_code, "Another account has that" in answer.content.decode()) == (
        400,
        True,
    )
    assert addresses(me)[0] == E164


def test_it_can_be_taken_back_for_three_days(client, me, monkeypatch):
    change_mobile(client)
    path = link("mobile_changed", "sms")
    later = time.time() + confirmation.UNDO.lifetime.total_seconds() + 2
    monkeypatch.setattr(time, "time", lambda: later)
    assert Client().post(path).status_code == 404
