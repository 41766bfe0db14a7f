"""Signing in and out, and a new password by email."""

import threading

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from notices.content import messages
from notices.models import Delivery
from signup import rates
from signup.models import User, Verification
from tests.signup.test_signup import CLOSED

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "let me in please"


def sign_in(client, username, password=PASSWORD, **more):
    return client.post("/login/", {"username": username, "password": password} | more)


@pytest.mark.parametrize(
    "name",
    ["guest_wang", "13900000002", "+86 139 0000 0002", "ｇｕｅｓｔ＿ｗａｎｇ", "Guest_Wang",
     "\u202d13900000002\u202c", "0139-0000-0002", "008613900000002", "\u200bguest_wang\xa0"],
)  # fmt: skip
def test_the_username_or_the_mobile_signs_in(client, visitor, name):
    answer = sign_in(client, name)
    assert answer["Location"] == "/"
    assert client.session["_auth_user_id"] == str(visitor.pk)
    assert "username" not in answer.cookies  # scripts could read it


def test_a_username_that_looks_like_anothers_mobile_is_a_username(client, visitor):
    """It is refused now; who has one keeps it, and the owner of the number is asked first."""
    other = User.objects.create_user("13900000002", password="quite another")
    sign_in(client, "13900000002", "quite another")
    assert client.session["_auth_user_id"] == str(other.pk)
    client.logout()
    sign_in(client, "13900000002")
    assert client.session["_auth_user_id"] == str(visitor.pk)


def test_names_that_differed_by_case_only_before_sign_in_each_by_its_own(client, visitor):
    twin = User.objects.create_user("twin_guest", password="quite another")
    User.objects.filter(pk=twin.pk).update(username="Guest_Wang", name_key="guest_wang:7")
    sign_in(client, "Guest_Wang", "quite another")
    assert client.session["_auth_user_id"] == str(twin.pk)
    client.logout()
    sign_in(client, "guest_wang")
    assert client.session["_auth_user_id"] == str(visitor.pk)
    twin.refresh_from_db()
    twin.save()
    assert twin.name_key == "guest_wang:7"


def test_no_command_makes_a_second_of_a_name(visitor):
    with pytest.raises(CommandError, match="already taken"):
        call_command("createsuperuser", "--noinput", username="Guest_Wang")


def test_guesses_are_counted_for_who_is_meant(client, visitor, monkeypatch):
    monkeypatch.setattr(rates, "SIGN_IN", "2/minute")
    for name in ("Guest_Wang", "guеst_wаng"):  # Cyrillic letters
        assert sign_in(client, name, "wrong").status_code == 200
    assert sign_in(client, "13900000002", "wrong").status_code == 429


@pytest.mark.parametrize("name", ["guest_wang", "13900000002", "nobody_here", "13800138000"])
def test_a_wrong_password_says_the_same_to_everybody(client, visitor, name):
    answer = sign_in(client, name, "wrong")
    assert "Please enter a correct" in answer.content.decode()
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("name", ["", "a\0b", "😀", "x" * 10_000, "１３９\0"])
def test_nonsense_does_not_sign_in(client, visitor, name):
    assert sign_in(client, name).status_code == 200
    assert "_auth_user_id" not in client.session


def test_guessing_a_password_is_limited(client, visitor, monkeypatch):
    monkeypatch.setattr(rates, "SIGN_IN", "2/minute")
    assert [sign_in(client, "guest_wang", "wrong").status_code for _ in range(2)] == [200, 200]
    answer = sign_in(client, "GUEST_wang")
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 60
    assert "That was too often" in answer.content.decode()
    elsewhere = Client(REMOTE_ADDR="192.0.2.9")
    assert sign_in(elsewhere, "guest_wang").status_code == 302


SPELLINGS = [
    "13900000002", "+8613900000002", "+86 139 0000 0002", "139-0000-0002", "0086 13900000002",
    "(139) 0000 0002", "139.0000.0002", "guest_wang", "13900000002 ", "ｇｕｅｓｔ＿ｗａｎｇ",
]  # fmt: skip


