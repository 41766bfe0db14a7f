"""Very many notices at one instant, as schedules at nine o'clock make them: each goes out, no queue
grows, and a code does not wait."""

import json
import os
import threading
import time
from collections import Counter
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

import jobs
from notices.models import Delivery, Notice, Schedule, State
from tests.faults.house import ringing
from tests.faults.test_codes import ask_for_code
from tests.support import world
from tests.support.processes import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))
SLACK = float(os.environ.get("FAULT_SLACK", "1"))
MB = 1024 * 1024
DELAY = 0.005  # seconds that the mail server takes over each message


@pytest.fixture
def house(tmp_path, monkeypatch, settings):
    monkeypatch.setenv("SMS_URLS", f"file:{tmp_path}")
    monkeypatch.setenv("SINK_DELAY", str(DELAY))
    with ringing(tmp_path, SEED, settings) as built:
        built.redis.client().config_set("maxmemory", 25 * MB)
        eventually(lambda: built.redis.client().scard("rq:workers") == 2, 30)
        yield built


class Watch(threading.Thread):
    """The most jobs about one notice that ever waited on bulk, the longest queues, the memory."""

    def __init__(self, client):
        super().__init__()
        self.client, self.over = client, threading.Event()
        self.most, self.longest, self.memory = 0, Counter(), 0
        self.start()

    def run(self):
        while not self.over.wait(0.2):
            for name in ("default", "bulk"):
                ids = [each.decode() for each in self.client.lrange(f"rq:queue:{name}", 0, -1)]
                self.longest[name] = max(self.longest[name], len(ids))
                about = Counter(each.rpartition("-")[0] for each in ids)
                self.most = max(self.most, *about.values(), 0)
            self.memory = max(self.memory, self.client.info("memory")["used_memory"])

    def stop(self):
        self.over.set()
        self.join()


def addresses(number, each):
    return "\n".join(f"n{number}p{one}@example.com\tGuest" for one in range(each))


def due_notices(number, each):
    at = timezone.now() + timedelta(seconds=8)
    Notice.objects.bulk_create(
        (
            world.notice(addresses=addresses(n, each), audience="addresses", start_at=at)
            for n in range(number)
        ),
        batch_size=500,
    )
    for pk in Notice.objects.filter(start_at=at).values_list("pk", flat=True):
        jobs.wake(at, jobs.start_notice, pk)
    return at


def due_schedules(number, each):
    now = timezone.now()
    at = (now + timedelta(seconds=80)).replace(second=0, microsecond=0)  # theirs are whole minutes
    Schedule.objects.bulk_create(
        (
            Schedule(
                subject=f"N{n}", text="Hello ((name)).", channels=["email"], audience="addresses",
                addresses=addresses(n, each), rule="FREQ=DAILY", times=1, zone="UTC",
                start=f"{at:%Y-%m-%dT%H:%M}", next_at=at, handled_until=now,
            )
            for n in range(number)
        ),
        batch_size=500,
    )  # fmt: skip
    for pk in Schedule.objects.values_list("pk", flat=True):
        jobs.wake(at, jobs.run_schedule, pk)
    return at


def rate(house, each):
    """Messages a second of one notice that has the house for itself."""
    one = world.notice(addresses=addresses(-1, each), audience="addresses")
    one.save()
    jobs.push(jobs.start_notice, one.pk)
    took = house.wait_until_ended(one.pk, 60 * SLACK)
    return each / took


@pytest.mark.parametrize(
    ("make", "number", "each"),
    [
        pytest.param(due_notices, 60, 20, id="sixty"),
        pytest.param(due_notices, 1000, 20, id="thousand"),
        pytest.param(due_notices, 2000, 20, id="two-thousand"),
        pytest.param(due_schedules, 2000, 20, id="schedules"),
    ],
)
def test_many_notices_at_one_instant(house, tmp_path, make, number, each):
    alone = 100 if number < 100 else 4000
    work = number * each / rate(house, alone)
    due = make(number, each)
    watch, asked = Watch(house.redis.client()), {}
    try:
        while timezone.now() < due + timedelta(seconds=(work + 60) * SLACK):
            pk, at = ask_for_code(len(asked))
            asked[pk] = at
            time.sleep(2)
            done = Notice.objects.filter(state=Notice.State.FINISHED).count()
            if done == number + 1:
                break
    finally:
        watch.stop()
    seconds = (timezone.now() - due).total_seconds()
    accepted = Counter(house.accepted())
    lines = [json.loads(line) for line in (tmp_path / "sms.jsonl").read_text().splitlines()]
    waits = sorted(
        (datetime.fromisoformat(line["at"]) - asked[line["delivery"]]).total_seconds()
        for line in lines
    )
    facts = {
        "notices": number, "done": done, "seconds": round(seconds, 1), "work": round(work, 1),
        "accepted": len(accepted), "extra": accepted.total() - len(accepted),
        "most about one": watch.most, "longest": dict(watch.longest),
        "Redis MB": round(watch.memory / MB, 1), "codes": len(waits), "slowest code": max(waits),
    }  # fmt: skip
    print("\n" + json.dumps(facts))
    assert done == number + 1
    assert len(accepted) == accepted.total() == number * each + alone
    assert not Delivery.objects.exclude(state=State.SENT).filter(notice__isnull=False).exists()
    assert watch.most <= 2
    assert watch.memory < 20 * MB
    assert len(waits) >= len(asked) - 1
    assert waits[-1] < 1 * SLACK
