"""A passkey as the second factor, by Chromium's own authenticator."""

import pytest
from django.conf import settings as django_settings
from django.test import Client

from signup.models import Passkey
from tests.browser.conftest import session_of
from tests.browser.test_every_page import check

pytestmark = pytest.mark.django_db(transaction=True)
SECOND = "/login/second/"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(autouse=True)
def _needed(settings):
    settings.STAFF_SECOND_FACTOR = True


@pytest.fixture
def page(open_page, staff):
    found = open_page(SECOND, user=staff, viewport={"width": 375, "height": 800})
    authenticator = found.context.new_cdp_session(found)
    authenticator.send("WebAuthn.enable")
    authenticator.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return found


def press(page, button):
    page.get_by_role("button", name=button).click()


def sign_in_again(page, staff, live_server):
    """With the password alone."""
    cookie = {"name": django_settings.SESSION_COOKIE_NAME, "value": session_of(staff)}
    page.context.add_cookies([{**cookie, "url": live_server.url}])
    page.goto("/notices/")
    assert SECOND in page.url


def test_a_passkey_is_added_used_and_removed(page, staff, live_server, caplog):
    check(page)
    page.get_by_label("Name of the passkey").fill("My laptop")
    press(page, "Add a passkey")
    recovery = page.locator(".recovery code").first.inner_text()
    page.get_by_role("button", name="I have written them down").click()
    page.goto("/notices/")
    assert page.url.endswith("/notices/")

    sign_in_again(page, staff, live_server)
    check(page)
    assert "<svg" not in page.content(), "or the password alone would set up an app"
    with page.expect_request(lambda request: request.method == "POST") as sent:
        press(page, "Use a passkey")
    page.wait_for_url(lambda url: SECOND not in url)
    key = Passkey.objects.get()
    assert (key.name, key.sign_count > 0, key.used_at is not None) == ("My laptop", True, True)

    Passkey.objects.update(sign_count=0)  # as of those that do not count
    body, form = sent.value.post_data, "application/x-www-form-urlencoded"
    host = {"host": live_server.url.partition("//")[2]}
    here, stranger = Client(headers=host), Client(headers=host)
    cookies = {each["name"]: each["value"] for each in page.context.cookies()}
    name = django_settings.SESSION_COOKIE_NAME
    here.cookies[name] = cookies[name]
    stranger.force_login(staff)
    stranger.get(SECOND)
    for client in (here, stranger):
        answer = client.post(SECOND, body, content_type=form)
        assert (answer.status_code, "was not taken" in answer.content.decode()) == (400, True)
    assert stranger.get("/login/passkeys/")["Location"].startswith(SECOND)
    for event in ("passkey-added", "second-factor", "second-factor-failed"):
        assert f"event={event} user={staff.pk}" in caplog.text

    page.goto("/login/passkeys/")
    check(page)
    press(page, "Remove My laptop")
    assert "your only second factor" in page.content()
    page.evaluate("document.querySelector('[data-passkey]').dataset.options = '{}'")
    press(page, "Add a passkey")
    page.get_by_text("Nothing came of it.").wait_for()
    assert Passkey.objects.count() == 1
    stranger.post(SECOND, {"code": recovery, "next": "/"})
    assert stranger.get("/notices/").status_code == 200
