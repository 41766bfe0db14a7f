"""Tokens: made on the page or by the command, shown once, kept as a digest, refused in words."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from notices.api import tokens
from notices.models import Token
from signup import rates
from tests.support.world import with_rights

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = re.compile(r"bh_(?:live|test)_[\w-]{43}")
WHO = "/api/v1/token"


def bearer(secret):
    return {"authorization": f"Bearer {secret}"}


@pytest.fixture
def token():
    return tokens.make("crm", ["messages:send"])


def test_the_page_shows_a_token_once_and_the_row_keeps_a_digest(client, staff):
    client.force_login(staff)
    data = {"name": "crm", "scopes": ["messages:send"], "networks": "127.0.0.1", "is_test": "on"}
    shown = client.post("/tokens/", data)
    secret = SECRET.search(shown.text)[0]
    assert secret.startswith("bh_test_")
    assert "no-store" in shown["Cache-Control"]
    row = Token.objects.get()
    assert secret not in str(vars(row))
    assert (row.name, row.networks, row.author) == ("crm", ["127.0.0.1/32"], staff)
    assert not SECRET.search(client.get("/tokens/").text)
    assert client.get(WHO, headers=bearer(secret)).json()["test"] is True
    client.post(f"/tokens/{row.pk}/revoke/")
    assert client.get(WHO, headers=bearer(secret)).status_code == 401


def test_nobody_gives_a_scope_that_opens_more_than_they_may(client, django_user_model):
    guard = django_user_model.objects.create_user("night_guard", is_staff=True)
    client.force_login(guard)
    assert client.get("/tokens/").status_code == 403
    with_rights(guard, "notices.manage_tokens", "notices.send_notice")
    data = {"name": "crm", "scopes": ["messages:send", "addresses:read"]}
    assert client.post("/tokens/", data).status_code == 400
    assert not Token.objects.exists()


def test_the_command_prints_it(client):
    said = StringIO()
    call_command("token", "create", "--name", "crm", "--scope", "messages:send", stdout=said)
    secret = said.getvalue().strip()
    assert SECRET.fullmatch(secret)
    assert client.get(WHO, headers=bearer(secret)).json()["scopes"] == ["messages:send"]
    with pytest.raises(CommandError, match="--scope"):
        call_command("token", "create", "--name", "crm", "--scope", "everything")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"revoked_at": timezone.now()}, 401, "wrong_token"),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, 401, "wrong_token"),
        ({"networks": ["192.0.2.0/24", "2001:db8::/32"]}, 403, "wrong_network"),
        ({"digest": "of another deployment"}, 401, "wrong_token"),
        ({"networks": ["127.0.0.0/8"]}, 200, None),
    ],
)
def test_a_token_that_does_not_hold_is_refused(client, token, changes, status, code):
    row, secret = token
    Token.objects.filter(pk=row.pk).update(**changes)
    answer = client.get(WHO, headers=bearer(secret))
    assert (answer.status_code, answer.json().get("code")) == (status, code)
    if status != 200:
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["type"] == f"/api/v1/docs#{code}"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic eDp5", "Bearer é"])
def test_without_a_token_a_session_opens_nothing(client, staff, header):
    client.force_login(staff)
    answer = client.get(WHO, headers={"authorization": header} if header is not None else {})
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="Bellhop"')


def test_a_token_has_a_limit_and_is_told(client, token, monkeypatch):
    monkeypatch.setattr(rates, "API_TOKEN", "2/minute")
    first, _second, third = (client.get(WHO, headers=bearer(token[1])) for _ in range(3))
    assert first["RateLimit-Policy"] == '"token";q=2;w=60'
    assert first["RateLimit"].startswith('"token";r=1;t=')
    assert (third.status_code, third.json()["code"]) == (429, "too_many")
    assert int(third["Retry-After"]) > 0
    assert "r=0" in third["RateLimit"]


def test_when_it_was_used_is_kept_to_the_minute(client, token):
    row, secret = token
    client.get(WHO, headers=bearer(secret))
    row.refresh_from_db()
    used = row.last_used_at
    client.get(WHO, headers=bearer(secret))
    row.refresh_from_db()
    assert used
    assert row.last_used_at == used


def test_the_document_is_readable_without_a_token(client):
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    assert "GET /api/v1/token" in page.text
    assert 'id="missing_scope"' in page.text
    assert client.get("/api/v1/openapi.json").json()["info"]["title"] == "Bellhop"