def test_ten_spellings_are_one_account(client, visitor):
    statuses = [sign_in(client, name, "wrong").status_code for name in SPELLINGS * 2]
    assert statuses == [200] * 10 + [429] * 10


def test_guessing_from_everywhere_is_limited_and_does_not_keep_the_owner_out(client, visitor):
    assert sign_in(client, "guest_wang").status_code == 302
    client.post("/logout/")
    guesses = [
        sign_in(Client(REMOTE_ADDR=f"2001:db8:0:{n:x}::1"), "guest_wang", "wrong").status_code
        for n in range(30)
    ]
    assert guesses == [200] * 19 + [429] * 11
    elsewhere = sign_in(Client(REMOTE_ADDR="192.0.2.9"), "guest_wang")
    assert elsewhere.status_code == 429
    assert 0 < int(elsewhere["Retry-After"]) <= 60
    assert sign_in(client, "Guest_Wang").status_code == 302


def test_who_guesses_at_the_next_desk_does_not_keep_the_owner_out(client, visitor):
    sign_in(client, "guest_wang")
    client.post("/logout/")
    assert [sign_in(Client(), "guest_wang", "wrong").status_code for _ in range(11)][-1] == 429
    assert sign_in(client, "guest_wang").status_code == 302


def test_a_browser_is_known_for_its_own_account_only(client, visitor, staff):
    sign_in(client, "reception")
    client.post("/logout/")
    for n in range(20):
        sign_in(Client(REMOTE_ADDR=f"192.0.2.{n}"), "guest_wang", "wrong")
    assert sign_in(client, "guest_wang").status_code == 429
    client.cookies["known_browser"] = f"{visitor.pk}:{'x' * 6}:{'x' * 43}"
    assert sign_in(client, "guest_wang").status_code == 429


def test_a_known_browser_guesses_no_more_than_others(client, visitor):
    sign_in(client, "guest_wang")
    client.post("/logout/")
    statuses = []
    for n in range(30):
        client.defaults["REMOTE_ADDR"] = f"192.0.2.{n}"
        statuses.append(sign_in(client, "guest_wang", "wrong").status_code)
    assert statuses == [200] * 20 + [429] * 10


def test_people_sign_in_while_redis_is_away(client, visitor, settings):
    settings.REDIS_URL = CLOSED
    assert sign_in(client, "guest_wang").status_code == 302


def test_guessing_is_limited_while_redis_is_away(client, visitor, settings):
    settings.REDIS_URL = CLOSED
    statuses = [sign_in(client, "guest_wang", "wrong").status_code for _ in range(12)]
    assert statuses == [200] * 10 + [429] * 2


def test_who_cannot_be_hashed_for_is_told_to_come_again(client, visitor, monkeypatch):
    monkeypatch.setattr(rates.HASHES, "room", threading.Semaphore(0))
    answer = sign_in(client, "guest_wang")
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert "Many people are signing in" in answer.content.decode()


def test_signing_in_leads_back_but_not_to_another_site(client, visitor):
    assert sign_in(client, "guest_wang", next="/signup/")["Location"] == "/signup/"
    client.logout()
    assert sign_in(client, "guest_wang", next="https://evil.example/")["Location"] == "/"


def test_signing_out_forgets_the_username(client, visitor):
    sign_in(client, "guest_wang")
    client.cookies["username"] = "guest_wang"
    answer = client.post("/logout/")
    assert answer["Location"] == "/"
    assert answer.cookies["username"]["max-age"] == 0
    assert "_auth_user_id" not in client.session


# A new password


def forgot(email, **options):
    return Client(**options).post("/password/", {"email": email})


def test_a_new_password_is_offered_by_email_through_the_queue(visitor, redis):
    assert forgot("WANG@example.com").status_code == 302
    delivery = Delivery.objects.get()
    assert (delivery.message, delivery.channel) == ("password_reset", "email")
    assert (delivery.user, delivery.address) == (visitor, "wang@example.com")
    assert delivery.host == "http://testserver"
    assert redis.llen("rq:queue:email") == 1


