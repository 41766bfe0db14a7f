"""The benchmarks of codes, in small, and what they count with. The peers need bench/.venv."""

import time
from http.client import HTTPConnection
from itertools import pairwise

import pytest

from bench import arrivals, codes, memory, place
from bench.arrivals import Question

pytestmark = pytest.mark.once


@pytest.fixture
def here():
    with place.opened() as opened:
        yield opened


def test_moments_are_as_many_as_the_rate_says_and_the_same_for_everybody():
    moments = list(arrivals.moments(50, 100, seed=1))
    assert len(moments) == 5000
    assert moments[-1] == pytest.approx(100, rel=0.1)
    assert all(one < next_one for one, next_one in pairwise(moments))
    assert moments == list(arrivals.moments(50, 100, seed=1))
    assert moments != list(arrivals.moments(50, 100, seed=2))


def test_the_gateway_notes_when_a_message_arrived_not_when_it_was_answered(here):
    gateway = here.asked("bench.processes.provider", "sms", "0.3")
    line = HTTPConnection("127.0.0.1", gateway.port)
    for number in range(2):
        began = time.monotonic()
        line.request("POST", "/", f'{{"to": "+{number}", "body": "b", "delivery": {number}}}')
        assert line.getresponse().read()
        ended = time.monotonic()
        at, *rest = gateway.ask("arrivals")[number]
        assert rest == [f"+{number}", "b"]
        assert began <= at < ended - 0.29
    line.close()


class Gateway:
    def __init__(self, *found):
        self.found = found

    def ask(self, question):
        return [[at, mobile, ""] for mobile, at in self.found]


def test_who_gets_no_code_counts_as_long_as_it_was_waited_for(monkeypatch):
    async def asked(*_args):
        return {"+1": began, "+2": began}

    monkeypatch.setattr(arrivals, "ask_all", asked)
    monkeypatch.setattr(arrivals, "PATIENCE", 0.2)
    began = time.monotonic()
    [served, unserved] = arrivals.waits(0, [], Gateway(("+1", began + 0.05)), [])
    assert served == pytest.approx(0.05)
    assert 0.2 <= unserved < 1


def test_a_code_that_comes_twice_ends_the_benchmark(monkeypatch):
    async def asked(*_args):
        return {"+1": 0.0}

    monkeypatch.setattr(arrivals, "ask_all", asked)
    with pytest.raises(AssertionError, match="got two"):
        arrivals.waits(0, [], Gateway(("+1", 1.0), ("+1", 2.0)), [])


def test_a_share_of_waits_is_in_milliseconds():
    waits = [number / 1000 for number in range(100, 0, -1)]
    assert [codes.share(waits, part) for part in (0.5, 0.99, 1.0)] == [51, 100, 100]


@pytest.fixture
def desk(here, monkeypatch):
    monkeypatch.setattr(codes, "PEOPLE", 8000)
    monkeypatch.setattr(codes.Ours, "recipients", 8000)
    return codes.Ours(here)


def test_bellhop_sends_codes_idle_and_beside_a_notice(desk, monkeypatch):
    monkeypatch.setattr(codes, "BETWEEN", 5)
    found = codes.turn(desk, (5,), 1, 1)
    assert {key: len(waits) for key, waits in found.items()} == {
        (codes.IDLE, 5): 5, (codes.PREPARING, 5): 5, (codes.BUSY, 5): 5,
    }  # fmt: skip
    assert all(0 < wait < 20 for waits in found.values() for wait in waits)
    assert len(desk.gateway.ask("arrivals")) == 20


def test_a_desk_that_refuses_ends_the_benchmark(desk):
    mobile = "+8613900000001"
    wrong = desk.web.code_for(mobile) | {"image_code": "99999"}
    with pytest.raises(AssertionError, match="1 were refused"):
        arrivals.waits(desk.web.port, [Question(mobile, wrong)], desk.gateway, [0.0])


def test_bellhop_sends_waiting_codes_and_its_memory_is_counted(monkeypatch):
    monkeypatch.setattr(memory, "WAITING", 6_000)
    monkeypatch.setattr(memory, "WARM", 0.5)
    monkeypatch.setattr(memory, "WINDOW", 2.0)
    held = memory.held(memory.POOLS[0], 1)
    assert held.rate > 0
    assert 20 < held.memory < 300


def arrival(number, text="123456 is your code"):
    return (float(number), f"+{number}", text)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        pytest.param([], "nothing was sent", id="nothing"),
        pytest.param([arrival(1), arrival(1)], "twice", id="twice"),
        pytest.param([arrival(1, "no code")], "no code in it", id="no code"),
        pytest.param([arrival(number) for number in range(5)], "let more wait", id="all sent"),
    ],
)
def test_what_is_wrong_at_the_provider_ends_the_benchmark(found, said, monkeypatch):
    monkeypatch.setattr(memory, "WAITING", 5)
    with pytest.raises(AssertionError, match=said):
        memory.check(found, "")
