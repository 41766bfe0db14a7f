"""The page of sign-up where JavaScript is off, and the pages for what went wrong."""

import re
import time
from datetime import timedelta

import pytest
from django.test import Client

from notices.models import Delivery
from signup import pictures
from signup.models import User, Verification
from tests.signup.test_signup import E164, asked, code_of, post, wrong

pytestmark = pytest.mark.django_db


def text(answer):
    return answer.content.decode()


def test_the_landing_page_leads_to_sign_up(client):
    assert 'href="/signup/"' in text(client.get("/"))


def test_the_landing_page_greets_by_name(client, visitor):
    client.force_login(visitor)
    assert "Hello, guest_wang" in text(client.get("/"))


def test_who_is_signed_in_need_not_sign_up(client, visitor):
    client.force_login(visitor)
    assert client.get("/signup/")["Location"] == "/"


# The steps: a number, its code, an account


def ask(client, **changes):
    return client.post("/signup/code/", asked() | changes, follow=True)


def type_code(client, code=None):
    return client.post("/signup/", {"mobile": E164, "sms_code": code or code_of()}, follow=True)


def account(**changes):
    body = {"username": "lin_mei", "password": "right horse 22", "email": "", "allow": "on"}
    return body | changes


def at(page):
    """The number of the step that is shown."""
    current = ' aria-current="step"'
    steps = re.findall(f"<li({current})?[ ]?>(?:Your mobile|Its|Your account)", text(page))
    return [bool(each) for each in steps].index(True) + 1


def test_three_steps_make_an_account(client):
    assert at(client.get("/signup/")) == 1
    page = ask(client)
    assert (at(page), page.redirect_chain) == (2, [("/signup/", 302)])
    assert "A code is on its way to +86 138 0013 8000" in text(page)
    page = type_code(client)
    assert (at(page), page.redirect_chain) == (3, [("/signup/", 302)])
    answer = client.post("/signup/", account(), follow=True)
    assert answer.redirect_chain == [("/", 302)]
    assert "Welcome. You are registered" in text(answer)
    assert "Follow the link" not in text(answer)
    assert "Hello, lin_mei" in text(answer)
    assert "username" not in client.cookies  # a front end of one's own, by JSON, gets that
    assert User.objects.get().mobile == E164


def test_who_gave_an_email_is_told_of_the_link(client):
    ask(client)
    type_code(client)
    answer = client.post("/signup/", account(email="l@example.com"), follow=True)
    assert "Follow the link in our email" in text(answer)


def test_going_back_asks_for_no_second_code(client):
    ask(client)
    for typed_code, next_step in ((False, 2), (True, 3)):
        if typed_code:
            type_code(client)
        back = client.get("/signup/?step=number")
        assert at(back) == 1
        assert 'value="+86 138 0013 8000"' in text(back)
        page = client.post("/signup/code/", {"mobile": "138-0013-8000"}, follow=True)
        assert at(page) == next_step
    assert Verification.objects.count() == Delivery.objects.count() == 1


def test_another_number_or_another_code_is_asked_for(client, settings):
    settings.CODE_LIMIT_NUMBER = "9/minute"
    ask(client)
    ask(client, again="1")
    ask(client, mobile="13800138001")
    assert [each.mobile for each in Verification.objects.order_by("id")] == [E164, "+8613800138001"]
    assert Delivery.objects.count() == 3


def test_who_asks_again_sees_how_long_to_wait(client):
    ask(client)
    row = Verification.objects.get()
    Verification.objects.update(expires_at=row.expires_at - timedelta(seconds=20))
    page = text(client.get("/signup/?step=number&again=1"))
    [left] = re.findall(r'data-wait="(\d+)"', page)
    assert 35 <= int(left) <= 40
    assert 'data-wait="0"' in text(client.get("/signup/?step=number"))


def test_a_wrong_code_leaves_the_step_and_costs_a_try(client):
    ask(client)
    page = type_code(client, wrong(code_of()))
    assert (page.status_code, at(page)) == (400, 2)
    assert "This is not the code that was sent." in text(page)
    Verification.objects.update(tries=5)
    page = type_code(client)
    assert at(page) == 1
    assert "Too many wrong codes. Ask for a new one." in text(page)


def test_only_the_browser_that_asked_takes_the_steps(client):
    ask(client)
    assert at(Client().get("/signup/")) == 1
    assert at(type_code(Client())) == 1
    type_code(client)
    stranger = Client()
    stranger.cookies["proven"] = client.cookies["proven"].value[1:]
    page = stranger.post("/signup/", account())
    assert (page.status_code, at(page)) == (400, 1)
    assert "Prove your number once more." in text(page)


