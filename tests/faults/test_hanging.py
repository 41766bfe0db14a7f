"""One in ten of an SMS gateway's answers hangs: what is well goes on, and codes do not wait."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from local import embedded
from notices.models import Delivery
from notices.providers import breaker
from tests.faults.house import ringing
from tests.faults.test_many import ask_for_code
from tests.support import world
from tests.support.processes import ROOT, Process, eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))
SLACK = float(os.environ.get("FAULT_SLACK", "1"))
SILENT = 0.1


@pytest.fixture
def house(tmp_path, monkeypatch, settings):
    """Beside its workers, one that does nothing but codes, as in the Procfile."""
    monkeypatch.setenv("GATEWAY_DELAY", "0.01")
    port = embedded.free_port()
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("gateway.py")), str(port), str(tmp_path),
         str(SEED), "0", "0", str(SILENT)],
        stdout=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert server.stdout
    assert server.stdout.readline()
    monkeypatch.setenv("SMS_URLS", f"webhook+http://127.0.0.1:{port}/sms")
    with ringing(tmp_path, SEED, settings) as built:
        codes = Process("rqworker", "sms", **built.environment)
        eventually(lambda: built.redis.client().scard("rq:workers") == 3, 30)
        yield built
        codes.kill()
    server.kill()
    server.wait()


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
