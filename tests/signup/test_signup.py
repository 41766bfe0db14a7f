"""Signing up: picture, code, account."""

import socket
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from config.redis import connect
from notices.models import Delivery
from notices.providers.rehearsal import memory
from signup import codes, flow, pictures, proof
from signup.models import CODE_LIFETIME, User, Verification
from web.problems import Invalid

MOBILE = "13800138000"
E164 = "+8613800138000"
OK = {"code": 0, "errmsg": "ok"}
CLOSED = "redis://127.0.0.1:1/0"  # nobody listens there

pytestmark = pytest.mark.django_db(transaction=True)


def post(url, body, client=None):
    return (client or Client()).post(url, body, content_type="application/json")


def asked(mobile=MOBILE, **changes):
    """What a visitor who reads the picture posts for a code."""
    picture = pictures.new()
    return {
        "mobile": mobile,
        "image_code_id": picture,
        "image_code": pictures.digits(picture),
    } | changes


def code_of(mobile=E164):
    return codes.derive(Verification.objects.filter(mobile=mobile).latest("id"))


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06d}"


def person(code="000000", **changes):
    """What a visitor posts to register."""
    return {
        "username": "lin_mei",
        "password": "right horse 22",
        "password2": "right horse 22",
        "mobile": MOBILE,
        "sms_code": code,
        "allow": True,
    } | changes


@pytest.fixture
def no_limits(settings):
    settings.CODE_LIMIT_NUMBER = settings.CODE_LIMIT_ORIGIN = "1000/minute"


@pytest.fixture
def sms():
    memory.SENT.clear()
    return memory.SENT


# Asking for a code


def test_a_code_arrives_and_makes_an_account(burst, sms):
    client = Client()
    assert post("/signup/code/", asked()).json() == OK
    burst()
    [(address, text)] = sms
    assert address == E164
    assert code_of() in text
    answer = post("/signup/", person(code_of(), email="Lin@Example.com"), client)
    assert answer.status_code == 200
    assert answer.json() == OK
    user = User.objects.get()
    assert (user.username, user.mobile.as_e164, user.email) == ("lin_mei", E164, "")
    assert user.check_password("right horse 22")
    assert client.session["_auth_user_id"] == str(user.pk)
    assert answer.cookies["username"].value == "lin_mei"
    assert answer.cookies["username"]["max-age"] == 14 * 24 * 3600


def test_a_welcome_goes_by_email_when_there_is_an_address(redis):
    post("/signup/code/", asked())
    post("/signup/", person(code_of(), email="lin@example.com"))
    welcome = Delivery.objects.get(message="welcome")
    assert (welcome.channel, welcome.address) == ("email", "lin@example.com")
    assert (welcome.origin, welcome.name) == ("http://testserver", "")
    assert redis.llen("rq:queue:email") == 1


def test_nothing_goes_by_email_without_an_address():
    post("/signup/code/", asked())
    post("/signup/", person(code_of()))
    assert User.objects.exists()
    assert not Delivery.objects.filter(channel="email").exists()


def test_the_code_is_neither_stored_nor_queued(redis):
    post("/signup/code/", asked())
    code = code_of().encode()
    stored = repr(list(Verification.objects.values())) + repr(list(Delivery.objects.values()))
    queued = [redis.hgetall(key) for key in redis.keys("rq:job:*")]
    assert queued
    assert code not in stored.encode()
    assert code not in repr(queued).encode()


def test_a_code_sent_again_has_the_same_digits_and_its_tries(no_limits, burst, sms):
    client = Client()
    post("/signup/code/", asked(), client)
    post("/signup/", person(wrong(code_of())), client)
    post("/signup/code/", asked(), client)
    burst()
    assert sms[0][1] == sms[1][1]
    assert Verification.objects.get().tries == 1


def test_a_code_sent_again_is_good_for_its_full_time(no_limits):
    client = Client()
    post("/signup/code/", asked(), client)
    soon = timezone.now() + timedelta(seconds=10)
    Verification.objects.update(expires_at=soon)
    post("/signup/code/", asked(), client)
    assert Verification.objects.get().expires_at > timezone.now() + 0.8 * CODE_LIFETIME


