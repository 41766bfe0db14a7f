"""Whatever goes wrong below /api/ is told as application/problem+json, by whichever door."""

import json

import pytest
from django.db import OperationalError
from django.test import Client

from notices.api import tokens, v1
from notices.api.problems import CODES

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/messages"


@pytest.fixture
def secret():
    return tokens.make("crm", ["messages:send"])[1]


def told(answer, status, code):
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    facts = answer.json()
    assert (facts["code"], facts["status"]) == (code, status), facts
    assert facts["type"] == f"/api/v1/docs#{code}"
    assert facts["detail"]
    return facts


def test_what_is_refused_before_the_api_is_asked(secret, settings):
    bearer = {"authorization": f"Bearer {secret}"}
    client = Client(raise_request_exception=False)
    for path in ("/api/v1/no-such-thing", "/api/v2/messages", f"{URL}/", f"{URL}/x"):
        told(client.get(path, headers=bearer), 404, "not_found")
    wrong = client.delete(URL, headers=bearer)
    told(wrong, 405, "method_not_allowed")
    assert wrong["Allow"] == "POST"
    large = json.dumps({"text": "x" * 70_000})
    told(client.post(URL, large, content_type="application/json"), 413, "too_large")
    answer = client.post(URL, {"text": "x"}, headers=bearer)
    told(answer, 415, "unsupported_type")
    settings.SECURE_SSL_REDIRECT = True
    told(client.get(f"{URL}/1", headers=bearer), 403, "plain_http")


def test_who_shows_a_token_may_send_a_long_list(secret):
    body = json.dumps({"to": {"mobile": "13900000011"}, "text": "x" * 70_000})
    answer = Client().post(
        URL, body, content_type="application/json", headers={"authorization": f"Bearer {secret}"}
    )
    assert told(answer, 400, "invalid")["field"] == "text"


@pytest.mark.parametrize(
    ("problem", "status", "code"),
    [(RuntimeError("a bug"), 500, "internal"), (OperationalError("away"), 503, "unavailable")],
)
def test_a_bug_and_a_database_that_is_away(secret, monkeypatch, problem, status, code):
    def fail(*args):
        raise problem

    monkeypatch.setattr(tokens, "used", fail)
    client = Client(raise_request_exception=False)
    answer = client.get(f"{URL}/1", headers={"authorization": f"Bearer {secret}"})
    told(answer, status, code)
    assert ("Retry-After" in answer) == (status == 503)


def test_a_sentence_is_in_the_asker_s_language(secret):
    headers = {"authorization": f"Bearer {secret}", "accept-language": "zh-hans"}
    assert "地址" in Client().get("/api/v1/nothing", headers=headers).json()["detail"]


def test_the_document_names_the_problems_of_every_operation():
    document = v1.api.get_openapi_schema()
    known = {int(name.removeprefix("Problem")) for name in document["components"]["responses"]}
    assert known == {status for status, _words in CODES.values()}
    for methods in document["paths"].values():
        for facts in methods.values():
            assert {401, 403, 429, 500, 503} <= set(facts["responses"])


def test_a_body_that_nobody_asked_for_is_no_mistake_of_ours(secret):
    headers = {"authorization": f"Bearer {secret}", "idempotency-key": "a"}
    answer = Client().post(f"{URL}/1/cancel", "{", content_type="text/plain", headers=headers)
    told(answer, 404, "not_found")
