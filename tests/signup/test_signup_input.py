"""Bad input to sign-up, as a form and as JSON: a status, a sentence, and nothing changed."""

import json
from typing import Any

import pytest
from django.test import Client

from notices.models import Delivery
from signup import pictures
from signup.models import User, Verification
from tests.signup.test_signup import CLOSED, asked, code_of, person, post

pytestmark = pytest.mark.django_db

CODE, SIGNUP = "/signup/code/", "/signup/"
GONE = object()  # the field is missing
EMOJI, NUL = "😀😀😀😀😀😀", "abc\0def"

# (address, field, value, a piece of the sentence)
BAD_TEXT: list[tuple[str, str, Any, str]] = [
    (CODE, "mobile", GONE, "Enter your mobile number."),
    (CODE, "mobile", "", "Enter your mobile number."),
    (CODE, "mobile", "   ", "Enter your mobile number."),
    (CODE, "mobile", "1" * 10_000, "Use at most 30 characters."),
    (CODE, "mobile", EMOJI, "Enter a mobile number: digits"),
    (CODE, "mobile", "1380013\0800", "Leave out characters"),
    (CODE, "mobile", "１３８００１３８０００", "ordinary digits 0-9"),
    (CODE, "mobile", "+14155552671", "Codes are only sent to mobile numbers of CN (+86)"),
    (CODE, "mobile", "+85251234567", "Codes are only sent to mobile numbers of CN (+86)"),
    (CODE, "mobile", "1380013", "not a complete mobile number"),
    (CODE, "mobile", "010 6552 9988", "cannot receive SMS"),
    (CODE, "mobile", "+999999999", "Check its digits"),
    (CODE, "mobile", "1-800-FLOWERS", "Enter a mobile number: digits"),
    (CODE, "mobile", "13800138000;13800138001", "Enter a mobile number: digits"),
    (CODE, "mobile", "13800138000 ext 8001", "Enter a mobile number: digits"),
    (CODE, "mobile", "1.38E+10", "spreadsheet"),
    (CODE, "mobile", "' OR 1=1 --", "Enter a mobile number: digits"),
    (CODE, "image_code_id", GONE, "Ask for a picture first"),
    (CODE, "image_code_id", "", "Ask for a picture first"),
    (CODE, "image_code_id", "x" * 10_000, "Use at most 100 characters."),
    (CODE, "image_code_id", NUL, "Leave out characters"),
    (CODE, "image_code", GONE, "Type the digits that the picture shows."),
    (CODE, "image_code", "", "Type the digits that the picture shows."),
    (CODE, "image_code", "1" * 10_000, "Use at most 20 characters."),
    (CODE, "image_code", "１２３４５", "ordinary digits 0-9"),
    (CODE, "image_code", EMOJI, "The picture showed other digits."),
    (CODE, "image_code", NUL, "Leave out characters"),
    (SIGNUP, "mobile", GONE, "Enter your mobile number."),
    (SIGNUP, "mobile", "１３８００１３８０００", "ordinary digits 0-9"),
    (SIGNUP, "mobile", "+14155552671", "Codes are only sent to mobile numbers of CN (+86)"),
    (SIGNUP, "sms_code", GONE, "Enter the code that was sent"),
    (SIGNUP, "sms_code", "", "Enter the code that was sent"),
    (SIGNUP, "sms_code", "12345", "Enter the code's 6 digits."),
    (SIGNUP, "sms_code", "1234567", "Enter the code's 6 digits."),
    (SIGNUP, "sms_code", "12345a", "Enter the code's 6 digits."),
    (SIGNUP, "sms_code", "1" * 10_000, "Use at most 20 characters."),
    (SIGNUP, "sms_code", "１２３４５６", "ordinary digits 0-9"),
    (SIGNUP, "sms_code", "١٢٣٤٥٦", "ordinary digits 0-9"),
    (SIGNUP, "sms_code", EMOJI, "Enter the code's 6 digits."),
    (SIGNUP, "sms_code", "12345\0", "Leave out characters"),
    (SIGNUP, "username", GONE, "Choose a username."),
    (SIGNUP, "username", "", "Choose a username."),
    (SIGNUP, "username", "four", "Use 5 to 20 letters"),
    (SIGNUP, "username", "x" * 21, "Use 5 to 20 letters"),
    (SIGNUP, "username", "x" * 10_000, "Use at most 100 characters."),
    (SIGNUP, "username", "lin mei", "Use 5 to 20 letters"),
    (SIGNUP, "username", "lin_mei\nx", "Leave out characters"),
    (SIGNUP, "username", EMOJI, "Use 5 to 20 letters"),
    (SIGNUP, "username", NUL, "Leave out characters"),
    (SIGNUP, "username", "guest_wang", "This username is taken."),
    (SIGNUP, "username", "GUEST_Wang", "This username is taken."),
    (SIGNUP, "username", "guеst_wаng", "This username is taken."),  # Cyrillic letters
    (SIGNUP, "username", "Admin", "This username is taken."),
    (SIGNUP, "username", "13900000301", "could be a phone number"),
    (SIGNUP, "username", "guest\u3164wang", "Leave out characters"),
    (SIGNUP, "username", "guest\u200bwang", "Use 5 to 20 letters"),
    (SIGNUP, "password", GONE, "Choose a password."),
    (SIGNUP, "password", "", "Choose a password."),
    (SIGNUP, "password", "short", "too short"),
    (SIGNUP, "password", EMOJI, "too short"),
    (SIGNUP, "password", "19900101", "first that are tried"),
    (SIGNUP, "password", "password", "too common"),
    (SIGNUP, "password", "x" * 10_000, "Use at most 128 characters."),
    (SIGNUP, "password", "abcdef\0ghijkl", "Leave out characters"),
    (SIGNUP, "password2", GONE, "Type the password a second time."),
    (SIGNUP, "password2", "", "Type the password a second time."),
    (SIGNUP, "password2", "another horse 22", "Type the same password twice."),
    (SIGNUP, "password2", NUL, "Leave out characters"),
    (SIGNUP, "email", "lin", "Enter an email address such as"),
    (SIGNUP, "email", "a" * 10_000, "Use at most 254 characters."),
    (SIGNUP, "email", "a" * 250 + "@example.com", "Use at most 254 characters."),
    (SIGNUP, "email", EMOJI + "@example.com", "Enter an email address such as"),
    (SIGNUP, "email", "lin\0@example.com", "Leave out characters"),
    (SIGNUP, "email", '"lin"@example.com', "Enter an email address such as"),
    (SIGNUP, "email", "lin@example.com\nBcc: x@example.com", "Leave out characters"),
    (SIGNUP, "allow", GONE, "Tick this to agree"),
]
NOT_TEXT: list[Any] = [
    None, True, False, 13800138000, 1.5, 10**400, [], ["13800138000"], {}, {"a": 1}
]  # fmt: skip
NOT_TRUE: list[Any] = [None, "true", "on", 1, 0, [], [True], {}]
BAD_FORM: list[tuple[str, str, Any, str]] = [
    (SIGNUP, "allow", value, "Tick this to agree") for value in ("", "false", "0", "off", EMOJI)
]
BAD_JSON: list[tuple[str, str, Any, str]] = [
    *[
        (address, field, value, "Send this as text")
        for address, fields in {
            CODE: ["mobile", "image_code_id", "image_code"],
            SIGNUP: ["mobile", "sms_code", "username", "password", "password2", "email"],
        }.items()
        for field in fields
        for value in NOT_TEXT
    ],
    *[(SIGNUP, "allow", value, "Send true, without quotes") for value in NOT_TRUE],
    (SIGNUP, "allow", False, "Tick this to agree"),
    (SIGNUP, "username", "abc\ud800def", "Leave out characters"),
    (SIGNUP, "password", "abc\ud800defghij", "Leave out characters"),
    (CODE, "mobile", "\ud800", "Leave out characters"),
    (CODE, "image_code", "\ud800", "Leave out characters"),
]


