"""An email address that was given at sign-up counts once its owner has followed the link."""

import time

import pytest
from django.test import Client

from notices.content import messages
from notices.models import Delivery
from signup import confirmation
from signup.models import User
from tests.signup.test_signup import asked, code_of, person, post

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "lin@example.com"


@pytest.fixture
def registered():
    """Who has just signed up with an address."""
    client = Client()
    post("/signup/code/", asked(), client)
    post("/signup/", person(code_of(), email="Lin@Example.com"), client)
    return User.objects.get(username="lin_mei")


def link():
    """Of the welcome."""
    text = messages.compose(Delivery.objects.get(message="welcome")).text
    [found] = [word for word in text.split() if word.startswith("http://testserver/")]
    return found.removeprefix("http://testserver")


def email_of(user):
    user.refresh_from_db()
    return user.email


def test_the_link_makes_the_address_the_users(registered, client):
    assert email_of(registered) == ""
    assert "Confirm my address" in client.get(link()).content.decode()
    assert email_of(registered) == ""  # scanners open links, too
    assert "Done." in client.post(link()).content.decode()
    assert email_of(registered) == ADDRESS
    assert "Done." in client.post(link()).content.decode()


def test_the_link_leads_where_settings_say_and_not_where_the_asker_says(registered, settings):
    settings.PUBLIC_URL = "https://bellhop.example.com"
    said = messages.compose(Delivery.objects.get(message="welcome"))
    for part in (said.text, said.html):
        assert "https://bellhop.example.com/signup/email/" in part
        assert "testserver" not in part


def test_the_link_names_no_address(registered):
    assert "lin" not in link().lower()


def test_the_welcome_tells_whoever_has_the_address_nothing_about_the_account(registered):
    delivery = Delivery.objects.get(message="welcome")
    said = messages.compose(delivery)
    assert "lin_mei" not in said.subject + said.text + said.html + delivery.name


def test_before_that_the_address_brings_no_new_password(registered, client):
    client.post("/password/", {"email": ADDRESS})
    assert Delivery.objects.get(message="password_reset").state == "no_address"


def test_whose_address_was_given_by_somebody_else_is_not_shut_out(registered):
    assert User.objects.create_user("the_owner", email=ADDRESS).email == ADDRESS
    answer = Client().post(link())
    assert "belongs to another account" in answer.content.decode()
    assert email_of(registered) == ""


def test_a_known_address_gets_the_same_answer_and_the_same_email(visitor, client):
    for number, email in (("13800138001", "wang@example.com"), ("13800138002", ADDRESS)):
        browser = Client()
        post("/signup/code/", asked(number), browser)
        body = person(code_of("+86" + number), mobile=number, email=email, username="u" + number)
        assert post("/signup/", body, browser).json() == {"code": 0, "errmsg": "ok"}
    welcomes = Delivery.objects.filter(message="welcome").order_by("id")
    assert [each.address for each in welcomes] == ["wang@example.com", ADDRESS]


def test_another_address_in_the_meantime_makes_the_link_useless(registered, client):
    User.objects.filter(pk=registered.pk).update(email="newer@example.com")
    assert client.post(link()).status_code == 404
    assert email_of(registered) == "newer@example.com"


@pytest.mark.parametrize("token", ["1", "1.x.y", "nonsense"])
def test_a_link_that_is_not_ours_does_not_work(registered, client, token):
    answer = client.post(f"/signup/email/{token}/")
    assert answer.status_code == 404
    assert "This link does not work any more" in answer.content.decode()


def test_a_link_works_for_a_week(registered, client, monkeypatch):
    address = link()
    later = time.time() + confirmation.LIFETIME.total_seconds() + 2
    monkeypatch.setattr(time, "time", lambda: later)
    assert client.post(address).status_code == 404


def test_a_link_of_a_user_who_is_gone_does_not_work(registered, client):
    address = link()
    registered.delete()
    assert client.get(address).status_code == 404


def test_confirming_needs_the_token_of_the_form(registered):
    client = Client(enforce_csrf_checks=True)
    assert client.post(link()).status_code == 403
    assert email_of(registered) == ""
