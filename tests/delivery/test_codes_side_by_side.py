"""Codes and other single SMS: one job sends all that wait, side by side."""

import threading
import time
from datetime import timedelta

import django_rq
import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

import jobs
from notices.delivery import claims, connections, limits, single
from notices.models import Delivery, State
from notices.providers.connection import CONNECT_SECONDS
from notices.providers.gateway import Gateway
from notices.providers.http import ANSWER_SECONDS
from notices.providers.rehearsal.memory import Memory
from notices.providers.router import providers
from queueing import redis as bell
from signup.models import Verification
from tests.support import provider_server
from tests.support.provider_server import HANGUP, SILENCE
from tests.support.world import notice, record_fails_once

pytestmark = pytest.mark.django_db(transaction=True)
BUSY: tuple[int, dict[str, str], bytes] = (503, {}, b"")


@pytest.fixture
def provider(settings):
    with provider_server.running() as server:
        settings.SMS_URLS = [f"webhook+http://{server.place}/"]
        yield server


def code(number):
    mobile = f"+86138{number:08d}"
    verification = Verification.objects.create(mobile=mobile, salt="x")
    return Delivery.objects.create(
        message="code", channel="sms", address=mobile, verification=verification,
        expires_at=verification.expires_at,
    )  # fmt: skip


def codes(number):
    return [code(each) for each in range(number)]


def send(delivery):
    return single.send(delivery.pk, "sms")


def state_of(delivery):
    delivery.refresh_from_db()
    return delivery.state


def states():
    return sorted(Delivery.objects.values_list("state", flat=True))


def asked(server):
    return sorted(question.json["to"] for question in server.questions)


def everybody():
    return sorted(Delivery.objects.values_list("address", flat=True))


def test_as_many_as_may_be_in_flight_take_as_long_as_one(provider, settings):
    provider.delay = 0.5
    as_many = settings.IN_FLIGHT
    first, *_others = codes(as_many)
    started = time.monotonic()
    assert send(first) == {}
    assert time.monotonic() - started < 1.5
    assert states() == [State.SENT] * as_many
    assert provider.connections == as_many
    assert asked(provider) == everybody()


def test_more_than_there_are_lines_are_sent_once_each(provider, monkeypatch):
    monkeypatch.setattr(Gateway, "max_connections", 3)
    first, *_others = codes(20)
    send(first)
    assert states() == [State.SENT] * 20
    assert asked(provider) == everybody()
    assert provider.connections == 3


def test_of_those_that_wait_codes_are_taken_first(provider, monkeypatch):
    monkeypatch.setattr(single, "AT_ONCE", 1)
    first, *others = (
        Delivery.objects.create(message="account_exists", channel="sms", address=f"+8613{n:09}")
        for n in range(4)
    )
    waits = codes(2)
    send(first)
    carried = [question.json["to"] for question in provider.questions]
    assert carried[:3] == [first.address, *(each.address for each in waits)]
    assert sorted(carried[3:]) == [each.address for each in others]


def test_they_wait_in_no_thread_and_no_transaction(provider, monkeypatch):
    seen, read, before = [], Gateway.read, threading.active_count()

    def look(self, answer, post):
        ours = threading.active_count() - len(provider.questions)  # it has a thread for each
        seen.append((ours, connection.in_atomic_block))
        return read(self, answer, post)

    monkeypatch.setattr(Gateway, "read", look)
    provider.delay = 0.2
    send(codes(5)[0])
    assert seen == [(before, False)] * 5


def test_provider_on_one_line_carries_each_by_its_own_job(texts):
    first, second = codes(2)
    assert send(first) == {}
    assert [number for number, _ in texts] == [first.address]
    assert state_of(second) == State.QUEUED


def test_one_among_several_providers_that_has_one_line_decides(provider, settings):
    settings.SMS_URLS = [*settings.SMS_URLS, "memory:"]
    assert connections.Connections("sms").size == 1


@pytest.mark.parametrize("url", ["console:", "file:x", "memory:", "simulate:"])
def test_providers_of_rehearsals_are_asked_in_the_thread_of_the_database(settings, url):
    settings.SMS_URLS = [url]
    assert [each.max_connections for each in providers("sms")] == [1]


