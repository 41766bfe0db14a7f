"""A work-horse stands still for longer than its lease while it sends, and then goes on as if
nothing had happened. Meanwhile others have taken what was its own."""

import os
import time

import pytest

from notices.delivery.limits import LEASE_SECONDS
from notices.models import Notice
from tests.faults.house import House, people, send_to_everyone

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))
PEOPLE, TIMES = 6000, 2


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setenv("SINK_DELAY", "0.02")
    built = House(tmp_path, SEED, refused=0, lost=0)
    yield built
    built.close()


def test_what_wakes_up_late_sends_nothing_twice(house, tmp_path):
    people(PEOPLE)
    started = time.monotonic()
    number = send_to_everyone(house, tmp_path)
    for _ in range(TIMES):
        time.sleep(3)
        house.freeze_horse(LEASE_SECONDS + 5)
    time.sleep(LEASE_SECONDS + 10)
    house.wait_until_ended(number, 120)
    verdict = house.verdict(number)
    house.tell(time.monotonic() - started, verdict)
    assert house.faults["work-horse frozen"] == TIMES
    assert verdict["recipients"] == PEOPLE
    assert verdict["lost"] == verdict["extra copies"] == verdict["sent but not accepted"] == 0
    assert verdict["uncertain"] <= TIMES
    assert Notice.objects.get().state == Notice.State.FINISHED