def test_a_mistake_wipes_nothing_that_was_right(client):
    ask(client)
    type_code(client)
    page = text(client.post("/signup/", account(username="x", email="lin@example.com")))
    assert 'value="lin@example.com"' in page
    assert "checked" in page
    assert "right horse 22" not in page
    assert page.count("autofocus") == 1
    field = page[page.index('name="username"') :].split(">")[0]
    assert "autofocus" in field
    assert 'aria-invalid="true"' in field
    User.objects.create_user("lin_mei")
    page = client.post("/signup/", account())
    assert "This username is taken." in text(page)
    assert client.post("/signup/", account(username="lin_mei2"))["Location"] == "/"


def test_a_password_of_the_number_itself_is_refused(client):
    ask(client)
    type_code(client)
    assert "among the first that are tried" in text(
        client.post("/signup/", account(password="13800138000"))
    )


def test_the_proof_of_a_number_is_good_for_half_an_hour_and_one_account(client, monkeypatch):
    ask(client)
    type_code(client)
    other = Client()
    other.cookies["proven"] = client.cookies["proven"].value  # another tab, say
    later = time.time() + 29 * 60
    monkeypatch.setattr(time, "time", lambda: later)
    assert client.post("/signup/", account())["Location"] == "/"
    page = other.post("/signup/", account(username="somebody"))
    assert (page.status_code, at(page)) == (400, 1)
    assert User.objects.count() == 1


def test_a_proof_of_an_hour_ago_is_none(client, monkeypatch):
    ask(client)
    type_code(client)
    later = time.time() + 31 * 60
    monkeypatch.setattr(time, "time", lambda: later)
    assert "Prove your number once more." in text(client.post("/signup/", account()))


def test_after_a_code_the_cursor_is_where_it_is_typed(client):
    page = text(ask(client))
    field = page[page.index('name="sms_code"') :].split(">")[0]
    assert "autofocus" in field
    assert 'autocomplete="one-time-code"' in field


def test_a_wrong_picture_shows_a_new_one_and_an_empty_field(client):
    body = asked(image_code="00000x")
    page = text(client.post("/signup/code/", body))
    assert body["image_code_id"] not in page
    assert "00000x" not in page
    assert 'value="13800138000"' in page
    assert 'role="alert" >The picture showed other digits.' in page


def test_another_picture_can_be_had_without_javascript(client):
    body = asked("12", another="1")
    answer = client.post("/signup/code/", body)
    assert answer.status_code == 200
    assert body["image_code_id"] not in text(answer)
    assert 'value="12"' in text(answer)
    assert "aria-invalid" not in text(answer)


def test_a_limit_is_told_on_the_page_and_in_the_header(client):
    ask(client)
    answer = ask(client, again="1")
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 50
    assert "That was too often. Try again in" in text(answer)


def test_forms_need_a_token_and_json_does_not():
    client = Client(enforce_csrf_checks=True)
    for address in ("/signup/", "/signup/code/"):
        answer = client.post(address, asked())
        assert answer.status_code == 403
        assert "The form was too old" in text(answer)
    assert client.post("/signup/code/", "{}", "text/plain").status_code == 403
    assert client.post("/signup/code/", asked(), "application/json").status_code == 200


@pytest.mark.parametrize("address", ["/signup/", "/signup/code/", "/login/"])
def test_who_goes_back_after_registering_and_sends_the_form_again_is_taken_home(address):
    client = Client(enforce_csrf_checks=True)
    token = {"csrfmiddlewaretoken": str(client.get("/signup/").context["csrf_token"])}
    client.post("/signup/code/", asked() | token)
    client.post("/signup/", {"mobile": E164, "sms_code": code_of()} | token)
    old = account(**token)
    assert client.post("/signup/", old)["Location"] == "/"
    answer = client.post(address, old)  # signing in has made another token
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.get("/signup/")["Location"] == "/"
    assert User.objects.count() == 1


def test_whose_form_is_too_old_elsewhere_is_told_so(visitor):
    client = Client(enforce_csrf_checks=True)
    client.force_login(visitor)
    assert client.post("/logout/").status_code == 403


def test_who_is_signed_in_makes_no_second_account_on_the_page(client, visitor):
    client.force_login(visitor)
    post("/signup/code/", asked(), client)
    assert client.post("/signup/", account())["Location"] == "/"
    assert User.objects.get() == visitor


def test_the_page_is_never_kept_and_holds_no_inline_script(client):
    answer = client.get("/signup/")
    assert "no-store" in answer["Cache-Control"]
    assert "<script>" not in text(answer)
    assert " style=" not in text(answer)
    assert " onclick" not in text(answer)


def test_the_page_speaks_chinese_where_errors_come_from_django(client):
    ask(client)
    type_code(client)
    answer = client.post("/signup/", account(password="x"), headers={"accept-language": "zh-hans"})
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
    body = asked(image_code_id=picture, image_code=pictures.digits(picture))
    assert client.post("/signup/code/", body).status_code == 302
    assert not User.objects.exists()
