"""Providers that fail much are left alone for a while; each is asked no more than it may be."""

import os
import signal
import time

import pytest
import time_machine

from notices.providers import breaker
from tests.support.processes import OwnRedis

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def _no_memory():
    yield
    breaker.own.clear()


def fail(times, name="twilio"):
    for _ in range(times):
        breaker.report(name, failed=True, bulk=True)


@pytest.fixture(params=["shared", "alone"])
def redis_or_none(request, settings):
    if request.param == "alone":
        settings.REDIS_URL = "redis://127.0.0.1:1/0"


@pytest.mark.usefixtures("redis_or_none")
def test_five_failures_in_a_row_are_too_many():
    fail(4)
    assert breaker.wait("twilio", bulk=True) == 0
    fail(1)
    assert 29 < breaker.wait("twilio", bulk=True) <= 30
    assert breaker.wait("yuntongxun", bulk=True) == 0


@pytest.mark.usefixtures("redis_or_none")
def test_more_than_half_of_twenty_are_too_many():
    for number in range(20):
        breaker.report("twilio", failed=number % 2 == 0, bulk=True)
    assert breaker.wait("twilio", bulk=True) == 0
    fail(1)
    assert breaker.wait("twilio", bulk=True) > 0


def test_after_its_rest_one_may_try_it_and_the_others_wait():
    fail(5)
    assert breaker.state("twilio") == breaker.RESTING
    with time_machine.travel(time.time() + 31, tick=False):
        breaker.own.clear()  # as in another process
        assert breaker.state("twilio") == breaker.TESTED
        assert breaker.wait("twilio", bulk=True) == 0
        assert breaker.wait("twilio", bulk=True) == 1
        assert breaker.wait("twilio", bulk=True) == 1


def test_one_failure_after_its_rest_is_enough():
    fail(5)
    with time_machine.travel(time.time() + 31, tick=False):
        assert breaker.wait("twilio", bulk=True) == 0
        fail(1)
        assert breaker.wait("twilio", bulk=True) > 29


def test_success_after_its_rest_lets_everybody_through():
    fail(5)
    with time_machine.travel(time.time() + 31, tick=False):
        breaker.own.clear()  # as in another process
        assert breaker.wait("twilio", bulk=True) == 0
        breaker.report("twilio", failed=False, bulk=True)
        assert [breaker.wait("twilio", bulk=True) for _ in range(3)] == [0, 0, 0]
        assert breaker.state("twilio") == breaker.CLOSED


def test_redis_is_not_asked_for_each_of_very_many_messages(monkeypatch):
    asked, ask = [], breaker.ask
    monkeypatch.setattr(breaker, "ask", lambda question: asked.append(1) or ask(question))
    for count in (2, 4):
        for _ in range(20):
            assert breaker.wait("twilio", bulk=True) == 0
            breaker.report("twilio", failed=False, bulk=True)
        assert len(asked) == count
        time.sleep(breaker.FRESH)
    fail(41)
    breaker.own.clear()
    assert breaker.wait("twilio", bulk=True) > 29


def test_a_failure_now_and_then_is_not_too_many():
    """Each job is a process of its own: it forgets the successes that it did not tell."""
    for _ in range(5):
        fail(1)
        for _ in range(31):
            breaker.report("twilio", failed=False, bulk=True)
        breaker.own.clear()
    assert breaker.wait("twilio", bulk=True) == 0


def test_another_process_knows_it_too():
    fail(5)
    breaker.own.clear()
    assert breaker.wait("twilio", bulk=True) > 29