@pytest.mark.parametrize("typed", ["info@xn--bcher-kva.example", " Info@BÜCHER.example\u200b"])
@pytest.mark.parametrize("kept", ["info@bücher.example", "info@xn--bcher-kva.example"])
def test_a_new_password_is_offered_however_the_address_is_written(visitor, typed, kept):
    User.objects.filter(pk=visitor.pk).update(email=kept)
    assert forgot(typed).status_code == 302
    assert Delivery.objects.get().user == visitor


def test_its_link_leads_where_settings_say_and_not_where_the_asker_says(visitor, settings):
    forgot("wang@example.com", headers={"Host": "testserver:1234"})
    delivery = Delivery.objects.get()
    assert "http://testserver:1234/password/" in messages.compose(delivery).text
    settings.PUBLIC_URL = "https://bellhop.example.com"
    wording = messages.compose(delivery)
    for part in (wording.text, wording.html):
        assert "https://bellhop.example.com/password/" in part
        assert "testserver" not in part


def test_an_unknown_address_sees_the_same_page_and_gets_nothing(visitor):
    known, unknown = forgot("wang@example.com"), forgot("nobody@example.com")
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    sent, unsent = Delivery.objects.order_by("id")
    assert (sent.state, unsent.state) == ("queued", "no_address")
    assert (unsent.address, unsent.user) == ("", None)


def test_an_unknown_address_costs_as_much_work(visitor, redis):
    counts = []
    for email in ("wang@example.com", "nobody@example.com"):
        with CaptureQueriesContext(connection) as queries:
            forgot(email)
        counts.append((len(queries), redis.llen("rq:queue:email")))
    assert counts[0][0] == counts[1][0]
    assert [queued for _queries, queued in counts] == [1, 2]


def test_what_is_queued_for_an_unknown_address_sends_nothing(burst):
    forgot("nobody@example.com")
    burst("email")
    assert Delivery.objects.get().state == "no_address"


def test_asking_twice_in_a_minute_sends_one_email(visitor):
    first, second = forgot("wang@example.com"), forgot("Wang@example.com")
    assert first["Location"] == second["Location"]
    assert Delivery.objects.count() == 1


def test_people_who_were_imported_get_a_password_this_way():
    user = User(username="imported", email="imported@example.com")
    user.set_unusable_password()
    user.save()
    forgot("imported@example.com")
    assert Delivery.objects.get().user == user


def test_who_was_deactivated_gets_none(visitor):
    User.objects.update(is_active=False)
    forgot("wang@example.com")
    assert Delivery.objects.get().state == "no_address"


def test_redis_away_loses_no_request_for_a_password(visitor, settings):
    settings.REDIS_URL = CLOSED
    forgot("wang@example.com")
    assert Delivery.objects.get().state == "queued"


def test_the_link_sets_a_new_password_once(client, visitor):
    uid = urlsafe_base64_encode(force_bytes(visitor.pk))
    link = f"/password/{uid}/{default_token_generator.make_token(visitor)}/"
    page = client.get(link, follow=True)
    form = page.redirect_chain[-1][0]
    new = {"new_password1": "brand new horse", "new_password2": "brand new horse"}
    assert client.post(form, new)["Location"] == "/password/changed/"
    assert sign_in(client, "guest_wang", "brand new horse").status_code == 302
    again = Client().get(link, follow=True)
    assert "This link does not work any more" in again.content.decode()


@pytest.mark.parametrize(
    "page", ["/login/", "/password/", "/password/sent/", "/password/changed/", "/password/x/y/"]
)
def test_every_page_is_there(client, page):
    answer = client.get(page)
    assert answer.status_code == 200
    assert "<h1>" in answer.content.decode()


def test_reset_emails_are_limited_per_origin_and_in_all(visitor, monkeypatch):
    monkeypatch.setattr(rates, "PASSWORD_RESET_ALL", "11/hour")
    names = [f"nobody{n}@example.com" for n in range(12)]
    assert [forgot(name).status_code for name in names] == [302] * 10 + [429] * 2
    refused = forgot("wang@example.com")
    assert 0 < int(refused["Retry-After"]) <= 60
    assert "That was too often" in refused.content.decode()
    assert not Delivery.objects.exclude(state="no_address").exists()
    assert forgot("wang@example.com", REMOTE_ADDR="192.0.2.9").status_code == 302
    assert forgot("wang@example.com", REMOTE_ADDR="192.0.2.10").status_code == 429