def test_notices_and_emails_and_what_must_wait_are_not_taken_along(provider, staff):
    first, later, email, theirs, noticed = codes(5)
    new = notice(staff)
    new.save()
    rows = Delivery.objects.all()
    soon = timezone.now() + timedelta(minutes=1)
    rows.filter(pk=later.pk).update(not_before=soon)
    rows.filter(pk=email.pk).update(channel="email")
    rows.filter(pk=theirs.pk).update(token="theirs", lease_until=soon)
    rows.filter(pk=noticed.pk).update(notice=new)
    send(first)
    assert asked(provider) == [first.address]


def test_code_whose_time_is_over_does_not_go(provider):
    first, late, *_others = codes(3)
    Delivery.objects.filter(pk=late.pk).update(expires_at=timezone.now())
    send(first)
    assert states() == [State.EXPIRED, State.SENT, State.SENT]
    assert late.address not in asked(provider)


def test_code_that_comes_meanwhile_goes_at_once(provider):
    def another(question):
        code(77)
        connection.close()
        return provider.usual

    provider.delay = 0.4
    provider.answers.append(another)
    send(code(1))
    assert states() == [State.SENT] * 2
    one, other = provider.questions
    assert other.at - one.at < 0.3


def test_job_ends_after_its_turn_and_rings_for_what_waits(provider, monkeypatch):
    monkeypatch.setattr(single, "SINGLES_SECONDS", -1)
    first, second = codes(2)
    assert list(send(first)) == [second.pk]
    assert asked(provider) == [first.address]
    jobs.send_code(code(3).pk)
    assert django_rq.get_queue("sms").get_job_ids()[0].startswith(f"send_code-{second.pk}-")


def test_answer_that_takes_long_holds_up_nobody(provider, monkeypatch):
    def another(question):
        time.sleep(0.6)
        code(77)
        connection.close()
        time.sleep(0.8)
        return provider.usual

    monkeypatch.setattr(single, "SINGLES_SECONDS", 0.3)
    monkeypatch.setattr(single, "SLOW_SECONDS", 0.2)
    provider.answers.append(another)
    send(code(1))
    assert states() == [State.SENT] * 2
    one, other = provider.questions
    assert other.at - one.at < 1.2


# The bells


def test_bells_of_those_that_left_are_taken_back(provider, redis):
    first, *others = codes(5)
    stranger = code(9)
    Delivery.objects.filter(pk=stranger.pk).update(state=State.CANCELLED)
    for each in (first, *others, *others, stranger):
        jobs.push(jobs.send_code, each.pk)
    jobs.send_code(first.pk)
    left = [each.split("-")[1] for each in django_rq.get_queue("sms").get_job_ids()]
    assert left == [str(first.pk), str(stranger.pk)]
    assert len(redis.keys("rq:job:*")) == 2


def test_bell_that_a_worker_has_just_taken_keeps_its_job(redis, monkeypatch):
    bell = jobs.push(jobs.send_code, 7)
    redis.delete("rq:queue:sms")
    monkeypatch.setattr("queueing.worker.Queue.get_job_ids", lambda *args: [bell])
    jobs.unring([7])
    assert redis.exists(f"rq:job:{bell}")


def test_codes_go_without_redis(provider, settings, monkeypatch):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(bell, "away_until", 0.0)
    jobs.send_code(codes(10)[0].pk)
    assert states() == [State.SENT] * 10


# What the provider answers


def test_each_goes_to_the_next_provider_by_itself(provider, settings):
    def busy_for_odd(question):
        return BUSY if int(question.json["to"][-1]) % 2 else (200, {}, {"id": "g"})

    provider.usual = busy_for_odd
    with provider_server.running() as second:
        settings.SMS_URLS = [*settings.SMS_URLS, f"webhook+http://{second.place}/second"]
        send(codes(4)[0])
        assert asked(second) == ["+8613800000001", "+8613800000003"]
    assert sorted(Delivery.objects.values_list("state", "provider", "tries")) == [
        ("sent", "webhook", 1), ("sent", "webhook", 1),
        ("sent", "webhook-2", 2), ("sent", "webhook-2", 2),
    ]  # fmt: skip
    for each in Delivery.objects.filter(provider="webhook-2"):
        assert [kept.provider for kept in each.failed_attempts.all()] == ["webhook"]