def test_frozen_redis_costs_a_moment_and_not_one_a_message(settings, tmp_path):
    frozen = OwnRedis(tmp_path)
    settings.REDIS_URL = frozen.url
    assert breaker.wait("twilio", bulk=True) == 0
    os.kill(frozen.popen.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        for _ in range(100):
            breaker.wait("twilio", bulk=True)
            breaker.spend("twilio", "1/second", bulk=False)
            breaker.report("twilio", failed=False, bulk=True)
        assert time.monotonic() - started < 1
    finally:
        frozen.kill()


def test_rate_is_kept_and_the_last_fifth_of_it_is_for_codes():
    notices = [breaker.spend("twilio", "10/minute", bulk=True) for _ in range(9)]
    assert notices[:8] == [0] * 8
    assert 55 < notices[8] <= 60
    codes = [breaker.spend("twilio", "10/minute", bulk=False) for _ in range(3)]
    assert codes[:2] == [0, 0]
    assert codes[2] > 55


def test_rate_of_one_is_not_kept_from_notices():
    assert breaker.spend("twilio", "1/minute", bulk=True) == 0
    assert breaker.spend("twilio", "1/minute", bulk=True) > 55


def test_provider_without_a_rate_is_not_counted():
    assert breaker.spend("twilio", "", bulk=True) == 0


# By when requests began


def test_what_hangs_beside_what_is_well_is_not_too_much():
    """One in ten gets no answer for 15 seconds; they end one after another, long after the rest."""
    began = time.time()
    with time_machine.travel(began, tick=False) as clock:
        for _ in range(90):
            breaker.report("twilio", failed=False, bulk=True, began=began)
        clock.shift(15)
        for _ in range(10):
            breaker.report("twilio", failed=True, bulk=True, began=began)
        breaker.own.clear()
        assert breaker.wait("twilio", bulk=True) == 0


def test_a_rest_is_not_prolonged_by_what_was_under_way():
    before = time.time() - 1
    fail(5)
    with time_machine.travel(time.time() + 15):
        breaker.report("twilio", failed=True, bulk=True, began=before)
        assert breaker.wait("twilio", bulk=True) < 16


def test_what_is_sent_to_many_says_nothing_of_a_code():
    fail(5)
    assert breaker.wait("twilio", bulk=True) > 29
    assert breaker.wait("twilio", bulk=False) == 0


def test_where_nobody_else_is_a_code_asks_all_the_same():
    for _ in range(5):
        breaker.report("twilio", failed=True, bulk=False)
    assert breaker.wait("twilio", bulk=False) > 29
    assert breaker.wait("twilio", bulk=False, alone=True) == 0


# What takes nothing


@pytest.mark.usefixtures("redis_or_none")
def test_who_takes_nothing_is_asked_later_by_one_person_than_never():
    assert breaker.went_away("smtp", "It refuses us.") == 10
    assert 9 < breaker.wait("smtp", bulk=True) <= 10
    assert 9 < breaker.wait("smtp", bulk=False, alone=False) <= 10


def test_it_is_asked_ever_more_seldom_and_one_person_every_ten_seconds():
    pauses = []
    with time_machine.travel(time.time(), tick=False) as clock:
        for _ in range(7):
            pauses.append(breaker.went_away("smtp", "It refuses us."))
            assert breaker.went_away("smtp", "It refuses us.") == pauses[-1], "said by another"
            assert breaker.wait("smtp", bulk=False, alone=True) <= 10
            breaker.ask(lambda redis: redis.delete(breaker.key("smtp", "away_until")))
            clock.shift(pauses[-1])
    assert pauses == [10, 20, 40, 80, 160, 300, 300]


def test_trouble_is_known_since_it_began_until_a_message_is_taken(caplog):
    began = time.time()
    breaker.went_away("smtp", "It refuses us.")
    with time_machine.travel(began + 11):
        breaker.ask(lambda redis: redis.delete(breaker.key("smtp", "away_until")))
        breaker.went_away("smtp", "It is full.")
        found = breaker.trouble("smtp")
    assert found.reason == "It is full."
    assert abs(found.since - began) < 1
    assert [record.getMessage()[:20] for record in caplog.records] == ["smtp: It refuses us."]
    breaker.report("smtp", failed=False, bulk=True)
    assert breaker.trouble("smtp") is None
    assert breaker.wait("smtp", bulk=True) == 0