def test_who_is_kept_out_gets_in_by_the_link(client, visitor):
    for n in range(20):
        sign_in(Client(REMOTE_ADDR=f"192.0.2.{n}"), "guest_wang", "wrong")
    uid = urlsafe_base64_encode(force_bytes(visitor.pk))
    link = f"/password/{uid}/{default_token_generator.make_token(visitor)}/"
    form = client.get(link, follow=True).redirect_chain[-1][0]
    new = {"new_password1": "brand new horse", "new_password2": "brand new horse"}
    client.post(form, new)
    assert sign_in(client, "guest_wang", "brand new horse").status_code == 302


# The admin


def test_the_admin_has_no_door_of_its_own(client, visitor, staff):
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0] == "/login/?next=/admin/"
    body = {"username": "reception", "password": PASSWORD, "next": "/admin/"}
    answer = client.post("/admin/login/?next=/admin/signup/user/", body)
    assert answer["Location"] == "/login/?next=/admin/signup/user/"
    assert "_auth_user_id" not in client.session
    assert client.post("/login/", body)["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/login/", follow=True).redirect_chain[-1][0] == "/admin/"
    assert client.post("/admin/password_change/")["Location"] == "/account/"


def test_who_is_not_staff_is_told_so_by_the_admin(client, visitor):
    client.force_login(visitor)
    answer = client.get("/admin/", follow=True)
    assert answer.status_code == 403


def test_the_admins_sign_in_leads_to_no_other_site(client, staff):
    there = client.get("/admin/login/?next=https://evil.example/")["Location"]
    sent = {"username": "reception", "password": PASSWORD, "next": "https://evil.example/"}
    assert client.post(there, sent)["Location"] == "/"


@pytest.fixture
def office(client, staff):
    User.objects.filter(pk=staff.pk).update(is_superuser=True)
    client.force_login(User.objects.get(pk=staff.pk))
    return client


def test_the_admin_makes_a_user_with_a_hashed_password(office):
    body = {
        "username": "made_by_hand",
        "email": "Hand@Example.com",
        "mobile": "138 0013 8000",
        "usable_password": "true",
        "password1": "right horse 22",
        "password2": "right horse 22",
    }
    assert office.post("/admin/signup/user/add/", body).status_code == 302
    user = User.objects.get(username="made_by_hand")
    assert user.check_password("right horse 22")
    assert (user.email, user.mobile.as_e164) == ("hand@example.com", "+8613800138000")


def test_the_admin_makes_two_users_without_a_mobile(office):
    for name in ("first_one", "second_one"):
        body = {"username": name, "usable_password": "false"}
        assert office.post("/admin/signup/user/add/", body).status_code == 302
    assert User.objects.filter(mobile=None).count() == 2


def test_the_admin_shows_people(office, visitor):
    assert "guest_wang" in office.get("/admin/signup/user/?q=wang").content.decode()
    assert office.get(f"/admin/signup/user/{visitor.pk}/change/").status_code == 200


@pytest.mark.parametrize(
    "typed", ["guest_w", "139 0000 0002", "+86 (139) 0000-0002", "mailto:wang@example.com"]
)
def test_the_admin_finds_people_as_they_are_written(office, visitor, typed):
    page = office.get("/admin/signup/user/", {"q": typed}).content.decode()
    assert "guest_wang" in page
    assert "1 user<" in page.replace("\n", "")


BAD_PERSON = [
    ("mobile", "+86 10 1234 5678", "cannot receive SMS"),
    ("mobile", "13900000031;13900000032", "Enter a mobile number: digits"),
    ("mobile", "138abcdefgh", "Enter a mobile number: digits"),
    ("email", '"n24"@example.com', "Enter an email address such as"),
    ("email", "WANG@example.com", "belongs to an account already"),
    ("username", "13900000031", "could be a phone number"),
    ("username", "Guest_Wаng", "This username is taken."),
]


