"""Codes for the users of another program: the sign-up's engine, limits and budget."""

import re

import pytest

from notices.api import tokens
from notices.models import Delivery
from signup import budget
from signup.models import Verification
from tests.api.asking import ask

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/verifications"
BODY = {"mobile": "13900000011", "purpose": "signing in to Acme"}


@pytest.fixture
def secret():
    return tokens.make("acme", ["verifications:write"])[1]


def sent_code(texts):
    return re.search(r"\d{6}", texts[-1][1])[0]


def test_a_code_is_sent_and_is_right_once(secret, burst, texts):
    answer = ask(secret, URL, BODY)
    facts = answer.json()
    assert (answer.status_code, facts["state"]) == (202, "pending")
    assert (facts["mobile"], facts["test_code"]) == ("+86 139 **** 0011", None)
    burst()
    code = sent_code(texts)
    assert texts[-1][1].startswith(f"Your code for signing in to Acme is {code}.")
    assert "@" not in texts[-1][1]
    right = ask(secret, f"{URL}/{facts['id']}/check", {"code": f"{code[:3]} {code[3:]}"})
    assert (right.status_code, right.json()["state"]) == (200, "verified")
    again = ask(secret, f"{URL}/{facts['id']}/check", {"code": code})
    assert (again.status_code, again.json()["code"]) == (400, "wrong_code")
    shown = ask(secret, f"{URL}/{facts['id']}").json()
    assert (shown["state"], shown["delivery"]) == ("verified", "sent")


def test_the_words_are_in_the_language_that_is_asked_for(secret, burst, texts):
    ask(secret, URL, BODY | {"language": "zh-hans", "purpose": ""})
    burst()
    assert texts[-1][1].startswith("您的验证码是")


def test_after_five_wrong_ones_the_right_one_is_of_no_use(secret, burst, texts):
    pk = ask(secret, URL, BODY).json()["id"]
    burst()
    code = sent_code(texts)
    for _each in range(5):
        wrong = ask(secret, f"{URL}/{pk}/check", {"code": f"{(int(code) + 1) % 10**6:06}"})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "wrong_code")
    assert ask(secret, f"{URL}/{pk}").json()["state"] == "failed"
    assert ask(secret, f"{URL}/{pk}/check", {"code": code}).status_code == 400


def test_another_token_s_and_the_sign_up_s_codes_are_not_there(secret, client, burst, texts):
    pk = ask(secret, URL, BODY).json()["id"]
    burst()
    other = tokens.make("shop", ["verifications:write"])[1]
    assert ask(other, f"{URL}/{pk}").status_code == 404
    assert ask(other, f"{URL}/{pk}/check", {"code": sent_code(texts)}).status_code == 404
    body = {
        "username": "guest_li", "password": "let me in please", "password2": "let me in please",
        "mobile": BODY["mobile"], "sms_code": sent_code(texts), "allow": True,
    }  # fmt: skip
    assert client.post("/signup/", body, content_type="application/json").status_code == 400
    own = Verification.objects.create(mobile="+8613900000011", salt="x")
    assert ask(secret, f"{URL}/{own.pk}").status_code == 404


def test_the_limits_of_a_number_and_the_budget_hold(secret, settings):
    assert ask(secret, URL, BODY).status_code == 202
    often = ask(secret, URL, BODY)
    assert (often.status_code, often.json()["code"]) == (429, "too_many")
    assert int(often["Retry-After"]) > 0
    settings.CODE_BUDGET = "enforce"
    answers = [
        ask(secret, URL, {"mobile": f"139000001{n:02}"}).status_code
        for n in range(budget.HOUR_OF_PREFIX * budget.TRUST)
    ]
    assert answers[0] == 202
    assert answers[-1] == 429


def test_a_number_of_elsewhere_is_refused(secret):
    answer = ask(secret, URL, {"mobile": "+44 7400 123456"})
    assert (answer.status_code, answer.json()["field"]) == (400, "mobile")
    assert not Delivery.objects.exists()


def test_a_test_token_gets_the_code_and_costs_nothing(burst, texts):
    _row, trial = tokens.make("trial", ["verifications:write"], is_test=True)
    facts = ask(trial, URL, BODY).json()
    burst()
    assert texts == []
    assert ask(trial, URL, BODY).status_code == 429
    assert Verification.objects.values_list("sent", "prefix").get() == (0, "")
    right = ask(trial, f"{URL}/{facts['id']}/check", {"code": facts["test_code"]})
    assert right.json()["state"] == "verified"


@pytest.mark.parametrize("code", ["", "12345", "１２３４５６", "12345x", "\u0000"])
def test_what_is_no_code_costs_no_try(secret, code):
    pk = ask(secret, URL, BODY).json()["id"]
    answer = ask(secret, f"{URL}/{pk}/check", {"code": code})
    assert (answer.status_code, answer.json()["field"]) == (400, "code")
    assert ask(secret, f"{URL}/{pk}").json()["tries_left"] == 5
