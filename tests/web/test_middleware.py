"""What the whole site does for the person who asks."""

import json

import pytest
from django.db import OperationalError

from notices.models import Notice
from tests.support.world import sent_now
from web.middleware import https_for_machines

pytestmark = pytest.mark.django_db(transaction=True)

NO_STORE = "max-age=0, no-cache, no-store, must-revalidate, private"


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


# What a browser keeps


@pytest.mark.parametrize(
    "path",
    ["/", "/notices/", "/notices/new/?key=x", "/notices/{}/", "/notices/{}.csv", "/notices/{}.json",
     "/notices/suppressed/", "/notices/schedules/", "/health/", "/admin/", "/no/such/page/"],
)  # fmt: skip
def test_nobody_keeps_a_copy_of_what_somebody_was_shown(client, staff, path):
    number = sent_now(staff).pk
    client.force_login(staff)
    assert client.get(path.format(number))["Cache-Control"] == NO_STORE


def test_pages_for_everybody_may_be_kept(client):
    assert "no-store" not in client.get("/").get("Cache-Control", "")


def test_an_answer_while_the_database_is_away_is_not_kept(client, no_database):
    assert client.get("/notices/")["Cache-Control"] == NO_STORE


@pytest.mark.parametrize("path", ["/logout/", "/admin/logout/"])
def test_signing_out_clears_what_the_browser_has(client, staff, path):
    client.force_login(staff)
    assert "Clear-Site-Data" not in client.get("/")
    answer = client.post(path)
    assert answer["Clear-Site-Data"] == '"cache", "storage"'  # other hosts keep their cookies


def test_what_a_page_tells_once_waits_in_the_session_and_not_in_a_cookie(client, staff):
    notice = sent_now(staff)
    client.force_login(staff)
    answer = client.post(f"/notices/{notice.pk}/cancel/")
    assert set(answer.cookies) <= {"sessionid", "csrftoken"}
    assert 'class="flash' in client.get(f"/notices/{notice.pk}/").text


# Plain http


@pytest.fixture
def https_only(settings):
    settings.SECURE_SSL_REDIRECT = True


@pytest.mark.parametrize(
    "path",
    ["/", "/login/", "/notices/1/", "/notices/1.csv", "/u/token/", "/signup/", "/admin/login/"],
)
def test_a_page_leads_to_https(client, https_only, path):
    assert client.get(path)["Location"] == f"https://testserver{path}"


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("post", "/signup/code/", "application/json"),
        ("post", "/signup/", "application/json"),
        ("get", "/signup/picture/", ""),
        ("get", "/notices/1.json", ""),
        ("post", "/notices/new/", "application/json"),
        ("post", "/receipts/twilio/", "application/x-www-form-urlencoded"),
        ("get", "/receipts/yuntongxun/secret/", ""),
        ("post", "/anymail/sendgrid/tracking/", "application/json"),
        ("post", "/u/token/", "application/x-www-form-urlencoded"),
        ("post", "/login/", "application/x-www-form-urlencoded"),
    ],
)
def test_a_program_is_told_to_use_https(client, https_only, method, path, kind):
    options = {"data": "{}", "content_type": kind} if method == "post" else {}
    answer = getattr(client, method)(path, **options)
    assert answer.status_code == 403
    assert "Location" not in answer
    assert json.loads(answer.content)["errmsg"].startswith("Use https:// here.")
    chinese = getattr(client, method)(path, **options | {"headers": {"Accept-Language": "zh-hans"}})
    assert "https://" in chinese.text
    assert chinese.text != answer.text


def test_by_https_both_are_served(client, https_only):
    assert client.get("/", secure=True).status_code == 200
    assert client.get("/signup/picture/", secure=True).status_code == 200
    assert client.get("/healthz").status_code == 200


def test_the_refusal_stands_before_the_redirect(settings):
    own = f"{https_for_machines.__module__}.{https_for_machines.__name__}"
    of_django = "django.middleware.security.SecurityMiddleware"
    assert settings.MIDDLEWARE.index(own) < settings.MIDDLEWARE.index(of_django)
