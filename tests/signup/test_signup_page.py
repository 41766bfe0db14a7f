"""The page of sign-up where JavaScript is off, and the pages for what went wrong."""

import pytest
from django.test import Client

from signup import pictures
from signup.models import User
from tests.signup.test_signup import asked, code_of, person

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
    assert "Hello, lin_mei" in text(answer)
    assert "username" not in client.cookies  # a front end of one's own, by JSON, gets that


def test_forms_need_a_token_and_json_does_not():
    client = Client(enforce_csrf_checks=True)
    for address in ("/signup/", "/signup/code/"):
        answer = client.post(address, form())
        assert answer.status_code == 403
        assert "The form was too old" in text(answer)
    assert client.post("/signup/code/", "{}", "text/plain").status_code == 403
    assert client.post("/signup/code/", asked(), "application/json").status_code == 200


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