def test_no_code_lives_longer_than_twice_its_time_however_often_it_is_asked_for(no_limits):
    client = Client()
    post("/signup/code/", asked(), client)
    Verification.objects.update(
        created_at=timezone.now() - 1.2 * CODE_LIFETIME,
        expires_at=timezone.now() + 0.4 * CODE_LIFETIME,
    )
    post("/signup/code/", asked(), client)
    assert Verification.objects.count() == 2


def test_a_used_up_code_is_not_sent_again(no_limits):
    client = Client()
    post("/signup/code/", asked(), client)
    Verification.objects.update(tries=5)
    post("/signup/code/", asked(), client)
    assert Verification.objects.count() == 2


def test_a_known_mobile_gets_the_same_answer_and_its_owner_a_word(visitor, burst, sms):
    known = post("/signup/code/", asked("13900000002"))
    unknown = post("/signup/code/", asked())
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert Delivery.objects.get(user=visitor).message == "account_exists"
    burst()
    text = dict(sms)["+8613900000002"]
    assert code_of("+8613900000002") not in text


@pytest.mark.parametrize("one_browser", [True, False])
def test_a_known_mobile_is_not_told_apart_by_registering(visitor, one_browser):
    answers = []
    for number in ("+8613900000002", E164):
        client = Client()
        post("/signup/code/", asked(number), client)
        guess = person(wrong(code_of(number)), mobile=number)
        answers.append(post("/signup/", guess, client if one_browser else Client()))
    assert answers[0].status_code == answers[1].status_code == 400
    assert answers[0].content == answers[1].content


def test_a_used_code_of_a_known_mobile_is_not_told_apart(visitor):
    Verification.objects.create(mobile=visitor.mobile, salt="x", used_at=timezone.now())
    used = wrong(code_of("+8613900000002"))
    answers = [post("/signup/", person(used, mobile=number)) for number in ("13900000002", MOBILE)]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize("name", ["guest_wang", "nobody_yet"])
@pytest.mark.parametrize("email", ["wang@example.com", "nobody@example.com"])
def test_nobody_learns_without_a_code_who_is_known(visitor, name, email):
    answer = post("/signup/", person(username=name, email=email))
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["sms_code"]


def test_a_taken_username_costs_no_try():
    client = Client()
    post("/signup/code/", asked(), client)
    User.objects.create_user("quick_one")
    for _ in range(7):
        answer = post("/signup/", person(code_of(), username="quick_one"), client)
        assert "taken" in answer.json()["errors"]["username"][0]
    assert Verification.objects.get().tries == 0
    assert post("/signup/", person(code_of()), client).json() == OK


def test_a_code_for_a_known_mobile_makes_no_second_account(visitor):
    post("/signup/code/", asked("13900000002"))
    answer = post("/signup/", person(code_of("+8613900000002"), mobile="13900000002"))
    assert answer.status_code == 400
    assert "belongs to an account already" in answer.json()["errors"]["mobile"][0]
    assert User.objects.count() == 1
    assert Verification.objects.get().used_at is None


def test_the_language_of_the_reader_is_kept():
    client = Client(headers={"accept-language": "zh-CN,zh;q=0.9"})
    post("/signup/code/", asked(), client)
    post("/signup/", person(code_of()), client)
    assert Delivery.objects.get().language == "zh-hans"
    assert User.objects.get().language == "zh-hans"


# Limits


def test_a_second_code_within_the_minute_is_refused_with_the_time_to_wait():
    assert post("/signup/code/", asked()).status_code == 200
    answer = post("/signup/code/", asked("+86 138-0013-8000"))
    assert answer.status_code == 429
    assert answer.json()["code"] == 429
    assert 50 <= int(answer["Retry-After"]) <= 60
    assert "seconds" in answer.json()["errmsg"]
    assert Delivery.objects.count() == 1


def test_the_long_limit_of_a_number_says_its_own_time(settings):
    settings.CODE_LIMIT_NUMBER = "10/minute;2/hour"
    statuses = [post("/signup/code/", asked()).status_code for _ in range(3)]
    answer = post("/signup/code/", asked())
    assert statuses == [200, 200, 429]
    assert 3500 < int(answer["Retry-After"]) <= 3600


def test_a_mistake_in_the_picture_does_not_use_up_the_minute():
    assert post("/signup/code/", asked(image_code="00000x")).status_code == 400
    assert post("/signup/code/", asked()).status_code == 200


