"""Workers, work-horses, the scheduler and Redis are killed while a notice goes out."""

import os
import time

import pytest

from notices.delivery import lifecycle
from notices.models import Notice
from tests.faults.house import House, people, send_to_everyone

pytestmark = pytest.mark.django_db(transaction=True)
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setenv("SINK_DELAY", "0.005")  # or all is sent before much can be broken
    built = House(tmp_path, SEED, refused=0.02, lost=0.01)
    yield built
    built.close()


@pytest.mark.parametrize(
    ("recipients", "seconds"),
    [
        pytest.param(2000, 15, id="smoke"),
        pytest.param(10_000, 60, id="full", marks=pytest.mark.faults),
    ],
)
def test_nothing_is_lost_or_sent_twice_whatever_is_killed(house, tmp_path, recipients, seconds):
    people(recipients)
    started = time.monotonic()
    number = send_to_everyone(house, tmp_path)
    next_loss = 8.0
    while not house.ended(number) and (passed := time.monotonic() - started) < seconds:
        time.sleep(1)
        house.break_something()
        if passed > next_loss:
            house.lose_redis()
            next_loss += 8
    house.wait_until_ended(number, 60)
    verdict = house.verdict(number)
    house.tell(time.monotonic() - started, verdict)
    lost_answers = round(recipients * 0.03)
    kills = sum(house.faults[fault] for fault in house.faults if "killed" in fault)
    assert kills >= recipients / 1000
    assert verdict["recipients"] == recipients
    assert verdict["lost"] == 0
    assert verdict["extra copies"] == 0
    assert verdict["sent but not accepted"] == 0
    assert verdict["refused but accepted"] == 0
    assert verdict["uncertain"] <= kills + lost_answers
    assert Notice.objects.get().state == Notice.State.FINISHED


@pytest.mark.parametrize(
    ("recipients", "pauses"),
    [
        pytest.param(1000, 10, id="smoke"),
        pytest.param(20_000, 200, id="full", marks=pytest.mark.faults),
    ],
)
def test_nothing_is_lost_or_sent_twice_over_pauses_and_kills(house, tmp_path, recipients, pauses):
    people(recipients)
    number, done = send_to_everyone(house, tmp_path), 0
    until = time.monotonic() + pauses
    while not house.ended(number) and done < pauses and time.monotonic() < until:
        time.sleep(0.1)
        notice = Notice.objects.get(pk=number)
        if lifecycle.pause(notice):
            done += 1
            if done % 5 == 0:
                house.break_something()
            time.sleep(0.1)
            assert lifecycle.resume(notice)
    house.wait_until_ended(number, 120)
    verdict = house.verdict(number)
    assert done > pauses / 3
    assert (verdict["recipients"], verdict["lost"], verdict["extra copies"]) == (recipients, 0, 0)
    assert verdict["sent but not accepted"] == verdict["refused but accepted"] == 0
    assert Notice.objects.get().state == Notice.State.FINISHED
