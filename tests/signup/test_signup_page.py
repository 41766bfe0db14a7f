"""The page of sign-up where JavaScript is off, and the pages for what went wrong."""

import re
from datetime import timedelta

import pytest
from django.test import Client

from signup import pictures
from signup.models import User, Verification
from tests.signup.test_signup import asked, code_of, person, post

pytestmark = pytest.mark.django_db


def text(answer):
    return answer.content.decode()


def form(**changes):
    body = {name: "on" if value is True else value for name, value in person().items()}
    return body | asked() | changes


def test_the_landing_page_leads_to_sign_up(client):
    assert 'href="/signup/"' in text(client.get("/"))


def test_the_landing_page_greets_by_name(client, visitor):
    client.force_login(visitor)
    assert "Hello, guest_wang" in text(client.get("/"))


def test_who_is_signed_in_need_not_sign_up(client, visitor):
    client.force_login(visitor)
    assert client.get("/signup/")["Location"] == "/"


def test_asking_for_a_code_keeps_what_was_typed_but_not_the_passwords(client):
    answer = client.post("/signup/code/", form(email="lin@example.com"))
    page = text(answer)
    assert answer.status_code == 200
    assert "A code is on its way to +86 138 0013 8000" in page
    for kept in ("lin_mei", "lin@example.com", "13800138000"):
        assert f'value="{kept}"' in page
    assert "right horse 22" not in page
    assert 'data-wait="60"' in page


def part(page, name):
    """The opening tag of the element with this id."""
    return page[page.index(f'id="{name}"') :].split(">")[0]


def test_after_a_code_no_picture_is_asked_for_until_another_code_is(client):
    page = text(client.get("/signup/"))
    assert ("hidden" in part(page, "ask"), "hidden" in part(page, "asked")) == (False, True)
    page = text(client.post("/signup/code/", form()))
    assert ("hidden" in part(page, "ask"), "hidden" in part(page, "asked")) == (True, False)
    page = text(client.post("/signup/code/", form(another="1")))
    assert ("hidden" in part(page, "ask"), "hidden" in part(page, "asked")) == (False, True)


def test_a_mistake_below_leaves_the_code_asked_for_and_the_minute_running(client):
    client.post("/signup/code/", form())
    row = Verification.objects.get()
    Verification.objects.update(expires_at=row.expires_at - timedelta(seconds=20))
    page = text(client.post("/signup/", form(username="x")))
    assert ("hidden" in part(page, "ask"), "hidden" in part(page, "asked")) == (True, False)
    assert "A code is on its way to +86 138 0013 8000" in page
    [left] = re.findall(r'data-wait="(\d+)"', page)
    assert 35 <= int(left) <= 40


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"mobile": "13800138001"}, {}),
        ({"mobile": "12"}, {}),
        ({}, {"tries": 5}),
        ({}, {"expires_at": "2026-01-01T00:00Z"}),
    ],
)
def test_a_code_that_can_not_be_used_is_asked_for_again(client, changes, row):
    client.post("/signup/code/", form())
    Verification.objects.update(used_at=None, **row)
    page = text(client.post("/signup/", form(username="x", **changes)))
    assert ("hidden" in part(page, "ask"), "hidden" in part(page, "asked")) == (False, True)
    assert 'data-wait="0"' in page


def test_who_asked_elsewhere_is_not_told(client):
    client.post("/signup/code/", form())
    page = text(Client().post("/signup/", form(username="x")))
    assert "hidden" in part(page, "asked")


def test_after_a_code_the_cursor_is_where_it_is_typed(client):
    page = text(client.post("/signup/code/", form()))
    field = page[page.index('name="sms_code"') :].split(">")[0]
    assert "autofocus" in field


def test_the_cursor_is_at_the_first_mistake(client):
    page = text(client.post("/signup/", form(username="x", password2="y")))
    field = page[page.index('name="username"') :].split(">")[0]
    assert page.count("autofocus") == 1
    assert "autofocus" in field
    assert 'aria-invalid="true"' in field
    assert "id_username_error" in field


def test_a_wrong_picture_shows_a_new_one_and_an_empty_field(client):
    body = form(image_code="00000x")
    page = text(client.post("/signup/code/", body))
    assert body["image_code_id"] not in page
    assert "00000x" not in page
    assert 'role="alert" >The picture showed other digits.' in page


