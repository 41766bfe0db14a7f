"""The cookies and the headers of static files, with the values of production."""

import pytest
from django.test import Client

from tests.config.test_settings import values
from tests.signup.test_signup import asked, code_of, person, post

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = (
    "SESSION_COOKIE_NAME", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_NAME", "CSRF_COOKIE_SECURE",
    "LANGUAGE_COOKIE_NAME", "LANGUAGE_COOKIE_SECURE", "SECURE_SSL_REDIRECT",
)  # fmt: skip


@pytest.fixture(scope="module")
def production():
    return values("COOKIE_PREFIX", *NAMES, DEBUG="0", SECRET_KEY="x", ALLOWED_HOSTS="testserver")


@pytest.fixture
def browser(settings, production):
    for name, value in production.items():
        setattr(settings, name, value)
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    headers = {"X-Forwarded-Proto": "https", "Referer": "https://testserver/"}
    return Client(enforce_csrf_checks=True, headers=headers)


def send(browser, path, **form):
    """As the form of the page at /login/ would."""
    token = browser.get("/login/").context["csrf_token"]
    return browser.post(path, form | {"csrfmiddlewaretoken": str(token)})


def test_every_cookie_is_of_this_host_and_of_https_alone(browser, visitor):
    answers = [
        browser.get("/login/"),
        send(browser, "/language/setlang/", language="zh-hans"),
        send(browser, "/login/", username="guest_wang", password="let me in please"),
        browser.get("/"),
    ]
    assert answers[2].status_code == 302
    found = {cookie.key: cookie for answer in answers for cookie in answer.cookies.values()}
    names = {"sessionid", "csrftoken", "language", "known_browser"}
    assert set(found) == {f"__Host-{name}" for name in names}
    for cookie in found.values():
        assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert "guest_wang" in answers[3].text
    assert 'lang="zh-hans"' in answers[3].text


def test_by_json_alone_a_name_stands_in_a_cookie_that_scripts_can_read(browser):
    post("/signup/code/", asked(), browser)
    answer = post("/signup/", person(code_of()), browser)
    assert answer.status_code == 200
    assert set(answer.cookies) <= {"__Host-sessionid", "__Host-csrftoken", "username"}
    assert answer.cookies["username"]["secure"]


def test_on_plain_http_of_ones_own_machine_they_have_the_names_that_it_takes():
    found = values(*NAMES, DEBUG="1", SECRET_KEY="x")
    assert [found[name] for name in NAMES[::2]][:3] == ["sessionid", "csrftoken", "language"]
    assert not any(found[name] for name in NAMES if "SECURE" in name)


@pytest.mark.parametrize("path", ["/static/bell.svg", "/static/bellhop.css", "/static/once.js"])
def test_a_static_file_is_only_what_it_says(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in answer
    assert "no-store" not in answer["Cache-Control"]
