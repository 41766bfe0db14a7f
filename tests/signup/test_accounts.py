"""Signing in and out, and a new password by email."""

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from notices.models import Delivery
from signup import rates
from signup.models import User, Verification
from tests.signup.test_signup import CLOSED

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "let me in please"


def sign_in(client, username, password=PASSWORD, **more):
    return client.post("/login/", {"username": username, "password": password} | more)


@pytest.mark.parametrize(
    "name", ["guest_wang", "13900000002", "+86 139 0000 0002", "ｇｕｅｓｔ＿ｗａｎｇ"]
)
def test_the_username_or_the_mobile_signs_in(client, visitor, name):
    answer = sign_in(client, name)
    assert answer["Location"] == "/"
    assert client.session["_auth_user_id"] == str(visitor.pk)
    assert answer.cookies["username"].value == "guest_wang"


def test_a_username_that_looks_like_anothers_mobile_is_a_username(client, visitor):
    other = User.objects.create_user("13900000002", password="quite another")
    sign_in(client, "13900000002", "quite another")
    assert client.session["_auth_user_id"] == str(other.pk)


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


def test_people_sign_in_while_redis_is_away(client, visitor, settings):
    settings.REDIS_URL = CLOSED
    assert sign_in(client, "guest_wang").status_code == 302


def test_signing_in_leads_back_but_not_to_another_site(client, visitor):
    assert sign_in(client, "guest_wang", next="/signup/")["Location"] == "/signup/"
    client.logout()
    assert sign_in(client, "guest_wang", next="https://evil.example/")["Location"] == "/"


def test_signing_out_forgets_the_username(client, visitor):
    sign_in(client, "guest_wang")
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
    assert delivery.origin == "http://testserver"
    assert redis.llen("rq:queue:email") == 1


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


# The admin


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
