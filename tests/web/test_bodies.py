"""How much may be sent, by whom, and that nothing of it is read before that is asked."""

import json
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import InternalError, OperationalError
from django.test import Client

from signup.models import User
from web import bodies, connection

pytestmark = pytest.mark.django_db(transaction=True)

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
LARGE = bodies.SMALL + 1
HUGE = 11 * 1024 * 1024


class Unread:
    """A body that nobody may read."""

    def read(self, *args):
        raise AssertionError("It was read.")

    readline = read


def post(client, path, size, content_type=FORM):
    """Says that it sends so much."""
    facts = {"CONTENT_LENGTH": str(size), "CONTENT_TYPE": content_type, "wsgi.input": Unread()}
    facts["HTTP_X_MANDRILL_SIGNATURE"] = "made up"  # without it, that one looks no further
    return client.generic("POST", path, **facts)


@pytest.mark.parametrize(
    "path",
    [
        "/login/", "/logout/", "/signup/", "/signup/code/", "/password/", "/language/setlang/",
        "/health/", "/notices/new/", "/notices/schedules/", "/admin/login/", "/u/nonsense/", "/",
        "/admin/signup/user/add/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("content_type", [FORM, JSON, "multipart/form-data; boundary=x"])
def test_a_stranger_sends_little(visitor, path, content_type):
    client = Client(enforce_csrf_checks=True)
    for _ in range(2):
        answer = post(client, path, LARGE, content_type)
        assert answer.status_code == 413
        if content_type == JSON:
            assert answer.json()["code"] == 413
            assert "too large" in answer.json()["errmsg"]
        else:
            assert "This is too large" in answer.content.decode()
        client.force_login(visitor)


@pytest.mark.parametrize("name", ["twilio", "webhook", "yuntongxun"])
def test_a_providers_door_has_its_own_limit(client, name, settings):
    settings.SMS_URLS = ["twilio://AC1:token@+15550001111", "webhook+https://KEY@sms.example.com/"]
    assert post(client, f"/receipts/{name}/", LARGE, JSON).status_code in {404, 413}


@pytest.mark.parametrize("esp", ["amazon_ses", "sendgrid", "postmark", "mailgun", "mandrill"])
def test_an_email_providers_large_report_is_read_with_the_secret_only(client, settings, esp):
    keys = {"WEBHOOK_SECRET": "user:secret", "MANDRILL_WEBHOOK_KEY": "key"}
    settings.ANYMAIL = settings.ANYMAIL | keys
    path = f"/anymail/{esp}/tracking/"
    for content_type in (JSON, FORM):
        assert post(client, path, LARGE, content_type).status_code == 403
        assert post(client, path, 2 * 1024 * 1024 + 1, content_type).status_code == 413


def test_json_of_a_stranger_is_not_parsed(client, visitor):
    for _ in range(2):
        answer = client.post("/notices/new/", "{", content_type=JSON)
        assert (answer.status_code, answer.json()["code"]) == (403, 403)
        client.force_login(visitor)


def test_staff_send_long_lists_and_long_forms(client, staff):
    User.objects.filter(pk=staff.pk).update(is_superuser=True)
    client.force_login(User.objects.get(pk=staff.pk))
    pasted = "\n".join(f"guest{n}@example.com" for n in range(20_000))
    body = {
        "subject": "Lift", "text": "Out of order.", "channels": ["email"],
        "audience": "addresses", "addresses": pasted,
    }  # fmt: skip
    assert len(pasted) > LARGE
    assert client.post("/notices/new/", body | {"preview": "1"}).status_code == 200
    answer = client.post("/notices/new/", json.dumps(body), content_type=JSON)
    assert answer.json()["code"] == 0
    number = answer.json()["notice"]["id"]
    page = f"/admin/notices/notice/{number}/change/"
    assert client.post(page, body).status_code in {200, 302, 403}
    for path in ("/notices/new/", "/admin/signup/user/add/"):
        assert post(client, path, HUGE).status_code == 413
    assert post(client, "/notices/new/", HUGE, JSON).json()["code"] == 413


@pytest.mark.parametrize("path", ["/login/", "/signup/", "/notices/new/", "/admin/"])
def test_no_page_takes_a_file(client, staff, path, tmp_path, settings):
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10
    client.force_login(staff)
    answer = client.post(path, {"file": SimpleUploadedFile("a.bin", b"x" * 1000)})
    at_once = {"/signup/": {302}, "/admin/": {200, 302, 400, 403}}  # these do not look at it
    assert answer.status_code in at_once.get(path, {400})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("problem", [OperationalError, InternalError])
def test_staff_are_told_when_the_database_cannot_say_who_they_are(
    client, staff, monkeypatch, problem
):
    client.force_login(staff)

    def refuse(*args, **kwargs):
        raise problem

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", refuse)
    assert post(client, "/notices/new/", LARGE).status_code == 503
    in_chunks = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    in_chunks |= {"CONTENT_LENGTH": "", "wsgi.input": BytesIO(b"x" * LARGE)}
    assert client.post("/notices/new/", **in_chunks).status_code == 503


def test_many_fields_are_refused(client):
    assert client.post("/login/", "a&" * 2000, content_type=FORM).status_code == 400


def test_what_a_stranger_may_send_is_waited_for_by_the_loop():
    assert connection.BODY_BYTES >= bodies.SMALL