@pytest.fixture(autouse=True)
def _world(visitor, settings):
    settings.CODE_LIMIT_NUMBER = settings.CODE_LIMIT_ORIGIN = "10000/minute"


def good(address):
    if address == CODE:
        return asked()
    Verification.objects.create(mobile="+8613800138000", salt="x")
    return person(code_of(), email="lin@example.com")


def with_one_bad(address, field, value):
    body = good(address)
    body.pop(field, None)
    return body if value is GONE else body | {field: value}


def blamed(errors, field):
    """The fields with a sentence. That the second password differs from a bad first one is so."""
    return set(errors) - ({"password2"} if field == "password" else set())


def stored():
    rows = [model.objects.order_by("pk").values() for model in (User, Verification, Delivery)]
    return json.dumps([list(each) for each in rows], default=str)


def changed_nothing(before, redis):
    return stored() == before and not redis.keys("rq:job:*")


@pytest.mark.parametrize("address", [CODE, SIGNUP])
def test_the_good_one_is_accepted(address):
    """Or the tests below would pass for a reason that is not theirs."""
    assert post(address, good(address)).status_code == 200


@pytest.mark.parametrize(("address", "field", "value", "sentence"), BAD_TEXT + BAD_JSON)
def test_bad_json_gets_a_sentence(address, field, value, sentence, redis):
    body = with_one_bad(address, field, value)
    before = stored()
    answer = post(address, json.dumps(body))
    assert answer.status_code == 400
    told = answer.json()
    assert set(told) == {"code", "errmsg", "errors"}
    assert told["code"] == 400
    assert blamed(told["errors"], field) == {field}
    assert sentence in told["errors"][field][0]
    assert told["errmsg"] == told["errors"][field][0]
    assert changed_nothing(before, redis)


