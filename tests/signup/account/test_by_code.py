"""Signing in, and a new password, by a code that goes to the number: page and JSON."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notices.content import messages
from notices.models import Delivery
from signup import codes, proof, rates
from signup.models import Purpose, User, Verification
from tests.signup.test_signup import CLOSED, E164, OK, asked, code_of, person, post, sms, wrong
from web.problems import Invalid

__all__ = ["sms"]  # a fixture

pytestmark = pytest.mark.django_db(transaction=True)

MOBILE, KNOWN = "13900000002", "+8613900000002"
NEW = "brand new horse"
STRANGE = "This code is wrong or too old. Check its digits or ask for a new one."
WRONG = "This is not the code that was sent. Check its digits."


def ask(door="/login/", mobile=MOBILE, client=None):
    """The browser that asked."""
    client = client or Client()
    assert post(f"{door}code/", asked(mobile), client).json() == OK
    return client


def typed(code=None, mobile=MOBILE, **more):
    return {"mobile": mobile, "sms_code": code or code_of(KNOWN)} | more


def signed_in(client):
    return client.session.get("_auth_user_id")


def errors(answer):
    assert answer.status_code == 400
    return answer.json()["errors"]


# By JSON


def test_a_code_signs_in(visitor, burst, sms):
    client = ask()
    burst()
    [(address, text)] = sms
    assert address == KNOWN
    assert text.startswith(f"Your code to sign in to Bellhop is {code_of(KNOWN)}.")
    answer = post("/login/", typed(), client)
    assert answer.json() == OK
    assert signed_in(client) == str(visitor.pk)
    assert (answer.cookies["username"].value, "known_browser" in answer.cookies) == (
        "guest_wang", True,
    )  # fmt: skip
    other = ask(client=Client(REMOTE_ADDR="192.0.2.1"), mobile="13800138009")
    assert errors(post("/login/", typed(), other)) == {"sms_code": [STRANGE]}


def test_a_password_signs_in_by_json(visitor):
    client = Client()
    wrong_one = post("/login/", {"username": "guest_wang", "password": "wrong"}, client)
    assert (wrong_one.status_code, wrong_one.json()["errors"]) == (400, {})
    assert wrong_one.json()["errmsg"].startswith("Please enter a correct username")
    assert errors(post("/login/", {"username": 7}, client)) == {
        "username": ["Send this as text, in quotes, or leave it out."],
        "password": ["Fill this in."],
    }
    answer = post("/login/", {"username": MOBILE, "password": "let me in please"}, client)
    assert answer.json() == OK
    assert signed_in(client) == str(visitor.pk)
    assert answer.cookies["username"].value == "guest_wang"


def test_guessing_by_json_has_the_limits_of_the_page(visitor, monkeypatch):
    monkeypatch.setattr(rates, "SIGN_IN", "1/minute")
    body = {"username": "guest_wang", "password": "wrong"}
    assert [post("/login/", body).status_code for _ in range(2)] == [400, 429]


def test_a_new_password_by_code_ends_the_other_sessions(visitor, burst, sms):
    elsewhere = Client()
    elsewhere.force_login(visitor)
    client = ask("/password/")
    burst()
    assert sms[0][1].startswith(f"Your code for a new Bellhop password is {code_of(KNOWN)}.")
    assert post("/password/", typed(password=NEW), client).json() == OK
    visitor.refresh_from_db()
    assert visitor.check_password(NEW)
    assert signed_in(client) == str(visitor.pk)
    assert "Hello, guest_wang" not in elsewhere.get("/").content.decode()
    assert errors(post("/password/", typed(password=NEW), client)) == {
        "sms_code": ["This code was used already. Ask for a new one."]
    }


def test_who_was_imported_without_a_password_sets_one(visitor):
    visitor.set_unusable_password()
    visitor.save()
    client = ask("/password/")
    assert post("/password/", typed(password=NEW), client).json() == OK
    visitor.refresh_from_db()
    assert visitor.check_password(NEW)


def test_a_password_that_is_refused_leaves_the_code_good(visitor):
    client = ask("/password/")
    assert list(errors(post("/password/", typed(password="guest_wang1"), client))) == ["password"]
    assert list(errors(post("/password/", typed(), client))) == ["password"]
    assert post("/password/", typed(password=NEW), client).json() == OK


def test_nothing_is_said_about_a_password_before_the_code_is_right(visitor):
    client = ask("/password/")
    body = typed(wrong(code_of(KNOWN)), password="guest_wang1")
    assert errors(post("/password/", body, client)) == {"sms_code": [WRONG]}


DOORS = {
    "/signup/": person(mobile=MOBILE, username="somebody"),
    "/login/": {"mobile": MOBILE},
    "/password/": {"mobile": MOBILE, "password": NEW},
}


@pytest.mark.parametrize("asked_at", DOORS)
@pytest.mark.parametrize("typed_at", DOORS)
def test_a_code_serves_what_it_was_asked_for_and_nothing_else(settings, asked_at, typed_at):
    """Of a number whose account appeared, or vanished, meanwhile."""
    settings.CODE_LIMIT_NUMBER = "9/minute"
    client = ask(asked_at)
    User.objects.filter(mobile=KNOWN).delete()
    if typed_at != "/signup/":
        User.objects.create_user("guest_wang", mobile=KNOWN)
    answer = post(typed_at, DOORS[typed_at] | {"sms_code": code_of(KNOWN)}, client)
    assert answer.status_code == (200 if asked_at == typed_at else 400)


def test_nor_does_it_serve_by_the_number_of_its_row(visitor):
    ask()
    with pytest.raises(Invalid, match=STRANGE):
        proof.verify_own(KNOWN, code_of(KNOWN), Verification.objects.get().pk, Purpose.PASSWORD)


@pytest.mark.parametrize("door", ["/login/", "/password/"])
def test_another_browser_cannot_use_the_code_nor_its_tries(visitor, door):
    client = ask(door)
    for _ in range(7):
        refused = post(door, DOORS[door] | {"sms_code": code_of(KNOWN)})
        assert errors(refused) == {"sms_code": [STRANGE]}
    assert post(door, DOORS[door] | {"sms_code": code_of(KNOWN)}, client).json() == OK


# Who is known


def answers_about(mobile, door):
    """All that is said to somebody who has no code, and what it costs the database."""
    client = ask(door, mobile)
    right = codes.derive(Verification.objects.latest("id"))
    body = DOORS[door] | {"mobile": mobile}
    said, costs = [], []
    for _ in range(6):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = post(door, body | {"sms_code": wrong(right)}, client)
        said.append((answer.status_code, answer.json()))
        costs.append(len(queries))
    return said, costs


@pytest.mark.parametrize("door", ["/login/", "/password/"])
def test_nobody_learns_who_is_known(visitor, door):
    assert answers_about(MOBILE, door) == answers_about("13800138000", door)


@pytest.mark.parametrize("door", ["/login/", "/password/"])
def test_asking_costs_as_much_for_who_is_unknown_and_sends_nothing(visitor, door, redis, settings):
    settings.CODE_LIMIT_NUMBER = "9/minute"
    counts = []
    for mobile in (MOBILE, "13800138000"):
        with CaptureQueriesContext(connection) as queries:
            ask(door, mobile)
        counts.append((len(queries), redis.llen("rq:queue:sms")))
    assert counts == [(counts[0][0], 1), (counts[0][0], 2)]
    unsent = Delivery.objects.latest("id")
    assert (unsent.state, unsent.address, unsent.user) == ("no_address", "", None)


def test_who_guesses_the_code_of_an_unknown_number_learns_nothing():
    client = ask(mobile="13800138000")
    body = typed(code_of(E164), "13800138000")
    assert errors(post("/login/", body, client)) == {"sms_code": [WRONG]}


def test_who_was_deactivated_is_as_good_as_unknown(visitor):
    client = ask()
    User.objects.update(is_active=False)
    assert errors(post("/login/", typed(), client)) == {"sms_code": [WRONG]}
    ask(client=Client(), mobile="13800138009")
    assert Delivery.objects.latest("id").state == "no_address"


def test_all_purposes_are_one_limit(visitor):
    ask()
    assert post("/password/code/", asked(MOBILE)).status_code == 429
    assert post("/signup/code/", asked(MOBILE)).status_code == 429


def test_typed_codes_are_limited_per_origin(visitor, monkeypatch):
    monkeypatch.setattr(rates, "CODE_ANSWER_ORIGIN", "1/minute")
    statuses = [post(door, DOORS[door] | {"sms_code": "000000"}).status_code for door in
                ("/login/", "/password/")]  # fmt: skip
    assert statuses == [400, 429]


@pytest.mark.parametrize("door", ["/login/", "/password/"])
def test_without_redis_no_code_is_promised(visitor, door, settings):
    settings.REDIS_URL = CLOSED
    assert [post(f"{door}code/", asked(each)).status_code for each in (MOBILE, "13800138000")] == [
        503, 503,
    ]  # fmt: skip


# The SMS


def test_the_word_to_a_known_number_at_sign_up_leads_to_signing_in(visitor, settings):
    post("/signup/code/", asked(MOBILE))
    delivery = Delivery.objects.get()
    assert "sign in by a code" in messages.compose(delivery).text
    settings.PUBLIC_URL = "https://bellhop.example.com"
    wording = messages.compose(delivery)
    assert wording.text.endswith("https://bellhop.example.com/login/code/")
    assert wording.variables == (KNOWN,)


def test_browsers_are_told_which_site_the_code_is_for(settings):
    settings.PUBLIC_URL = "https://bellhop.example.com:8443"
    post("/signup/code/", asked())
    wording = messages.compose(Delivery.objects.get())
    assert wording.text.splitlines()[-1] == f"@bellhop.example.com #{code_of()}"
    assert wording.variables == (code_of(), "5")


# The page


def fields(mobile=MOBILE):
    return asked(mobile)


def text(answer):
    return answer.content.decode()


def test_the_page_signs_in_by_a_code_and_leads_on(client, visitor):
    page = client.get("/login/code/?next=/health/")
    assert 'name="next" value="/health/"' in text(page)
    answer = client.post("/login/code/", fields() | {"next": "/health/"}, follow=True)
    assert answer.redirect_chain == [("/login/code/?next=%2Fhealth%2F", 302)]
    assert "If an account has the number +86 139 0000 0002, a code is on its way" in text(answer)
    body = typed(next="/health/")
    assert WRONG in text(client.post("/login/", body | {"sms_code": wrong(code_of(KNOWN))}))
    assert client.post("/login/", body)["Location"] == "/health/"
    assert client.post("/login/", body)["Location"] == "/"  # went back, and sent it again
    assert client.get("/login/code/")["Location"] == "/"
    client.post("/logout/")
    assert "Send me a code" in text(client.get("/login/code/"))


def test_the_page_leads_to_no_other_site(client, visitor):
    evil = {"next": "https://evil.example/"}
    assert client.post("/login/code/", fields() | evil)["Location"] == "/login/code/"
    assert client.post("/login/", typed(**evil))["Location"] == "/"


def test_the_page_sets_a_password_by_a_code(client, visitor):
    client.post("/password/code/", fields())
    page = text(client.post("/password/", typed(password="12345678")))
    assert "too common" in page
    assert "12345678" not in page
    answer = client.post("/password/", typed(password=NEW), follow=True)
    assert "Your password is changed, and you are signed in." in text(answer)


def test_what_is_wrong_with_the_number_or_picture_is_told_and_the_number_kept(client):
    page = text(client.post("/login/code/", fields() | {"image_code": "00000x"}))
    assert "The picture showed other digits." in page
    assert f'value="{MOBILE}"' in page
    assert "00000x" not in page
    page = text(client.post("/login/code/", fields("12") | {"another": "1"}))
    assert "aria-invalid" not in page
    assert 'value="12"' in page


def test_a_code_that_is_used_up_leads_to_another(client, visitor):
    client.post("/login/code/", fields())
    Verification.objects.update(tries=5)
    page = text(client.post("/login/", typed()))
    assert "Too many wrong codes. Ask for a new one." in page
    assert "Send me a code" in page