def test_another_picture_can_be_had_without_javascript(client):
    body = form(another="1", mobile="12")
    answer = client.post("/signup/code/", body)
    assert answer.status_code == 200
    assert body["image_code_id"] not in text(answer)
    assert 'value="lin_mei"' in text(answer)
    assert "aria-invalid" not in text(answer)


def test_a_limit_is_told_on_the_page_and_in_the_header(client):
    client.post("/signup/code/", form())
    answer = client.post("/signup/code/", form())
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 50
    assert "That was too often. Try again in" in text(answer)


def test_registering_by_the_form_signs_in(client):
    client.post("/signup/code/", form())
    answer = client.post("/signup/", form(sms_code=code_of()), follow=True)
    assert answer.redirect_chain == [("/", 302)]
    assert "Welcome. You are registered" in text(answer)
    assert "Follow the link" not in text(answer)
    assert "Hello, lin_mei" in text(answer)
    assert "username" not in client.cookies  # a front end of one's own, by JSON, gets that


def test_who_gave_an_email_is_told_of_the_link(client):
    client.post("/signup/code/", form())
    answer = client.post("/signup/", form(sms_code=code_of(), email="l@example.com"), follow=True)
    assert "Follow the link in our email" in text(answer)


def test_forms_need_a_token_and_json_does_not():
    client = Client(enforce_csrf_checks=True)
    for address in ("/signup/", "/signup/code/"):
        answer = client.post(address, form())
        assert answer.status_code == 403
        assert "The form was too old" in text(answer)
    assert client.post("/signup/code/", "{}", "text/plain").status_code == 403
    assert client.post("/signup/code/", asked(), "application/json").status_code == 200


@pytest.mark.parametrize("address", ["/signup/", "/signup/code/", "/login/"])
def test_who_goes_back_after_registering_and_sends_the_form_again_is_taken_home(address):
    client = Client(enforce_csrf_checks=True)
    token = str(client.get("/signup/").context["csrf_token"])
    client.post("/signup/code/", form(csrfmiddlewaretoken=token))
    old = form(csrfmiddlewaretoken=token, sms_code=code_of())
    assert client.post("/signup/", old)["Location"] == "/"
    answer = client.post(address, old)  # signing in has made another token
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert User.objects.count() == 1


def test_whose_form_is_too_old_elsewhere_is_told_so(visitor):
    client = Client(enforce_csrf_checks=True)
    client.force_login(visitor)
    assert client.post("/logout/").status_code == 403


def test_who_is_signed_in_makes_no_second_account_on_the_page(client, visitor):
    client.force_login(visitor)
    post("/signup/code/", asked(), client)
    assert client.post("/signup/", form(sms_code=code_of()))["Location"] == "/"
    assert User.objects.get() == visitor


def test_a_form_with_its_token_is_taken():
    client = Client(enforce_csrf_checks=True)
    token = client.get("/signup/").context["csrf_token"]
    assert client.post("/signup/code/", form(csrfmiddlewaretoken=str(token))).status_code == 200


def test_the_page_is_never_kept_and_holds_no_inline_script(client):
    answer = client.get("/signup/")
    assert "no-store" in answer["Cache-Control"]
    assert "<script>" not in text(answer)
    assert " style=" not in text(answer)
    assert " onclick" not in text(answer)


def test_the_page_speaks_chinese_where_errors_come_from_django(client):
    answer = client.post(
        "/signup/", form(password="x", password2="x"), headers={"accept-language": "zh-hans"}
    )
    assert "密码" in text(answer)


def test_a_missing_page_is_not_found(client):
    answer = client.get("/nowhere/")
    assert answer.status_code == 404


@pytest.mark.parametrize("name", ["400.html", "403.html", "404.html", "500.html", "403_csrf.html"])
def test_the_pages_for_errors_need_nothing(name, django_assert_num_queries):
    from django.template.loader import render_to_string

    with django_assert_num_queries(0):
        assert "<h1>" in render_to_string(name)


def test_the_picture_of_the_page_is_the_one_that_it_asks_about(client):
    context = client.get("/signup/").context
    picture = context["picture"]["image_code_id"]
    assert pictures.digits(picture)
    body = form(image_code_id=picture, image_code=pictures.digits(picture))
    assert client.post("/signup/code/", body).status_code == 200
    assert not User.objects.exists()
