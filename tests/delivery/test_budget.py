"""How long a slice goes on."""

import pytest

from notices.delivery import budget, limits


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(budget, "time", clock)
    return clock


def seconds(turn_, clock):
    """Until it is over, looking every hundredth of a second."""
    began = clock.now
    while not turn_.is_over():
        clock.now += 0.01
        assert clock.now < began + 60
    return round(clock.now - began, 2)


def test_nobody_waits(clock):
    assert seconds(budget.Budget(lambda: False), clock) == limits.MAX_SECONDS


def test_nobody_knows_who_waits(clock):
    assert seconds(budget.Budget(), clock) == limits.UNTOLD_SECONDS


def test_somebody_comes_in_the_middle(clock):
    waiting = budget.Budget(lambda: clock.now > 100.5)
    assert 0.5 <= seconds(waiting, clock) <= 0.5 + 2 * limits.POLL_SECONDS


def test_a_worker_gets_on_also_when_much_waits(clock):
    assert seconds(budget.Budget(lambda: True), clock) == limits.MIN_SECONDS


def test_it_looks_now_and_then_only(clock):
    asked = []
    assert seconds(budget.Budget(lambda: asked.append(1) or False), clock) == limits.MAX_SECONDS
    assert len(asked) <= (limits.MAX_SECONDS - limits.MIN_SECONDS) / limits.POLL_SECONDS + 2
