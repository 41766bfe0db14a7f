"""The fence before the SMS: the picture, or work that the browser does."""

import base64
import hashlib
import json

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notices.models import Delivery
from signup import fence
from tests.signup.test_signup import MOBILE, OK, asked, post

CODE = "/signup/code/"

pytestmark = pytest.mark.django_db


def worked(work, **changes):
    """What ALTCHA's widget sends, after the same search."""
    for number in range(work["maxnumber"] + 1):
        text = f"{work['salt']}{number}"
        if hashlib.sha256(text.encode()).hexdigest() == work["challenge"]:
            facts = {name: work[name] for name in ("algorithm", "challenge", "salt", "signature")}
            facts |= {"number": number} | changes
            return base64.b64encode(json.dumps(facts).encode()).decode()
    raise AssertionError


def given():
    return Client().get("/signup/work/").json()


def test_work_brings_a_code_once(settings):
    settings.SIGNUP_FENCE = "work"
    proof = worked(given())
    assert post(CODE, {"mobile": MOBILE, "altcha": proof}).json() == OK
    again = post(CODE, {"mobile": "13900139000", "altcha": proof})
    assert "used already" in again.json()["errors"]["altcha"][0]
    assert Delivery.objects.count() == 1


def test_without_javascript_the_picture_is_the_way(settings):
    settings.SIGNUP_FENCE = "work"
    answer = post(CODE, {"mobile": MOBILE})
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"image_code", "altcha"}
    page = Client().post(CODE, {"mobile": MOBILE}).content.decode()
    assert "Type the digits that the picture shows." in page
    assert post(CODE, asked()).json() == OK


@pytest.mark.parametrize(
    "changes", [{"number": 200_001}, {"salt": "ab?expires=9999999999&"}, {"signature": "f" * 64},
                {"number": "7"}, {"salt": None}, {"challenge": "é"}]
)  # fmt: skip
def test_work_that_is_not_done_is_told(settings, changes):
    settings.SIGNUP_FENCE = "work"
    answer = post(CODE, {"mobile": MOBILE, "altcha": worked(given(), **changes)})
    assert answer.status_code == 400
    assert "work" in answer.json()["errors"]["altcha"][0]


@pytest.mark.parametrize("proof", ["x", "####", "WzFd", "bnVsbA==", "é"])
def test_what_is_no_proof_is_told(settings, proof):
    settings.SIGNUP_FENCE = "work"
    assert post(CODE, {"mobile": MOBILE, "altcha": proof}).status_code == 400


def test_old_work_is_told(settings):
    settings.SIGNUP_FENCE = "work"
    with time_machine.travel("2026-11-26T12:00Z", tick=False) as clock:
        proof = worked(given())
        clock.shift(fence.LIFETIME + 1)
        answer = post(CODE, {"mobile": MOBILE, "altcha": proof})
    assert "too old" in answer.json()["errors"]["altcha"][0]


@pytest.mark.parametrize("limit", ["CODE_LIMIT_ORIGIN", "CODE_LIMIT_ALL"])
def test_auto_asks_for_it_only_when_half_of_a_limit_is_used(settings, limit):
    settings.SIGNUP_FENCE, settings.CODE_BUDGET = "auto", "off"
    setattr(settings, limit, "4/hour")
    sent = [post(CODE, {"mobile": f"1390000000{n}"}).status_code for n in range(3)]
    assert sent.index(400) in {1, 2}
    assert post(CODE, {"mobile": "13900000009", "altcha": worked(given())}).json() == OK


def test_auto_asks_for_it_when_half_of_a_budget_is_used(settings):
    settings.SIGNUP_FENCE = "auto"
    assert post(CODE, {"mobile": "13800138000"}).json() == OK
    assert post(CODE, {"mobile": "13800138001"}).json() == OK
    assert post(CODE, {"mobile": "13800138002"}).status_code == 400
    assert post(CODE, {"mobile": "13900138002"}).json() == OK


def test_a_code_has_its_budget_counted_once(settings):
    """The fence asks for it, and the brake."""
    settings.SIGNUP_FENCE, settings.CODE_BUDGET = "auto", "enforce"
    with CaptureQueriesContext(connection) as queries:
        assert post(CODE, {"mobile": MOBILE}).json() == OK
    assert sum("SUM(sent) FILTER" in query["sql"] for query in queries) == 1


def test_where_the_picture_is_the_fence_work_counts_nothing():
    assert Client().get("/signup/work/").status_code == 404
    assert post(CODE, {"mobile": MOBILE, "altcha": "x"}).status_code == 400


def test_work_is_given_sixty_times_a_minute(settings):
    settings.SIGNUP_FENCE = "work"
    answers = [Client().get("/signup/work/").status_code for _ in range(61)]
    assert answers[-1] == 429
    assert set(answers[:-1]) == {200}
