"""The second factor of staff: set up, asked for at each signing in, and what it keeps closed."""

import re

import pytest
import time_machine
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from signup.models import Passkey
from tests.signup.test_accounts import PASSWORD

SECOND = "/login/second/"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _needed(settings):
    settings.STAFF_SECOND_FACTOR = True


@pytest.fixture
def clock():
    with time_machine.travel("2026-11-26T12:00Z", tick=False) as traveller:
        yield traveller


def signed_in():
    client = Client()
    client.post("/login/", {"username": "reception", "password": PASSWORD})
    return client


def code(wrong=0):
    """What the app shows."""
    number = totp(TOTPDevice.objects.get().bin_key)
    return f"{(number + wrong) % 1_000_000:06d}"


def app_set_up(clock):
    client = signed_in()
    client.get(SECOND)
    page = client.post(SECOND, {"code": code()})
    clock.shift(60)
    return re.findall(r"<li><code>(\w+)</code>", page.content.decode())


def test_staff_without_one_set_it_up_before_anything_else(clock, staff, caplog):
    client = signed_in()
    answer = client.get("/notices/?q=x")
    assert answer["Location"] == f"{SECOND}?next=/notices/%3Fq%3Dx"
    page = client.get(answer["Location"]).content.decode()
    assert "<svg" in page
    assert "style=" not in page
    again = client.get(SECOND).content.decode()
    assert re.findall("<code>.*?</code>", page) == re.findall("<code>.*?</code>", again)
    wrong = client.post(SECOND, {"code": code(wrong=1)})
    assert "This is not the code." in wrong.content.decode()
    clock.shift(60)
    done = client.post(SECOND, {"code": code(), "next": "/notices/?q=x"}).content.decode()
    assert len(re.findall(r"<li><code>\w{8}</code>", done)) == 10
    assert 'href="/notices/?q=x"' in done
    assert client.get("/notices/").status_code == 200
    for event in ("second-factor-failed", "second-factor-set-up", "second-factor"):
        assert f"event={event} user={staff.pk}" in caplog.text
    assert TOTPDevice.objects.get().key not in caplog.text


def test_it_is_asked_for_at_each_signing_in(clock, staff):
    app_set_up(clock)
    client = signed_in()
    assert client.get("/admin/")["Location"].startswith(SECOND)
    page = client.get(SECOND).content.decode()
    assert "<svg" not in page, "or whoever has the password alone would read the key"
    digits = code()
    answer = client.post(SECOND, {"code": f"{digits[:3]} {digits[3:]}", "next": "//evil.example"})
    assert answer["Location"] == "/"
    assert client.get("/notices/").status_code == 200
    other = signed_in()
    other.post(SECOND, {"code": digits})
    assert other.get("/notices/").status_code == 302, "a code counts once"


def test_a_recovery_code_lets_in_once(clock, staff):
    [first, *_rest] = app_set_up(clock)
    for passes in (True, False):
        client = signed_in()
        client.post(SECOND, {"code": first.upper()})
        assert (client.get("/notices/").status_code == 200) is passes
        clock.shift(60)
    assert StaticToken.objects.count() == 9


def test_scripts_and_parts_of_pages_are_told(staff):
    client = signed_in()
    answer = client.post("/notices/new/", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, 403)
    assert client.get("/health/", headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    assert client.post("/logout/").status_code == 302


def test_guessing_ends(clock, staff):
    app_set_up(clock)
    client = signed_in()
    answers = [client.post(SECOND, {"code": "000000"}) for _ in range(11)]
    assert answers[-1].status_code == 429
    assert client.post(SECOND, {"code": code()}).status_code == 429


def test_who_is_no_staff_needs_none(client, visitor):
    client.post("/login/", {"username": "guest_wang", "password": PASSWORD})
    assert client.get("/").status_code == 200
    assert client.get(SECOND).status_code == 403
    assert Client().get(SECOND)["Location"].startswith("/login/?next=")


def test_without_the_setting_nobody_is_asked(settings, staff):
    settings.STAFF_SECOND_FACTOR = False
    assert signed_in().get("/notices/").status_code == 200


NONSENSE = ["", "x", "null", "[]", "{}", '{"id": 7}', '{"id": "a", "rawId": "a", "response": {}}']
PASSKEYS = "/login/passkeys/"


@pytest.mark.parametrize("said", NONSENSE)
def test_what_is_no_passkey_is_told(clock, staff, said):
    client = signed_in()
    client.get(SECOND)
    answer = client.post(SECOND, {"passkey": said})
    assert (answer.status_code, "could not be added" in answer.content.decode()) == (400, True)
    app_set_up(clock)
    client = signed_in()
    assert client.post(SECOND, {"passkey": said}).status_code == 400
    assert client.get("/notices/").status_code == 302
    assert not Passkey.objects.exists()


def test_passkeys_are_ones_own_and_one_of_two_factors_may_go(clock, staff, visitor):
    app_set_up(clock)
    client = signed_in()
    assert client.get(PASSKEYS)["Location"].startswith(SECOND)
    client.post(SECOND, {"code": code()})
    own = Passkey.objects.create(user=staff, name="a", credential_id="YQ", public_key=b"a")
    other = Passkey.objects.create(user=visitor, name="b", credential_id="Yg", public_key=b"b")
    for key in (other.pk, own.pk, own.pk, "x", 10**30):
        assert client.post(PASSKEYS, {"key": key}).status_code == 302
    assert list(Passkey.objects.all()) == [other]
    answer = client.post(PASSKEYS, {"passkey": "{}", "name": "x" * 51})
    assert "Use at most 50 characters." in answer.content.decode()