@pytest.mark.parametrize(("field", "value", "sentence"), BAD_PERSON)
def test_the_admin_reads_people_as_every_door_does(office, visitor, field, value, sentence):
    body = {"username": "somebody", "usable_password": "false"}
    page = office.post("/admin/signup/user/add/", body | {field: value}).content.decode()
    assert sentence in page
    assert User.objects.filter(is_superuser=False).count() == 1


def test_the_admin_keeps_numbers_and_addresses_in_their_one_form(office):
    body = {"username": "somebody", "usable_password": "false"}
    body |= {"mobile": "\u202d139-0000-0031\u202c", "email": "Info@xn--bcher-kva.example"}
    assert office.post("/admin/signup/user/add/", body).status_code == 302
    user = User.objects.get(username="somebody")
    assert (str(user.mobile), user.email) == ("+8613900000031", "info@bücher.example")


def test_the_admin_leaves_alone_what_nobody_could_have_any_more(office, visitor):
    old = {"username": "13900000009", "email": '"n"@example.com', "mobile": "+861012345678"}
    User.objects.filter(pk=visitor.pk).update(**old)
    address = f"/admin/signup/user/{visitor.pk}/change/"
    form = office.get(address).context["adminform"].form
    body = {name: form[name].value() for name in form.fields if form[name].value() is not None}
    body = {name: value for name, value in body.items() if name not in ("password", "last_login")}
    body |= {"date_joined_0": "2026-11-24", "date_joined_1": "08:00:00", "language": "zh-hans"}
    answer = office.post(address, body)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    visitor.refresh_from_db()
    assert visitor.language == "zh-hans"
    assert (visitor.username, visitor.email, str(visitor.mobile)) == tuple(old.values())


def test_the_admin_shows_verifications_without_what_makes_the_code(office):
    row = Verification.objects.create(mobile="+8613800138000", salt="saltsaltsalt")
    listing = office.get("/admin/signup/verification/").content.decode()
    page = office.get(f"/admin/signup/verification/{row.pk}/change/").content.decode()
    assert "+8613800138000" in listing.replace(" ", "")
    assert "saltsaltsalt" not in listing + page
    assert office.get("/admin/signup/verification/add/").status_code == 403
    assert office.post(f"/admin/signup/verification/{row.pk}/delete/").status_code == 403


HIDDEN = [
    ("signup/verification", "salt"),
    ("signup/user", "password"),
    ("notices/delivery", "token"),
    ("notices/delivery", "origin"),
    ("notices/delivery", "user__password"),
    ("notices/delivery", "verification__salt"),
    ("notices/notice", "request_key"),
    ("notices/notice", "author__password"),
    ("notices/schedule", "request_key"),
]


@pytest.mark.parametrize(("page", "column"), HIDDEN)
@pytest.mark.parametrize("lookup", ["", "__startswith", "__regex"])
def test_the_admin_does_not_search_what_it_does_not_show(office, page, column, lookup):
    answer = office.get(f"/admin/{page}/?{column}{lookup}=a")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("page", "lookup"),
    [
        ("signup/verification", "mobile__startswith=%2B86"),
        ("signup/verification", "tries__gte=1"),
        ("signup/user", "is_staff__exact=1"),
        ("signup/user", "is_superuser__exact=1"),
        ("signup/user", "groups__id__exact=1"),
        ("notices/delivery", "state__exact=sent"),
        ("notices/delivery", "notice__id__exact=1"),
        ("notices/delivery", "message=code"),
        ("notices/delivery", "id__in=1,2"),
        ("notices/notice", "start_at__year=2026"),
        ("notices/receipt", "kind__exact=delivered"),
    ],
)
def test_the_admin_filters_by_what_it_shows(office, page, lookup):
    assert office.get(f"/admin/{page}/?{lookup}").status_code == 200


@pytest.mark.django_db
def test_email_is_kept_in_lower_case_whoever_makes_the_account(django_user_model):
    boss = django_user_model.objects.create_superuser("boss_li", email="Boss@Example.COM")
    assert boss.email == "boss@example.com"
