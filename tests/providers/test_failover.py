"""Two providers: who is asked, in which order, and what is never asked twice."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

import jobs
from notices.content.messages import Wording
from notices.delivery import expand, slices
from notices.delivery.states import mark
from notices.models import Delivery, Notice, State, Suppression
from notices.providers import breaker, http
from notices.providers.router import Route
from signup.models import Verification
from tests.support import provider_server
from tests.support.provider_server import HANGUP
from tests.support.world import send_single, sent_now

pytestmark = pytest.mark.django_db(transaction=True)
BUSY: tuple[int, dict[str, str], bytes] = (503, {}, b"")


@pytest.fixture
def first():
    with provider_server.running() as server:
        yield server


@pytest.fixture
def second():
    with provider_server.running() as server:
        yield server


@pytest.fixture
def two(settings, first, second):
    settings.SMS_URLS = [
        f"webhook+http://{first.place}/first", f"webhook+http://{second.place}/second",
    ]  # fmt: skip


@pytest.fixture
def code():
    verification = Verification.objects.create(mobile="+8613900000011", salt="x")
    return Delivery.objects.create(
        message="code",
        channel="sms",
        address="+8613900000011",
        verification=verification,
        expires_at=verification.expires_at,
    )


@pytest.fixture
def three(staff):
    """A prepared notice to three numbers."""
    numbers = "\n".join(f"+86139000000{n}" for n in (11, 12, 13))
    new = sent_now(staff, channels=["sms"], pasted=numbers)
    expand.start(new.pk)
    return new


def tries(delivery):
    return list(delivery.failed_attempts.values_list("provider", "reason"))


def said(code):
    return 200, {}, {"statusCode": code}


def again_now():
    Delivery.objects.filter(state=State.QUEUED).update(not_before=None)


# A code


@pytest.mark.usefixtures("two")
def test_code_goes_to_the_next_provider_at_once(code, first, second):
    first.answers.append(BUSY)
    assert send_single(code) is None
    code.refresh_from_db()
    assert (code.state, code.provider, code.tries) == (State.SENT, "webhook-2", 2)
    assert tries(code) == [("webhook", "The provider is busy (503).")]
    assert len(first.questions) == len(second.questions) == 1


@pytest.mark.usefixtures("two")
def test_code_in_doubt_may_go_to_the_next_too(code, first, second):
    first.answers.append(HANGUP)
    send_single(code)
    code.refresh_from_db()
    assert (code.state, code.provider) == (State.SENT, "webhook-2")


@pytest.mark.usefixtures("two")
def test_code_that_is_refused_is_not_taken_elsewhere(code, first, second):
    first.answers.append((400, {}, b""))
    send_single(code)
    code.refresh_from_db()
    assert (code.state, code.provider) == (State.FAILED, "webhook")
    assert second.questions == []


@pytest.mark.usefixtures("two")
def test_code_waits_when_both_are_busy(code, first, second):
    first.answers.append(BUSY)
    second.answers.append(BUSY)
    again = send_single(code)
    code.refresh_from_db()
    assert (code.state, code.tries, code.token) == (State.QUEUED, 2, None)
    assert timedelta(seconds=1) < again - timezone.now() < timedelta(seconds=3)
    assert [name for name, _ in tries(code)] == ["webhook", "webhook-2"]


@pytest.mark.usefixtures("two")
def test_code_goes_to_the_second_though_the_first_asks_for_longer_than_it_lives(code, first):
    first.answers.append((503, {"Retry-After": "3000"}, b""))
    send_single(code)
    code.refresh_from_db()
    assert (code.state, code.provider) == (State.SENT, "webhook-2")


@pytest.mark.usefixtures("two")
def test_provider_that_cannot_be_reached_costs_no_try(code, first, second):
    first.stop()
    second.stop()
    send_single(code)
    code.refresh_from_db()
    assert (code.state, code.tries) == (State.QUEUED, 0)
    assert "cannot be reached" in code.reason


@pytest.mark.usefixtures("two")
def test_code_waits_for_the_soonest_when_all_providers_rest(code, first, second):
    for name in ("webhook", "webhook-2"):
        for _ in range(5):
            breaker.report(name, failed=True, bulk=False)
    again = send_single(code)
    code.refresh_from_db()
    assert (code.state, code.tries) == (State.QUEUED, 0)
    assert timedelta(seconds=25) < again - timezone.now() < timedelta(seconds=31)
    assert first.questions == second.questions == []


def test_message_that_nobody_takes_fails_with_a_sentence(code, settings):
    settings.SMS_URLS = ["yuntongxun://sid:token@app"]
    assert send_single(code) is None
    code.refresh_from_db()
    assert code.state == State.FAILED
    assert code.reason == "No provider takes this message to this number."


def test_message_that_the_first_does_not_take_goes_to_the_second(three, settings, first, second):
    settings.SMS_URLS = [
        f"yuntongxun://sid:token@app?code_template=1&endpoint={first.url}",
        f"webhook+http://{second.place}/",
    ]
    slices.send_slice(three.pk, "sms")
    assert first.questions == []
    assert len(second.questions) == 3


# A notice


@pytest.mark.usefixtures("two")
def test_notice_that_is_put_off_goes_to_the_other_after_a_short_wait(three, first, second):
    first.answers.append(BUSY)
    again = slices.send_slice(three.pk, "sms")
    put_off = Delivery.objects.get(state=State.QUEUED)
    assert again == put_off.not_before
    assert timedelta(seconds=1) < again - timezone.now() < timedelta(seconds=3)
    again_now()
    assert slices.send_slice(three.pk, "sms") is None
    put_off.refresh_from_db()
    assert (put_off.state, put_off.provider, put_off.tries) == (State.SENT, "webhook-2", 2)
    assert (len(first.questions), len(second.questions)) == (3, 1)
    assert second.connections == 1
    three.refresh_from_db()
    assert three.state == Notice.State.FINISHED


@pytest.mark.usefixtures("two")
def test_page_says_who_carried_it_and_what_the_other_answered(three, first, client, staff):
    Delivery.objects.exclude(address="+8613900000011").delete()
    first.answers.append(BUSY)
    while slices.send_slice(three.pk, "sms"):
        again_now()
    client.force_login(staff)
    page = " ".join(client.get(three.get_absolute_url()).content.decode().split())
    assert "SMS <small>webhook-2</small>" in page
    assert "webhook: The provider is busy (503)." in page


@pytest.mark.usefixtures("two")
def test_notice_in_doubt_is_never_taken_elsewhere(three, first, second):
    first.answers.append(HANGUP)
    while slices.send_slice(three.pk, "sms"):
        again_now()
    assert Delivery.objects.get(state=State.UNCERTAIN).provider == "webhook"
    assert len(first.questions) == 3
    assert second.questions == []


@pytest.mark.usefixtures("two")
def test_notice_waits_longer_when_it_has_been_to_everybody(three, first, second):
    Delivery.objects.exclude(address="+8613900000011").delete()
    first.answers.append(BUSY)
    second.answers.append(BUSY)
    slices.send_slice(three.pk, "sms")
    again_now()
    again = slices.send_slice(three.pk, "sms")
    assert timedelta(seconds=7) < again - timezone.now() < timedelta(seconds=13)


@pytest.mark.usefixtures("two")
def test_slice_goes_on_with_the_second_when_the_first_is_gone(three, first, second):
    first.stop()
    while slices.send_slice(three.pk, "sms"):
        again_now()
    assert set(Delivery.objects.values_list("state", "provider")) == {("sent", "webhook-2")}


@pytest.mark.usefixtures("two")
def test_provider_that_rests_is_not_asked(three, first, second):
    for _ in range(5):
        breaker.report("webhook", failed=True, bulk=True)
    assert slices.send_slice(three.pk, "sms") is None
    assert first.questions == []
    assert len(second.questions) == 3


@pytest.mark.usefixtures("two")
def test_notice_waits_and_loses_nothing_when_all_rest(three, first, second):
    for name in ("webhook", "webhook-2"):
        for _ in range(5):
            breaker.report(name, failed=True, bulk=True)
    again = slices.send_slice(three.pk, "sms")
    assert again - timezone.now() > timedelta(seconds=25)
    assert not Delivery.objects.exclude(not_before=None), "nobody was looked at one by one"
    assert set(Delivery.objects.values_list("state", "tries", "token")) == {("queued", 0, None)}


def test_account_that_needs_a_person_costs_no_try_however_long(three, settings, first):
    settings.SMS_URLS = [f"twilio://sid:token@+15550001111?endpoint={first.url}"]
    first.usual = (401, {}, {"code": 20003})
    for _ in range(12):
        slices.send_slice(three.pk, "sms")
        again_now()
        breaker.own.clear()
        breaker.ask(lambda redis: redis.flushall())
    assert len(first.questions) > 8
    assert set(Delivery.objects.values_list("state", "tries")) == {("queued", 0)}
    assert all(len(tries(each)) == 1 for each in Delivery.objects.all()), "said once"


def test_rate_spreads_a_slice_and_sends_everything_once(three, settings, first):
    settings.SMS_URLS = [f"webhook+http://{first.place}/?rate=2/second"]
    started = time.monotonic()
    while again := slices.send_slice(three.pk, "sms"):
        assert again <= timezone.now(), "the next slice follows at once, and a code before it"
    assert 0.9 < time.monotonic() - started < 3
    assert len(first.questions) == 3
    assert set(Delivery.objects.values_list("state", "tries")) == {("sent", 1)}


@pytest.mark.usefixtures("two")
def test_number_at_one_provider_is_forgotten_when_another_is_asked(code, second):
    Delivery.objects.update(provider="webhook-2", provider_ref="g-2")
    with Route("sms") as route:
        one, other = route.providers
        row = Delivery.objects.filter(pk=code.pk)
        mark(row, other, "t")
        assert row.get().provider_ref == "g-2"
        row.update(doubt_until=timezone.now())
        mark(row, one, "t")
        assert row.get().provider_ref == "g-2"
        row.update(doubt_until=None, provider="webhook-2")
        mark(row, one, "t")
        assert (row.get().provider, row.get().provider_ref) == ("webhook", "")


# A provider that knows what it was asked before


@pytest.fixture
def yuntongxun(settings, first, second, monkeypatch):
    settings.SMS_URLS = [
        f"yuntongxun://sid:token@app?notice_template=1&endpoint={first.url}",
        f"webhook+http://{second.place}/",
    ]
    first.usual = (200, {}, {"statusCode": "000000", "templateSMS": {"smsMessageSid": "y-1"}})
    monkeypatch.setattr(
        "notices.providers.yuntongxun.Yuntongxun.recognises_until",
        lambda self: timezone.now() + timedelta(hours=1),
    )
    return first


def test_notice_in_doubt_goes_again_to_the_one_that_would_notice(three, yuntongxun, second):
    yuntongxun.answers.append(HANGUP)
    slices.send_slice(three.pk, "sms")
    doubtful = Delivery.objects.get(state=State.QUEUED)
    assert doubtful.doubt_until > timezone.now()
    yuntongxun.answers += [(200, {}, {"statusCode": "160001"}), (200, {}, {"statusCode": "160054"})]
    for _ in range(2):
        again_now()
        slices.send_slice(three.pk, "sms")
    doubtful.refresh_from_db()
    assert (doubtful.state, doubtful.provider) == (State.SENT, "yuntongxun")
    assert second.questions == [], "also not when it was busy in between"
    asked = [question.json for question in yuntongxun.questions]
    mine = [each["reqId"] for each in asked if doubtful.address.endswith(each["to"])]
    assert len(mine) == 3
    assert len(set(mine)) == 1


def test_refusal_after_a_doubt_leaves_the_doubt(three, yuntongxun):
    Delivery.objects.exclude(address="+8613900000011").delete()
    yuntongxun.answers += [said("161021"), said("112317")]  # may have gone; no SMS wanted
    slices.send_slice(three.pk, "sms")
    ref = Delivery.objects.get().provider_ref
    again_now()
    slices.send_slice(three.pk, "sms")
    doubtful = Delivery.objects.get()
    assert (doubtful.state, doubtful.doubt_until) == (State.UNCERTAIN, None)
    assert doubtful.provider_ref == ref, "a report may name it"
    assert "want no SMS" in doubtful.reason
    assert Suppression.objects.filter(address="+8613900000011").exists()
    three.refresh_from_db()
    assert three.state == Notice.State.FINISHED


def test_code_that_is_refused_after_a_doubt_has_failed(code, settings, first):
    settings.SMS_URLS = [f"yuntongxun://sid:token@app?code_template=1&endpoint={first.url}"]
    first.answers += [said("161021"), said("160040")]
    for _ in range(2):
        send_single(code)
        again_now()
    code.refresh_from_db()
    assert code.state == State.FAILED


def test_number_of_a_refused_request_is_no_proof_that_a_later_one_went(three, yuntongxun, settings):
    """Nobody knows whether a refused request uses its number up."""
    settings.SMS_URLS = settings.SMS_URLS[:1]
    Delivery.objects.exclude(address="+8613900000011").delete()
    yuntongxun.answers += [said("160014"), said("160054"), said("160054")]
    for _ in range(3):
        slices.send_slice(three.pk, "sms")
        again_now()
        breaker.own.clear()
        breaker.ask(lambda redis: redis.flushall())  # an account that was refused rests
    first, second = (question.json["reqId"] for question in yuntongxun.questions)
    assert first != second
    assert Delivery.objects.get().state == State.UNCERTAIN


def test_repeated_after_internal_trouble_is_no_proof_that_it_went(three, yuntongxun, settings):
    settings.SMS_URLS = settings.SMS_URLS[:1]
    Delivery.objects.exclude(address="+8613900000011").delete()
    yuntongxun.answers += [said("160000"), said("160054")]
    for _ in range(2):
        slices.send_slice(three.pk, "sms")
        again_now()
    first, second = (question.json["reqId"] for question in yuntongxun.questions)
    assert first == second, "should it have gone, nobody gets it twice"
    assert Delivery.objects.get().state == State.UNCERTAIN


def test_notice_in_doubt_is_uncertain_once_it_would_not_notice(three, yuntongxun, second):
    yuntongxun.answers.append(HANGUP)
    slices.send_slice(three.pk, "sms")
    Delivery.objects.filter(state=State.QUEUED).update(doubt_until=timezone.now(), not_before=None)
    slices.send_slice(three.pk, "sms")
    assert Delivery.objects.get(state=State.UNCERTAIN).reason.startswith("No answer came back")
    assert len(yuntongxun.questions) == 3
    three.refresh_from_db()
    assert three.state == Notice.State.FINISHED


def test_notice_in_doubt_is_uncertain_when_its_provider_is_no_longer_there(
    three, yuntongxun, second, settings
):
    yuntongxun.answers.append(HANGUP)
    slices.send_slice(three.pk, "sms")
    settings.SMS_URLS = settings.SMS_URLS[1:]
    again_now()
    slices.send_slice(three.pk, "sms")
    assert Delivery.objects.filter(state=State.UNCERTAIN).count() == 1
    assert second.questions == []


# The route


@pytest.mark.usefixtures("two")
def test_no_transaction_is_open_while_a_provider_is_asked(code, first, monkeypatch):
    from django.db import connection

    seen = []
    post = http.HTTP.post

    def look(self, *args):
        seen.append(connection.in_atomic_block)
        return post(self, *args)

    monkeypatch.setattr(http.HTTP, "post", look)
    first.answers.append(BUSY)
    send_single(code)
    assert seen == [False, False]


@pytest.mark.usefixtures("two")
def test_one_that_cannot_be_opened_does_not_stop_the_others(code, monkeypatch):
    from notices.providers.errors import Away
    from notices.providers.gateway import Gateway

    def away(self):
        if self.name == "webhook":
            raise Away("It cannot be reached.")

    monkeypatch.setattr(Gateway, "open", away)
    with Route("sms") as route:
        assert route.choose(code, Wording("hello")).name == "webhook-2"


def test_a_long_pause_is_one_wake_up_however_often_it_is_rung(settings, staff, redis):
    settings.SMS_URLS = ["simulate:?rate=5/day"]
    numbers = "\n".join(f"+8613900000{n}" for n in range(100, 110))
    new = sent_now(staff, channels=["sms"], pasted=numbers)
    expand.start(new.pk)
    for _ in range(6):
        jobs.send_notice(new.pk, "sms")
    [(entry, due)] = redis.zrange("rq:scheduler:scheduled_jobs", 0, -1, withscores=True)
    assert entry.decode() == f"resume_notice-{new.pk}-sms-{int(due)}"
    assert due % 10 == 0