def test_next_provider_is_marked_before_it_is_asked(provider, settings):
    seen = []

    def look(question):
        seen.append(Delivery.objects.get().provider)
        connection.close()
        return provider.usual

    provider.answers += [BUSY]
    with provider_server.running() as second:
        second.usual = look
        settings.SMS_URLS = [*settings.SMS_URLS, f"webhook+http://{second.place}/second"]
        send(code(1))
    assert seen == ["webhook-2"]


def test_no_further_provider_is_asked_when_the_first_took_too_long(provider, settings, monkeypatch):
    monkeypatch.setattr(single, "SWITCH_SECONDS", -1)
    provider.answers += [BUSY]
    with provider_server.running() as second:
        settings.SMS_URLS = [*settings.SMS_URLS, f"webhook+http://{second.place}/second"]
        assert len(send(code(1))) == 1
        assert second.questions == []


def test_put_off_code_is_tried_again_later(provider):
    provider.answers.append(BUSY)
    [(pk, again)] = send(code(1)).items()
    waiting = Delivery.objects.get()
    assert (waiting.pk, waiting.state, waiting.tries) == (pk, State.QUEUED, 1)
    assert waiting.not_before == again > timezone.now()


def test_refusal_and_lost_answer_are_their_own_only(provider):
    answers = {"0": (400, {}, b""), "1": HANGUP}
    provider.usual = lambda question: answers.get(question.json["to"][-1], (200, {}, b""))
    again = send(codes(6)[0])
    assert states() == [State.FAILED, State.QUEUED] + [State.SENT] * 4
    [lost] = Delivery.objects.filter(state=State.QUEUED)
    assert list(again) == [lost.pk]


def test_rate_is_kept_on_all_lines_together(provider, settings, monkeypatch):
    nobody, vain = single.SingleSender.unroutable, []
    monkeypatch.setattr(
        single.SingleSender, "unroutable", lambda *a: (vain.append(a), nobody(*a))[1]
    )
    settings.SMS_URLS = [f"webhook+http://{provider.place}/?rate=5/second"]
    started = time.monotonic()
    again = send(codes(12)[0])
    assert time.monotonic() - started > 1.9
    assert again == {}
    assert states() == [State.SENT] * 12
    assert asked(provider) == everybody()
    at = sorted(question.at for question in provider.questions)
    assert all(sixth - first > 0.9 for first, sixth in zip(at, at[5:], strict=False))
    assert set(Delivery.objects.values_list("tries")) == {(1,)}
    assert len(vain) < 10, "it waits, and does not ask in vain"


def test_provider_that_is_gone_costs_no_try_and_leaves_all_free(provider):
    provider.stop()
    first, *_others = codes(40)
    again = send(first)
    assert again
    assert set(Delivery.objects.values_list("state", "tries", "token")) == {("queued", 0, None)}
    assert not Delivery.objects.exclude(lease_until=None).exists()


def test_account_that_needs_a_person_keeps_everything(provider, settings):
    settings.SMS_URLS = [f"twilio://sid:token@+15550001111?endpoint={provider.url}"]
    provider.usual = (401, {}, {"code": 20003})
    send(codes(40)[0])
    assert set(Delivery.objects.values_list("state", "tries", "token")) == {("queued", 0, None)}


# When things go wrong


def test_code_that_cannot_be_composed_holds_up_nobody(provider):
    first, spoiled, *_others = codes(6)
    Delivery.objects.filter(pk=spoiled.pk).update(verification=None)
    with pytest.raises(AssertionError):
        send(first)
    assert state_of(first) == State.SENT
    rest = Delivery.objects.filter(state=State.QUEUED).exclude(pk=spoiled.pk)
    assert not rest.exclude(token=None, lease_until=None).exists()
    assert not Delivery.objects.filter(claims.free(), pk=spoiled.pk).exists(), (
        "it is left alone for a lease"
    )
    send(rest.first() or first)
    assert states() == [State.QUEUED] + [State.SENT] * 5