def test_guessing_pictures_is_limited_by_origin(settings):
    settings.CODE_LIMIT_ORIGIN = "3/minute"
    statuses = [post("/signup/code/", asked(image_code="x")).status_code for _ in range(4)]
    assert statuses == [400, 400, 400, 429]
    assert Client(REMOTE_ADDR="192.0.2.9").get("/signup/").status_code == 200
    elsewhere = Client(REMOTE_ADDR="192.0.2.9")
    assert post("/signup/code/", asked(), elsewhere).status_code == 200


def test_all_together_have_a_budget(settings):
    settings.CODE_LIMIT_ALL = "2/hour"
    numbers = ["13800138001", "13800138002", "13800138003"]
    assert [post("/signup/code/", asked(each)).status_code for each in numbers] == [200, 200, 429]


def test_an_address_that_anybody_can_claim_is_not_believed(settings):
    settings.CODE_LIMIT_ORIGIN = "1/minute"
    first = Client(HTTP_X_FORWARDED_FOR="192.0.2.1")
    second = Client(HTTP_X_FORWARDED_FOR="192.0.2.2")
    assert post("/signup/code/", asked(), first).status_code == 200
    assert post("/signup/code/", asked("13800138001"), second).status_code == 429


def test_the_address_that_our_proxy_saw_is_believed(settings):
    settings.CODE_LIMIT_ORIGIN, settings.TRUSTED_PROXIES = "1/minute", 1
    hops = ["9.9.9.9, 192.0.2.1", "192.0.2.2", "8.8.8.8, 192.0.2.1"]
    clients = [Client(HTTP_X_FORWARDED_FOR=each) for each in hops]
    numbers = ["13800138001", "13800138002", "13800138003"]
    answers = [
        post("/signup/code/", asked(number), client).status_code
        for number, client in zip(numbers, clients, strict=True)
    ]
    assert answers == [200, 200, 429]


def test_redis_holds_neither_number_nor_address_in_its_keys(redis):
    post("/signup/code/", asked(), Client(REMOTE_ADDR="192.0.2.77"))
    keys = b" ".join(redis.keys("*"))
    assert b"bellhop:limit" in keys
    assert b"13800138000" not in keys
    assert b"192.0.2.77" not in keys


def test_a_socket_address_of_redis_is_understood(settings):
    settings.REDIS_URL = "unix:///nonexistent/redis.sock?db=0"
    answer = post("/signup/code/", asked())
    assert answer.status_code == 503


# Redis away


def test_redis_away_is_answered_honestly_and_soon(settings):
    settings.REDIS_URL = CLOSED
    begun = time.monotonic()
    answer = post("/signup/code/", asked())
    assert time.monotonic() - begun < 2
    assert answer.status_code == 503
    assert answer.json()["code"] == 503
    assert "Try again" in answer.json()["errmsg"]
    assert not Delivery.objects.exists()


def test_a_redis_that_hangs_is_not_waited_for(settings):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        begun = time.monotonic()
        assert post("/signup/code/", asked()).status_code == 503
        assert time.monotonic() - begun < 2


def test_a_queue_that_is_away_at_the_last_step_sends_nothing_later(monkeypatch):
    body = asked()
    monkeypatch.setattr("queueing.enqueue.bell", lambda: connect(CLOSED))
    answer = post("/signup/code/", body)
    assert answer.status_code == 503
    assert Delivery.objects.get().state == "cancelled"


def test_the_page_says_so_too_when_redis_is_away(settings):
    settings.REDIS_URL = CLOSED
    answer = Client().post("/signup/code/", asked())
    assert answer.status_code == 503
    assert "Codes cannot be sent at this moment" in answer.content.decode()


def test_registering_needs_no_redis(settings):
    post("/signup/code/", asked())
    settings.REDIS_URL = CLOSED
    answer = post("/signup/", person(code_of(), email="lin@example.com"))
    assert answer.json() == OK


# The code


def refused(answer, field="sms_code"):
    assert answer.status_code == 400
    assert not User.objects.filter(username="lin_mei").exists()
    body = answer.json()
    assert list(body["errors"]) == [field]
    assert body["errmsg"] == body["errors"][field][0]
    return body["errmsg"]


def test_registering_without_a_code_is_refused():
    assert refused(post("/signup/", person())) == ONE_SENTENCE


