"""One in ten of an SMS gateway's answers hangs: what is well goes on, and codes do not wait."""

import json
import os
import time
from collections import Counter

import pytest

from notices.models import Delivery
from notices.providers import breaker
from tests.faults.house import gateway, ringing
from tests.faults.test_codes import ask_for_code
from tests.support import world
from tests.support.processes import Process, eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))
SLACK = float(os.environ.get("FAULT_SLACK", "1"))
SILENT = 0.1


@pytest.fixture
def house(tmp_path, monkeypatch, settings):
    """Beside its workers, one that does nothing but codes, as in the Procfile."""
    monkeypatch.setenv("GATEWAY_DELAY", "0.01")
    with gateway(tmp_path, SEED, 0, 0, SILENT) as address:
        monkeypatch.setenv("SMS_URLS", address)
        with ringing(tmp_path, SEED, settings) as built:
            codes = Process("rqworker", "sms", **built.environment)
            eventually(lambda: built.redis.client().scard("rq:workers") == 3, 30)
            yield built
            codes.kill()


def test_codes_do_not_wait_for_answers_that_hang(house, tmp_path):
    recipients, codes = 1500, 30
    new = world.sent_now(
        None, channels=["sms"], pasted="\n".join(f"+86139{n:08d}" for n in range(recipients))
    )
    eventually(lambda: Delivery.objects.filter(notice=new, state="sent").exists(), 30)
    asked = {}
    for each in range(codes):
        _pk, at = ask_for_code(each)
        asked[f"+86138{each:08d}"] = at.timestamp()
        time.sleep(1)
    eventually(lambda: set(asked) <= set(house.accepted()) | silent(tmp_path), 30)
    first = {}
    for line in (tmp_path / "asked.jsonl").read_text().splitlines():
        facts = json.loads(line)
        first.setdefault(facts["to"], facts["at"])
    waits = sorted(round(first[number] - at, 2) for number, at in asked.items())
    states = Counter(Delivery.objects.filter(notice=new).values_list("state", flat=True))
    facts = {"codes": waits[len(waits) // 2 :], "notice": dict(states)}
    print("\n" + json.dumps(facts | {"breaker": breaker.state("webhook")}))
    assert waits[-1] < 1 * SLACK
    assert states["uncertain"] <= recipients * SILENT * 1.5
    accepted = Counter(each for each in house.accepted() if each.startswith("+86139"))
    assert accepted.total() == len(accepted)


def silent(folder):
    lines = (folder / "asked.jsonl").read_text().splitlines()
    return {facts["to"] for facts in map(json.loads, lines) if not facts["status"]}
