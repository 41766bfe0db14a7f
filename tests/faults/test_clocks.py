"""One of two workers believes that it is another time: what is due goes when it is due, by the
clock of the database, which both share."""

import os
import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from config import clock
from notices.delivery import lifecycle
from notices.models import Delivery, Notice
from tests.faults import moved
from tests.faults.house import QUEUES, ringing
from tests.faults.test_codes import ask_for_code
from tests.support import world
from tests.support.processes import Process, eventually

pytestmark = pytest.mark.django_db(transaction=True)
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))


class Moved(Process):
    script = Path(moved.__file__)


@pytest.fixture
def house(tmp_path, monkeypatch, settings):
    monkeypatch.setenv("SMS_URLS", f"file:{tmp_path}")
    with ringing(tmp_path, SEED, settings) as built:
        yield built


@pytest.mark.parametrize(
    "offset",
    [pytest.param(3600, id="ahead"), pytest.param(-600, id="behind", marks=pytest.mark.faults)],
)
def test_a_worker_with_a_wrong_clock_does_the_right_thing(house, tmp_path, staff, offset):
    if connection.vendor != "postgresql":
        assert clock.measure() == timedelta(0)  # SQLite is where its only machine is
        return
    for worker in house.workers:
        worker.kill()
    house.redis.client().delete("rq:workers")
    wrong = Moved("rqworker", *QUEUES, CLOCK_OFFSET=str(offset), **house.environment)
    house.workers = [wrong]
    later = world.notice(pasted="later@example.com")
    lifecycle.accept(later, timezone.now() + timedelta(minutes=30))
    new = world.sent_now(None, pasted="\n".join(f"g{n}@example.com" for n in range(300)))
    asked = [ask_for_code(each)[0] for each in range(10)]
    eventually(lambda: not Delivery.objects.filter(pk__in=asked).exclude(state="sent").exists(), 30)
    house.workers.append(house.worker())
    house.wait_until_ended(new.pk, 60)
    time.sleep(12)  # a sweep of the wrong one, too
    assert house.verdict(new.pk)["sent"] == 300
    assert house.verdict(new.pk)["extra copies"] == 0
    assert Notice.objects.get(pk=later.pk).state == Notice.State.WAITING
    assert "ahead of the database's" in wrong.output()
    desk = Client()
    desk.force_login(staff)
    found = re.search(r"differs by (-?\d+) seconds", desk.get("/health/").text)
    assert found
    assert abs(int(found[1]) - offset) < 60
