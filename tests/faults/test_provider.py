"""A provider that is busy, tells us to wait, or never answers."""

import json
import os
import time
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from notices.models import Delivery, FailedAttempt
from signup.models import User
from tests.faults import house as harness
from tests.faults.gateway import fate
from tests.faults.house import House, send_to_everyone

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))
SHARES = (0.20, 0.10, 0.05)  # busy, told to wait, silent
PATIENCE = 10  # seconds that we wait for an answer


@pytest.fixture
def gateway(tmp_path, monkeypatch):
    """Where it writes down what it was asked."""
    with harness.gateway(tmp_path, SEED, *SHARES) as address:
        monkeypatch.setenv("SMS_URLS", address)
        yield tmp_path / "asked.jsonl"


@pytest.fixture
def house(gateway, tmp_path):
    built = House(tmp_path, SEED)
    yield built
    built.close()


def asked(file):
    """Number -> what the gateway answered to each of its questions, in order."""
    found = defaultdict(list)
    for line in file.read_text().splitlines():
        facts = json.loads(line)
        found[facts["to"]].append(facts)
    return found


def test_a_provider_in_a_bad_mood_loses_and_doubles_nothing(house, gateway, tmp_path):
    recipients = 200
    numbers = [f"+86138{n:08d}" for n in range(recipients)]
    User.objects.bulk_create(
        User(username=f"guest_{n}", mobile=number) for n, number in enumerate(numbers)
    )
    first = {number: fate(number, 1, str(SEED), SHARES)[0] for number in numbers}
    silent = {number for number in numbers if first[number] == 0}
    started = time.monotonic()
    notice = send_to_everyone(house, tmp_path, "sms")
    # Two workers share the silences; two rounds of waiting, each up to 24 s and the sweep's 10 s.
    house.wait_until_ended(notice, len(silent) * PATIENCE + 120)
    house.faults.update({f"answered {status}": n for status, n in Counter(first.values()).items()})
    questions = asked(gateway)
    gaps = [
        (later["at"] - earlier["at"], earlier["wait"])
        for each in questions.values()
        for earlier, later in pairwise(each)
    ]
    most = max(map(len, questions.values()))
    verdict = house.verdict(notice)
    house.tell(
        time.monotonic() - started,
        verdict | {"most tries": most, "shortest wait": round(min(gaps)[0], 1)},
    )
    assert verdict["recipients"] == recipients
    assert verdict["lost"] == 0
    assert verdict["extra copies"] == 0
    assert verdict["sent but not accepted"] == 0
    assert verdict["failed"] == 0
    uncertain = Delivery.objects.filter(state="uncertain").values_list("address", flat=True)
    assert set(uncertain) == silent
    assert 2 <= most <= 8
    for delivery in Delivery.objects.all():
        answers = [question["status"] for question in questions[delivery.address]]
        assert delivery.tries == len(answers)
        kept = FailedAttempt.objects.filter(delivery=delivery).count()
        assert bool(kept) == any(status != 200 for status in answers)
        assert kept <= sum(status != 200 for status in answers), "what is said again is kept once"
    assert {wait for _, wait in gaps} >= {0, 2, 20}
    for gap, wait in gaps:
        assert gap >= max(wait, 8), "sooner than it was told, or than our own shortest wait"