def test_a_bug_in_one_call_loses_no_answer_of_the_others(provider, monkeypatch):
    request = Gateway.request
    first, broken, *_others = codes(6)

    def stumble(self, delivery, wording):
        if delivery.pk == broken.pk:
            raise ZeroDivisionError
        return request(self, delivery, wording)

    provider.delay = 0.2
    monkeypatch.setattr(Gateway, "request", stumble)
    with pytest.raises(ZeroDivisionError):
        send(first)
    assert states() == [State.SENDING] + [State.SENT] * 5
    assert state_of(broken) == State.SENDING


def test_after_a_bug_no_more_are_taken(provider, monkeypatch):
    monkeypatch.setattr(Gateway, "max_connections", 2)
    monkeypatch.setattr(Gateway, "request", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        send(codes(20)[0])
    assert states().count(State.SENDING) <= 3
    assert not Delivery.objects.filter(state=State.QUEUED).exclude(token=None).exists()


def test_one_that_is_never_answered_is_given_up_and_goes_again(provider, monkeypatch):
    monkeypatch.setattr("notices.providers.http.READ_SECONDS", 0.5)
    first, silent, *_others = codes(4)
    provider.usual = lambda question: (
        SILENCE if question.json["to"] == silent.address else (200, {}, b"")
    )
    started = time.monotonic()
    assert list(send(first)) == [silent.pk]
    assert time.monotonic() - started < 2
    assert states() == [State.QUEUED] + [State.SENT] * 3


def test_patience_is_shorter_than_a_lease():
    assert CONNECT_SECONDS + ANSWER_SECONDS < limits.LEASE_SECONDS


def test_job_whose_time_is_over_keeps_the_answers_under_way(provider):
    """RQ raises in the thread that waits, while others are in their calls."""
    provider.delay = 1.5
    first, *_others = codes(4)
    started = time.monotonic()
    with pytest.raises(JobTimeoutException), UnixSignalDeathPenalty(1, JobTimeoutException):
        send(first)
    assert time.monotonic() - started < 3
    assert states() == [State.SENT] * 4
    assert asked(provider) == everybody()


def test_database_away_for_a_moment_loses_no_outcome(provider, monkeypatch):
    record_fails_once(monkeypatch)
    provider.delay = 0.2
    send(codes(5)[0])
    assert states() == [State.SENT] * 5
    assert asked(provider) == everybody()


def test_database_away_when_one_is_passed_on_loses_no_answer_heard_with_it(provider, monkeypatch):
    """Else codes that were accepted would go a second time when their lease is over."""
    answers = {"0": BUSY}
    provider.usual = lambda question: answers.get(question.json["to"][-1], (200, {}, b""))
    heard = connections.Connections.answers

    def all_at_once(self, *args):
        self.exchanges.gather(2)
        return heard(self, *args)

    def away(*args):
        raise OperationalError("away")

    monkeypatch.setattr(connections.Connections, "answers", all_at_once)
    monkeypatch.setattr(single.SingleSender, "next_provider", away)
    with pytest.raises(OperationalError):
        send(codes(8)[0])
    assert states() == [State.QUEUED] + [State.SENT] * 7


def test_two_jobs_at_once_send_each_code_once(provider):
    """The second begins while the first is in the middle of it."""
    first, *others = codes(12)
    again = []

    def second_job(question):
        again.append(single.send(others[-1].pk, "sms"))
        connection.close()
        return 200, {}, b""

    provider.answers.append(second_job)
    provider.delay = 0.1
    send(first)
    assert again == [{}]
    assert states() == [State.SENT] * 12
    assert asked(provider) == everybody()


def test_memory_is_asked_where_it_was_made(texts, monkeypatch):
    carry, seen = Memory.send, []
    monkeypatch.setattr(
        Memory, "send", lambda *a: (seen.append(threading.current_thread()), carry(*a))[1]
    )
    send(code(1))
    assert seen == [threading.main_thread()]


def test_the_one_that_was_rung_for_goes_first(provider):
    codes(5)
    own = code(99)
    send(own)
    assert len(provider.questions) == 6
    assert provider.questions[0].json["to"] == own.address
