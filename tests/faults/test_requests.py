"""Requests that are rolled back, and web processes that die between the commit and the bell."""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from django.db import connection

from notices.models import Delivery, Notice, State
from tests.faults import visits
from tests.faults.house import House
from tests.support.processes import ROOT

pytestmark = pytest.mark.django_db(transaction=True)
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))
PROCESSES = 4


@pytest.fixture
def house(tmp_path):
    built = House(tmp_path, SEED)
    yield built
    built.close()


def make_visits(house, number, dying):
    """All of them, by four processes side by side."""
    share = number // PROCESSES
    script = str(Path(visits.__file__))
    processes = [
        subprocess.Popen(
            [sys.executable, script, str(first), str(first + share), str(SEED), str(dying)],
            cwd=ROOT, env=os.environ | house.environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for first in range(0, number, share)
    ]  # fmt: skip
    try:
        for process in processes:
            printed, _ = process.communicate(timeout=180)
            assert process.returncode == 0, printed
    finally:
        for process in processes:
            process.kill()
            process.wait()


def committed():
    """Every address that the database promises a message to."""
    return Delivery.objects.values_list("address", flat=True)


@pytest.mark.parametrize(
    ("number", "dying"),
    [
        pytest.param(80, 0.0, id="smoke"),
        pytest.param(1000, 0.05, id="full", marks=pytest.mark.faults),
    ],
)
def test_who_was_accepted_is_told_once_and_who_was_rolled_back_never(house, number, dying):
    started = time.monotonic()
    make_visits(house, number, dying)
    fates = Counter(visits.fate(each, str(SEED), dying) for each in range(number))
    house.faults["rolled back"] = fates["rolled back"]
    house.faults["died before the bell"] = fates["dies"]
    promised = number - fates["rolled back"]
    last_fault = time.monotonic()
    house.eventually(lambda: Delivery.objects.filter(state=State.SENT).count() == promised, 90)
    house.eventually(lambda: not Notice.objects.exclude(state=Notice.State.FINISHED).exists(), 30)
    settled = time.monotonic() - last_fault
    accepted = Counter(house.accepted())
    expected = {
        visits.address(each)
        for each in range(number)
        if visits.fate(each, str(SEED), dying) != "rolled back"
    }
    house.tell(
        time.monotonic() - started,
        {
            "recipients": promised,
            "sent": Delivery.objects.filter(state=State.SENT).count(),
            "failed": Delivery.objects.filter(state=State.FAILED).count(),
            "uncertain": Delivery.objects.filter(state=State.UNCERTAIN).count(),
            "extra copies": sum(accepted.values()) - len(accepted),
            "lost": len(expected - set(accepted)),
            "from a rollback": len(set(accepted) - expected),
            "settled after": round(settled, 1),
        },
    )
    assert fates["dies"] >= number * dying * 0.5, "nobody died: nothing is proved"
    assert set(accepted) == expected == set(committed()), connection.vendor
    assert set(accepted.values()) == {1}
    assert settled < 60
