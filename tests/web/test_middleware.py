"""What the whole site does for the person who asks."""

import pytest
from django.db import OperationalError

from notices.models import Notice
from tests.support.world import sent_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def no_database(client, staff, monkeypatch):
    def refuse(*args, **kwargs):
        raise OperationalError("database is locked")

    client.force_login(staff)
    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", refuse)


@pytest.mark.parametrize("path", ["/notices/", "/notices/new/", "/"])
def test_database_that_is_away_is_told_as_a_moment_to_wait(client, no_database, path):
    response = client.get(path)
    assert response.status_code == 503
    assert response["Retry-After"] == "60"
    assert "Try again in a minute." in response.text
    assert "locked" not in response.text


def test_scripts_are_told_in_json(client, no_database):
    response = client.post("/signup/code/", {"mobile": "x"}, content_type="application/json")
    assert response.status_code in (400, 503)
    response = client.post("/notices/new/", {}, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (503, 503)


@pytest.mark.parametrize(
    ("zone", "shown"), [("UTC", "2026-11-21 01:30"), ("Asia/Shanghai", "2026-11-21 09:30")]
)
def test_times_are_shown_in_the_zone_of_who_looks_and_say_so(client, staff, zone, shown):
    sent_now(staff)
    Notice.objects.update(start_at="2026-11-21T01:30Z")
    staff.time_zone = zone
    staff.save()
    client.force_login(staff)
    text = client.get("/notices/").text
    assert shown in text
    assert f"Times are those of {zone}." in text


def test_visitors_see_times_in_the_zone_of_new_users(client, settings):
    settings.TIME_ZONE_DEFAULT = "Asia/Tokyo"
    assert "Times are those of Asia/Tokyo." in client.get("/outbox/").text