ONE_SENTENCE = "This code is wrong or too old. Check its digits or ask for a new one."


def test_a_wrong_code_is_refused_and_counted():
    client = Client()
    post("/signup/code/", asked(), client)
    assert "not the code" in refused(post("/signup/", person(wrong(code_of())), client))
    assert Verification.objects.get().tries == 1


def test_the_sixth_try_is_refused_even_with_the_right_code():
    client = Client()
    post("/signup/code/", asked(), client)
    for _ in range(5):
        assert "not the code" in refused(post("/signup/", person(wrong(code_of())), client))
    assert "Too many wrong codes" in refused(post("/signup/", person(code_of()), client))
    assert Verification.objects.get().tries == 5


def test_the_fifth_try_may_be_right():
    client = Client()
    post("/signup/code/", asked(), client)
    for _ in range(4):
        post("/signup/", person(wrong(code_of())), client)
    assert post("/signup/", person(code_of()), client).json() == OK


def test_wrong_guesses_by_others_do_not_void_a_code():
    client = Client()
    post("/signup/code/", asked(), client)
    for _ in range(20):
        assert refused(post("/signup/", person(wrong(code_of())))) == ONE_SENTENCE
    assert refused(post("/signup/", person(code_of()))) == ONE_SENTENCE  # theirs are used up
    for _ in range(2):
        post("/signup/", person(wrong(code_of())), client)
    assert Verification.objects.get().tries == 4
    assert post("/signup/", person(code_of()), client).json() == OK


def test_all_together_have_five_guesses_of_a_code():
    client = Client()
    post("/signup/code/", asked(), client)
    for _ in range(4):
        post("/signup/", person(wrong(code_of())), client)
        post("/signup/", person(wrong(code_of())))
    assert Verification.objects.get().tries == 5
    assert "Too many wrong codes" in refused(post("/signup/", person(code_of()), client))


def test_of_many_guesses_at_once_no_more_than_the_allowed_are_compared():
    client = Client()
    post("/signup/code/", asked(), client)
    guess = person(wrong(code_of()))
    together(*[lambda: post("/signup/", guess, client)] * 8, *[lambda: post("/signup/", guess)] * 8)
    row = Verification.objects.get()
    assert row.tries == 5
    assert row.strangers_tries <= 2


def test_who_asks_for_a_code_of_the_same_number_elsewhere_gets_another(no_limits):
    owner, stranger = Client(), Client()
    post("/signup/code/", asked(), owner)
    code = code_of()
    post("/signup/code/", asked(), stranger)
    assert code_of() != code
    for _ in range(5):
        assert "not the code" in refused(post("/signup/", person(wrong(code_of())), stranger))
    assert post("/signup/", person(code), owner).json() == OK


def test_a_front_end_without_cookies_signs_up():
    post("/signup/code/", asked())
    post("/signup/", person(wrong(code_of())))
    assert post("/signup/", person(code_of())).json() == OK


@pytest.mark.parametrize("value", ["1", "1:x:y", ""])
def test_a_cookie_that_is_not_ours_is_nobodys(value):
    client = Client()
    post("/signup/code/", asked())
    client.cookies["verification"] = value
    assert refused(post("/signup/", person(wrong(code_of())), client)) == ONE_SENTENCE


def test_an_old_cookie_is_nobodys(monkeypatch):
    client = Client()
    post("/signup/code/", asked(), client)
    later = time.time() + 2 * CODE_LIFETIME.total_seconds() + 2
    monkeypatch.setattr(time, "time", lambda: later)
    assert refused(post("/signup/", person(wrong(code_of())), client)) == ONE_SENTENCE


@pytest.mark.parametrize(
    ("secure", "name"), [(True, "__Host-verification"), (False, "verification")]
)
def test_the_cookie_is_for_the_browser_alone(settings, secure, name):
    settings.COOKIE_PREFIX = "__Host-" if secure else ""
    settings.SESSION_COOKIE_SECURE = secure
    [cookie] = post("/signup/code/", asked()).cookies.values()
    assert cookie.key == name
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert bool(cookie["secure"]) == secure


