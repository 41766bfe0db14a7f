"""A deploy while a notice goes out: everybody is asked to stop, and the next set starts at once."""

import os
import time

import pytest

from tests.faults.house import House, people, send_to_everyone

pytestmark = pytest.mark.django_db(transaction=True)
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))


@pytest.fixture
def house(tmp_path, monkeypatch):
    # The server writes the message down, then takes its time to say so: whoever is ended in
    # between does not know what became of it.
    monkeypatch.setenv("SINK_DELAY", "0.05")
    built = House(tmp_path, SEED)
    yield built
    built.close()


@pytest.mark.parametrize(
    ("recipients", "deploys"),
    [
        pytest.param(300, 2, id="smoke"),
        pytest.param(2000, 10, id="full", marks=pytest.mark.faults),
    ],
)
def test_a_message_in_hand_is_finished_at_a_deploy(house, tmp_path, recipients, deploys):
    people(recipients)
    started = time.monotonic()
    number = send_to_everyone(house, tmp_path)
    in_the_middle = 0
    for _ in range(deploys):
        until = time.monotonic() + 10
        before = house.accepted_file.stat().st_size
        while house.accepted_file.stat().st_size == before and time.monotonic() < until:
            time.sleep(0.05)  # until somebody sends: a deploy of idle workers shows nothing
        in_the_middle += not house.ended(number)
        house.deploy()
    settled = house.wait_until_ended(number, 180)  # 50 s alone, on an idle machine
    verdict = house.verdict(number)
    house.tell(
        time.monotonic() - started,
        verdict | {"deploys while sending": in_the_middle, "settled after": round(settled, 1)},
    )
    assert verdict["recipients"] == verdict["sent"] == recipients
    assert verdict["lost"] == 0
    assert verdict["extra copies"] == 0
    assert verdict["uncertain"] == 0
    assert in_the_middle == deploys