@pytest.mark.parametrize(
    ("address", "field", "value", "sentence"),
    [each for each in BAD_TEXT + BAD_FORM if each[1] != "password2"],  # JSON alone has a second one
)
def test_a_bad_form_gets_a_sentence(address, field, value, sentence, redis, settings):
    client, body = at_step_of(address, field)
    body = {key: "on" if text is True else text for key, text in body.items() if key != field}
    if value is not GONE:
        body[field] = value
    redis.flushall()
    before = stored()
    answer = client.post(address, body)
    assert answer.status_code == 400
    told = answer.context["problem"]
    assert set(told.errors) == {field}
    assert sentence in told.errors[field][0]
    page = answer.content.decode()
    # The number stands hidden beside its code.
    assert f'id="id_{field}_error"' in page or (address, field) == (SIGNUP, "mobile")
    assert sentence in answer.context["problem"].sentence
    assert "right horse" not in page
    assert changed_nothing(before, redis)


def at_step_of(address, field):
    """Who is where this field is asked for, and what is typed there."""
    if address == CODE:
        return Client(), asked()
    client = Client()
    client.post(CODE, asked())
    code = {"mobile": "13800138000", "sms_code": code_of()}
    if field in code:
        return client, code
    client.post(SIGNUP, code)
    return client, {key: text for key, text in person().items() if key not in (*code, "password2")}


def test_every_wrong_field_is_told_at_once():
    told = post(SIGNUP, {}).json()
    assert list(told["errors"]) == [
        "mobile", "sms_code", "username", "password", "password2", "allow"
    ]  # fmt: skip


BROKEN_BODIES = [
    (b" ", "This is not JSON."),
    (b"{", "This is not JSON."),
    (b'{"mobile": "\xff\xfe"}', "This is not JSON."),
    (b"[" * 50_000, "This is not JSON."),
    (b'{"mobile": ' + b"1" * 5_000 + b"}", "This is not JSON."),
    (b"\x00", "This is not JSON."),
    ('{"mobile": "1"}'.encode("utf-16"), "This is not JSON."),
    (b"[]", "Send a JSON object"),
    (b'["13800138000"]', "Send a JSON object"),
    (b'"13800138000"', "Send a JSON object"),
    (b"null", "Send a JSON object"),
    (b"true", "Send a JSON object"),
    (b"1", "Send a JSON object"),
]


@pytest.mark.parametrize("address", [CODE, SIGNUP])
@pytest.mark.parametrize(("body", "sentence"), BROKEN_BODIES)
def test_a_broken_body_gets_a_sentence(address, body, sentence):
    answer = post(address, body)
    assert answer.status_code == 400
    assert answer.json()["code"] == 400
    assert sentence in answer.json()["errmsg"]
    assert answer.json()["errors"] == {}


@pytest.mark.parametrize("address", [CODE, SIGNUP])
@pytest.mark.parametrize("size", [100_000, 11 * 1024 * 1024])
def test_an_oversize_body_is_refused(address, size):
    answer = post(address, b'{"mobile": "' + b"1" * size + b'"}')
    assert answer.status_code == 413
    assert "too large" in answer.json()["errmsg"]


def test_an_oversize_form_is_refused():
    assert Client().post(SIGNUP, "a=" + "1" * 11 * 1024 * 1024, FORM).status_code in {400, 413}


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("address", [CODE, SIGNUP])
@pytest.mark.parametrize("body", ["mobile=%ff%fe", "mobile=%00", "mobile=%ED%A0%80", "&&&=;=%"])
def test_a_form_of_broken_text_gets_a_page(address, body):
    answer = Client().post(address, body, FORM)
    assert answer.status_code == 400
    assert b'role="alert" >' in answer.content


def test_a_form_that_claims_another_charset_is_refused():
    assert Client().post(SIGNUP, "mobile=1", FORM + "; charset=utf-7").status_code == 400
    assert post(SIGNUP, "{}").status_code == 400


def test_a_file_is_not_taken_for_text():
    from django.core.files.uploadedfile import SimpleUploadedFile

    body = asked() | {"mobile": SimpleUploadedFile("mobile", b"13800138000")}
    assert Client().post(CODE, body).status_code == 400