def test_an_expired_code_is_refused():
    client = Client()
    post("/signup/code/", asked(), client)
    Verification.objects.update(expires_at=timezone.now())
    assert "expired" in refused(post("/signup/", person(code_of()), client))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"expires_at": "2026-01-01T00:00Z"},
        {"used_at": "2026-01-01T00:00Z"},
        {"tries": 5},
        {"strangers_tries": 2},
        None,
    ],
)
def test_nobody_else_learns_whether_a_number_asked_for_a_code(changes):
    if changes is not None:
        Verification.objects.create(mobile=E164, salt="x")
        Verification.objects.update(**changes)
    guess = wrong(code_of()) if changes is not None else "000000"
    assert refused(post("/signup/", person(guess))) == ONE_SENTENCE


def test_a_code_works_once():
    client = Client()
    post("/signup/code/", asked(), client)
    assert post("/signup/", person(code_of(), username="first_one"), client).json() == OK
    assert "used already" in refused(post("/signup/", person(code_of()), client))


def test_a_code_is_of_one_mobile_only():
    post("/signup/code/", asked())
    post("/signup/code/", asked("13800138001"))
    answer = post("/signup/", person(code_of(), mobile="13800138001"))
    assert refused(answer) == ONE_SENTENCE


def test_other_mistakes_do_not_use_up_the_code():
    post("/signup/code/", asked())
    refused(post("/signup/", person(code_of(), username="x")), "username")
    assert Verification.objects.get().tries == 0
    assert post("/signup/", person(code_of())).json() == OK


# At the same moment


def together(*calls):
    """The answers of calls that start at the same moment, each in a thread of its own."""
    start, answers = threading.Barrier(len(calls)), [None] * len(calls)

    def run(index, call):
        try:
            start.wait(5)
            answers[index] = call()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return answers


def test_two_posts_of_one_code_make_one_user():
    browser = Client()
    post("/signup/code/", asked(), browser)
    clients = [Client(headers={"cookie": browser.cookies.output(header="", sep=";")})] * 4
    bodies = [person(code_of(), username=f"visitor_{n}") for n in range(4)]
    answers = together(
        *[
            lambda body=body, client=client: post("/signup/", body, client)
            for body, client in zip(bodies, clients, strict=True)
        ]
    )
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    losers = [answer.json() for answer in answers if answer.status_code == 400]
    assert {*map(str, (loser["errors"] for loser in losers))} == {
        "{'sms_code': ['This code was used already. Ask for a new one.']}"
    }
    assert User.objects.count() == 1


def test_of_two_who_showed_the_right_code_one_can_spend_it():
    post("/signup/code/", asked())
    first, second = (proof.verify(E164, code_of()) for _ in range(2))
    proof.spend(first)
    with pytest.raises(Invalid, match="used already"):
        proof.spend(second)


def test_two_who_want_one_username_get_it_once_and_a_sentence():
    numbers = ["13800138001", "13800138002"]
    for number in numbers:
        post("/signup/code/", asked(number))
    bodies = [person(code_of("+86" + number), mobile=number) for number in numbers]
    answers = together(*[lambda body=body: post("/signup/", body) for body in bodies])
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    [loser] = [answer.json() for answer in answers if answer.status_code == 400]
    assert "taken" in loser["errors"]["username"][0]
    assert User.objects.count() == 1
    assert Verification.objects.filter(used_at=None).count() == 1


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("username", {"username": "lin_mei"}),
        ("mobile", {"mobile": E164}),
    ],
)
def test_a_user_who_appears_between_check_and_insert_costs_a_sentence(monkeypatch, field, changes):
    post("/signup/code/", asked())
    spend = proof.spend

    def somebody_is_quicker(verification):
        spend(verification)
        User.objects.create_user(**({"username": "quick_one", "password": "x"} | changes))

    monkeypatch.setattr(flow, "spend", somebody_is_quicker)
    monkeypatch.setattr(transaction, "atomic", lambda: _no_rollback())
    answer = post("/signup/", person(code_of(), email="lin@example.com"))
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


class _no_rollback:  # noqa: N801
    """So that the quicker one's row stays, as another connection's would."""

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        return False


def test_two_requests_for_one_number_send_one_code():
    answers = together(*[lambda: post("/signup/code/", asked()) for _ in range(4)])
    assert sorted(answer.status_code for answer in answers) == [200, 429, 429, 429]
    assert Delivery.objects.count() == 1
