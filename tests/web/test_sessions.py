"""How long staff stay signed in."""

import pytest
import time_machine
from django.test import Client

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = 3600


def signed_in(user):
    client = Client()
    client.post("/login/", {"username": user.username, "password": "let me in please"})
    return client


def status(client, path="/notices/", **headers):
    return client.get(path, headers=headers).status_code


def test_staff_who_were_away_for_long_sign_in_again(staff):
    with time_machine.travel("2026-11-26T08:00Z", tick=False) as clock:
        client = signed_in(staff)
        for _ in range(3):
            clock.shift(2 * HOUR - 60)
            assert status(client) == 200
        clock.shift(2 * HOUR)
        answer = client.get("/notices/new/?when=repeat")
        assert answer["Location"] == "/login/?next=/notices/new/%3Fwhen%3Drepeat"
        assert answer["Clear-Site-Data"]
        assert "_auth_user_id" not in client.session


def test_staff_who_came_long_ago_sign_in_again(staff):
    with time_machine.travel("2026-11-26T08:00Z", tick=False) as clock:
        client = signed_in(staff)
        for _ in range(11):
            clock.shift(HOUR)
            assert status(client) == 200
        clock.shift(HOUR)
        assert status(client) == 302
        client.post("/login/", {"username": staff.username, "password": "let me in please"})
        clock.shift(HOUR)
        assert status(client) == 200


def test_a_page_that_was_left_open_keeps_nobody_signed_in(staff):
    with time_machine.travel("2026-11-26T08:00Z", tick=False) as clock:
        client = signed_in(staff)
        for _ in range(3):
            clock.shift(HOUR / 2)
            assert status(client, "/health/", **{"HX-Request": "true"}) == 200
        clock.shift(HOUR / 2)
        answer = client.get("/health/", headers={"HX-Request": "true"})
        # The whole page asks to sign in, and not a part of it.
        assert (answer.status_code, answer["HX-Refresh"], answer.content) == (200, "true", b"")


def test_everybody_else_stays(visitor):
    with time_machine.travel("2026-11-26T08:00Z", tick=False) as clock:
        client = signed_in(visitor)
        clock.shift(13 * 24 * HOUR)
        assert "Hello, guest_wang" in client.get("/").text


def test_who_becomes_staff_is_bound_from_then_on(visitor):
    with time_machine.travel("2026-11-26T08:00Z", tick=False) as clock:
        client = signed_in(visitor)
        clock.shift(24 * HOUR)
        visitor.is_staff = True
        visitor.save()
        assert status(client) == 302