@pytest.mark.parametrize("address", [CODE, SIGNUP])
@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_another_method_is_refused_in_kind(address, method):
    plain = getattr(Client(), method)(address)
    told = getattr(Client(), method)(address, b"{}", content_type="application/json")
    assert plain.status_code == told.status_code == 405
    assert told.json()["code"] == 405
    assert told["Allow"] == "POST"


def test_looking_at_the_address_of_codes_leads_to_the_page():
    assert Client().get(CODE).status_code == 405
    assert Client().get(CODE, headers={"accept": "text/html,*/*"})["Location"] == SIGNUP


@pytest.mark.parametrize(
    "picture",
    ["nonsense", "a.b.c", "../../etc/passwd", pictures.new() + "x", "１２３", "%00"],
)
def test_a_made_up_picture_is_refused(picture):
    told = post(CODE, asked(image_code_id=picture, image_code="12345")).json()
    assert "This picture is not ours" in told["errors"]["image_code"][0]


def test_a_used_picture_is_refused():
    body = asked()
    assert post(CODE, body).status_code == 200
    assert "used already" in post(CODE, body).json()["errors"]["image_code"][0]
    assert Delivery.objects.count() == 1


def test_bad_input_needs_no_redis(settings):
    settings.REDIS_URL = CLOSED
    assert post(CODE, asked("12")).status_code == 400


def test_a_number_of_another_country_is_fine_where_that_is_home(settings):
    settings.DEFAULT_REGION, settings.SIGNUP_REGIONS = "GB", ["GB"]
    assert post(CODE, asked("07400 123456")).status_code == 200
    assert "(+44)" in post(CODE, asked("+8613800138000")).json()["errmsg"]


def test_a_neighbour_that_shares_the_country_code_is_abroad(settings):
    settings.DEFAULT_REGION, settings.SIGNUP_REGIONS = "US", ["US", "CN"]
    assert post(CODE, asked("415 555 2671")).status_code == 200
    assert "US (+1), CN (+86)." in post(CODE, asked("+18762345678")).json()["errmsg"]  # Jamaica
    assert "complete" in post(CODE, asked("+1415555267")).json()["errmsg"]


@pytest.mark.parametrize("url", [CODE, SIGNUP])
def test_the_countries_that_may_sign_up_are_those_of_the_setting(settings, url):
    abroad, body = "+447400123456", {CODE: asked, SIGNUP: lambda number: person(mobile=number)}[url]
    assert "CN (+86)." in post(url, body(abroad)).json()["errors"]["mobile"][0]
    settings.SIGNUP_REGIONS = ["CN", "GB"]
    assert "mobile" not in post(url, body(abroad)).json().get("errors", {})
    settings.SIGNUP_REGIONS = []
    assert "mobile" not in post(url, body("+18762345678")).json().get("errors", {})


def test_a_full_width_username_is_stored_as_people_will_type_it():
    Verification.objects.create(mobile="+8613800138000", salt="x")
    post(SIGNUP, person(code_of(), username="ｌｉｎ＿ｍｅｉ"))
    assert User.objects.filter(username="lin_mei").exists()


@pytest.mark.parametrize(
    "number", ["\u202d13800138000\u202c", "138-0013-8000", "0086 138 0013 8000", "tel:013800138000"]
)
def test_a_number_is_taken_as_people_write_it(number):
    assert post(CODE, asked(number)).status_code == 200
    assert Verification.objects.get().mobile == "+8613800138000"
    typed = f"\u200e{code_of()[:3]} {code_of()[3:]}"
    person_of = person(code_of(), mobile=number, sms_code=typed, username=" lin_mei")
    assert post(SIGNUP, person_of).status_code == 200
    assert str(User.objects.get(username="lin_mei").mobile) == "+8613800138000"


@pytest.mark.parametrize("email", ["Info@xn--bcher-kva.example", "info@BÜCHER.example"])
def test_an_international_address_is_kept_in_its_own_letters(email):
    Verification.objects.create(mobile="+8613800138000", salt="x")
    assert post(SIGNUP, person(code_of(), email=email)).status_code == 200
    assert Delivery.objects.get(channel="email").address == "info@bücher.example"


def test_a_chinese_username_is_welcome_and_its_cookie_readable():
    Verification.objects.create(mobile="+8613800138000", salt="x")
    answer = post(SIGNUP, person(code_of(), username="林美林美林"))
    assert answer.status_code == 200
    assert answer.cookies["username"].value == "%E6%9E%97%E7%BE%8E%E6%9E%97%E7%BE%8E%E6%9E%97"
