"""The page for opting out: a link is enough, GET changes nothing, one click is, too."""

import re

import pytest
from django.test import Client

from notices.audience import kinds, preferences
from notices.delivery import expand
from notices.models import Delivery, Suppression
from tests.support.world import sent_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def client():
    """Strict about CSRF, as a browser's visit is."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture(autouse=True)
def host(settings):
    settings.PUBLIC_URL = "https://bellhop.example.com"


@pytest.fixture
def to_user(staff, visitor):
    expand.start(sent_now(staff).pk)
    return Delivery.objects.get(user=visitor)


@pytest.fixture
def to_pasted(staff):
    expand.start(sent_now(staff, pasted="Li <li@example.com>").pk)
    return Delivery.objects.get(address="li@example.com")


def path(delivery):
    return preferences.unsubscribe_url(delivery).removeprefix("https://bellhop.example.com")


def save(client, delivery, *channels):
    client.get(path(delivery))
    token = re.search(rb'csrfmiddlewaretoken" value="(\w+)', client.get(path(delivery)).content)[1]
    facts = {"csrfmiddlewaretoken": token.decode(), "channels": channels}
    return client.post(path(delivery), facts)


def test_link_holds_no_personal_data_and_needs_a_known_host(to_user, settings):
    assert re.fullmatch(r"/u/\d+\.[\w-]{43}/", path(to_user))
    settings.PUBLIC_URL = ""
    assert preferences.unsubscribe_url(to_user) == ""
    to_user.origin = "https://desk.example.com"
    assert preferences.unsubscribe_url(to_user).startswith("https://desk.example.com/u/")
    to_user.message = "welcome"
    assert preferences.unsubscribe_url(to_user) == ""
    assert (
        preferences.unsubscribe_url(Delivery(message="notice", origin="https://x.example.com"))
        == ""
    )


def test_get_changes_nothing_and_save_leaves_the_channel(client, to_user, visitor):
    page = client.get(path(to_user))
    assert page.status_code == 200
    assert page["Cache-Control"].startswith("max-age=0")
    visitor.refresh_from_db()
    assert (visitor.wants_email, visitor.wants_sms) == (True, True)
    assert b'name="left" value="General" checked>' in page.content  # Save is enough
    assert "Save, and no more notices of “General” come." in page.content.decode()
    assert page.content.count(b" checked>") == 3
    page = save(client, to_user, "sms")
    assert "Done. You get notices by SMS." in page.content.decode()
    visitor.refresh_from_db()
    assert (visitor.wants_email, visitor.wants_sms) == (False, True)
    assert "You get no notices any more." in save(client, to_user).content.decode()
    assert "notices by email, SMS." in save(client, to_user, "email", "sms").content.decode()
    visitor.refresh_from_db()
    assert (visitor.wants_email, visitor.wants_sms) == (True, True)


def test_pasted_address_is_suppressed_and_may_come_back(client, to_pasted, staff):
    save(client, to_pasted)
    row = Suppression.objects.get()
    assert (row.channel, row.address, row.kind) == ("email", "li@example.com", "unsubscribed")
    new = sent_now(staff, pasted="li@example.com")
    expand.start(new.pk)
    assert list(new.deliveries.values_list("state", "reason")) == [("suppressed", "Unsubscribed.")]
    save(client, to_pasted, "email")
    row.refresh_from_db()
    assert row.lifted_at
    assert row.lift_reason == "The person wants notices again."


def test_one_click_of_a_mail_program(client, to_user, visitor):
    for _ in range(2):
        answer = client.post(path(to_user), {"List-Unsubscribe": "One-Click"})
        assert (answer.status_code, answer.content) == (200, b"")
    body = "List-Unsubscribe=One-Click"
    answer = client.post(path(to_user), body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    visitor.refresh_from_db()
    assert (visitor.wants_email, visitor.wants_sms) == (True, True)
    assert kinds.left_by(visitor, []).get().part == "default"


def test_post_of_another_site_does_nothing(client, to_user, visitor):
    assert client.post(path(to_user), {"channels": []}).status_code == 403
    visitor.refresh_from_db()
    assert visitor.wants_email


@pytest.mark.parametrize("token", ["x", "1.abc", "99999999999999999999999", "a" * 3000, "１.x"])
def test_bad_token_gets_a_friendly_page(client, token):
    page = client.get(f"/u/{token}/")
    assert page.status_code == 404
    assert "This link does not work" in page.content.decode()


def test_token_of_a_delivery_that_is_gone(client, to_user):
    there = path(to_user)
    to_user.delete()
    assert client.get(there).status_code == 404
    assert client.get(there.replace("/u/", "/u/1")).status_code == 404


def test_page_says_that_stop_is_taken_back_by_start(client, to_user, visitor):
    Suppression.objects.create(channel="sms", address=str(visitor.mobile), kind="stop")
    page = save(client, to_user).content.decode()
    visitor.refresh_from_db()
    assert (visitor.wants_email, visitor.wants_sms) == (False, True)  # START brings SMS back
    assert 'value="sms"' not in page
    page = save(client, to_user, "email", "sms").content.decode()
    assert "answer START to that number" in page
    assert "You get notices by email." in page
    assert Suppression.objects.filter(lifted_at=None).count() == 1


@pytest.mark.parametrize("change", [{"is_active": False}, {"email": "other@example.com"}, None])
def test_the_address_stays_out_when_its_user_goes(client, to_user, visitor, staff, change):
    save(client, to_user)
    if change:
        type(visitor).objects.filter(pk=visitor.pk).update(**change)
    else:
        visitor.delete()
    again = sent_now(staff, pasted=to_user.address)
    expand.start(again.pk)
    assert again.deliveries.get().state == "suppressed"
