"""The same job rung several times, and several processes at the same rows: one copy each."""

import json
import os
import subprocess
import sys
import time
from collections import Counter

import pytest

import jobs
from notices.delivery import expand
from notices.models import Delivery, Notice
from signup.models import User
from tests.faults.house import House, people
from tests.support import world
from tests.support.processes import ROOT, eventually

pytestmark = pytest.mark.django_db(transaction=True)
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))

# Takes slices of a notice until nothing of it is left; prints how many.
TAKER = """
import sys, django
django.setup()
from notices.delivery import slices
print("ready", flush=True)
sys.stdin.readline()
taken = 0
while slices.send_slice(int(sys.argv[1]), "email"):
    taken += 1
print(taken)
"""


@pytest.fixture
def house(tmp_path):
    built = House(tmp_path, SEED)
    yield built
    built.close()


@pytest.fixture
def bell(house, monkeypatch):
    """`jobs.push` rings in the house."""
    monkeypatch.setattr("queueing.enqueue.bell", house.redis.client)
    return house.redis.client()


def waiting_notice():
    """A notice that is due, and of which nobody has heard."""
    notice = world.notice()
    notice.save()
    return notice


def test_a_job_rung_three_times_sends_one_copy(house, bell):
    people(450)
    users = User.objects.order_by("pk")[:50]
    Delivery.objects.bulk_create(
        Delivery(message="welcome", user=user, channel="email", address=f"hi-{user.email}")
        for user in users
    )
    singles = Delivery.objects.filter(notice=None)
    notice = waiting_notice()
    started = time.monotonic()

    def three_times(func, *args):
        for _ in range(3):
            assert jobs.push(func, *args)
            house.faults[f"{func.__name__} rung"] += 1

    three_times(jobs.start_notice, notice.pk)
    for pk in singles.values_list("pk", flat=True):
        three_times(jobs.send_email, pk)
    eventually(lambda: Notice.objects.get(pk=notice.pk).state != Notice.State.WAITING, 30)
    three_times(jobs.send_notice, notice.pk, "email")
    three_times(jobs.sweep)
    house.wait_until_ended(notice.pk, 60)
    eventually(lambda: not singles.exclude(state="sent").exists(), 60)
    three_times(jobs.send_notice, notice.pk, "email")  # when all is over, too
    eventually(lambda: not any(bell.llen(f"rq:queue:{name}") for name in ("email", "bulk")), 30)
    verdict = house.verdict(notice.pk)
    accepted = Counter(house.accepted_file.read_text().split())
    house.tell(time.monotonic() - started, verdict | {"singles": singles.count()})
    assert verdict["recipients"] == verdict["sent"] == 450
    assert verdict["lost"] == 0
    assert verdict["extra copies"] == 0  # of the single ones, too: the file holds both
    assert len(accepted) == 500
    assert set(singles.values_list("tries", flat=True)) == {1}


def test_four_processes_at_the_same_rows_send_one_copy_each(house):
    people(1200)
    notice = waiting_notice()
    # The house's own two workers may join in; what the four take is counted below.
    expand.start(notice.pk)
    environment = os.environ | house.environment
    takers = [
        subprocess.Popen(
            [sys.executable, "-c", TAKER, str(notice.pk)],
            cwd=ROOT, env=environment | {"PYTHONPATH": f"{ROOT}:{ROOT / 'site'}"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]  # fmt: skip
    try:
        for taker in takers:
            assert taker.stdout.readline() == "ready\n"
        started = time.monotonic()
        for taker in takers:
            taker.stdin.write("go\n")
            taker.stdin.flush()
        slices = [int(taker.communicate(timeout=90)[0]) for taker in takers]
    finally:
        for taker in takers:
            taker.kill()
            taker.wait()
    house.faults["processes at the same rows"] = 4
    house.wait_until_ended(notice.pk, 60)
    verdict = house.verdict(notice.pk)
    house.tell(time.monotonic() - started, verdict | {"slices": json.dumps(slices)})
    assert verdict["recipients"] == verdict["sent"] == 1200
    assert verdict["lost"] == 0
    assert verdict["extra copies"] == 0
    assert verdict["uncertain"] == 0
    assert set(Delivery.objects.values_list("tries", flat=True)) == {1}
