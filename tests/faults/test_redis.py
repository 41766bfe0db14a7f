"""Redis is emptied, frozen, away and full while a notice goes out and people ask for pages."""

import json
import os
import threading
import time
from collections import Counter
from itertools import pairwise

import pytest
from django.db import connection

from notices.models import Delivery, Notice, State
from tests.faults.house import House, people, send_to_everyone
from tests.support.processes import eventually

pytestmark = pytest.mark.django_db(transaction=True)
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))
MB = 1024 * 1024


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setenv("SINK_DELAY", "0.005")  # or all would be sent before the faults are over
    built = House(tmp_path, SEED)
    yield built
    built.close()


class Pace:
    """Looks ten times a second whether the mail server's list grew."""

    def __init__(self, house: House) -> None:
        self.file, self.grew = house.accepted_file, [time.monotonic()]
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def look(self) -> None:
        size = 0
        while not self.over.wait(0.1):
            if (now := self.file.stat().st_size) != size:
                size = now
                self.grew.append(time.monotonic())

    def stop(self) -> None:
        self.over.set()
        self.thread.join()

    def longest_silence(self, since: float) -> float:
        """Seconds, from `since` on, in which nothing at all was sent."""
        moments = [since, *(moment for moment in self.grew if moment > since)]
        return max((b - a for a, b in pairwise(moments)), default=0.0)


def emptied_three_times(house, pace):
    for _ in range(3):
        house.empty_redis()
        back, seen = time.monotonic(), len(pace.grew)
        house.eventually(lambda seen=seen: len(pace.grew) > seen + 5, 30)
    return back


def frozen(house, pace):
    house.freeze_redis(12)
    return time.monotonic()


def away(house, pace):
    house.take_redis_away(20)
    return time.monotonic()


def full(house, pace):
    house.fill_redis(10)
    return time.monotonic()


@pytest.mark.faults
@pytest.mark.parametrize("trouble", [emptied_three_times, frozen, away, full])
def test_a_notice_goes_on_and_pages_answer_whatever_happens_to_redis(
    house, desk, tmp_path, trouble
):
    people(2999)  # and reception
    number = send_to_everyone(house, tmp_path)
    started = time.monotonic()
    pace = Pace(house)
    try:
        desk.open(number)
        eventually(lambda: len(house.accepted()) > 300, 30)
        back = trouble(house, pace)
        assert not house.ended(number), "all was sent before the fault: nothing is proved"
        house.wait_until_ended(number, 90)
        silence = pace.longest_silence(back)
        desk.close_door()
        eventually(lambda: set(desk.accepted) <= set(house.accepted()), 60)
    finally:
        pace.stop()
    seconds = time.monotonic() - started
    late = [address for address in house.accepted() if address.startswith("late")]
    accepted = Counter(house.accepted())
    verdict = house.verdict(number)
    verdict["lost"] += len(set(desk.accepted) - set(accepted))
    house.tell(seconds, verdict)
    print(
        json.dumps(
            {
                "going again after": round(silence, 1),
                "notices meanwhile": len(late),
                "codes promised": len(desk.codes),
                "answers": len(desk.answers),
                "slowest": desk.slowest(),
            }
        )
    )
    assert not house.quit_by_themselves()
    assert verdict["recipients"] == verdict["sent"] == 3000
    assert verdict["lost"] == verdict["extra copies"] == verdict["uncertain"] == 0
    # The last one is recorded a moment after it was accepted.
    unfinished = Notice.objects.exclude(state=Notice.State.FINISHED)
    eventually(lambda: not unfinished.exists(), 15)
    assert len(late) == len(desk.accepted)
    assert silence < 15
    desk.check()
    promised = Delivery.objects.filter(message="code", address__in=desk.codes)
    assert promised.count() == promised.filter(state=State.SENT).count() == len(desk.codes)


def test_pages_answer_in_time_while_redis_is_frozen_and_then_gone(house, desk):
    number = Notice.objects.create(
        subject="Hello", text="Hello", channels=["email"], state=Notice.State.FINISHED
    ).pk
    started = time.monotonic()
    desk.open(number)
    time.sleep(0.5)
    house.freeze_redis(3)
    house.take_redis_away(3)
    desk.close_door()
    house.tell(time.monotonic() - started, {"answers": len(desk.answers)})
    print(json.dumps({"slowest": desk.slowest()}))
    desk.check()


@pytest.mark.faults
def test_25_megabytes_of_redis_are_enough_for_100_000_recipients(house, tmp_path):
    client = house.redis.client()
    client.config_set("maxmemory", "25mb")
    people(100_000)
    started = time.monotonic()
    number = send_to_everyone(house, tmp_path)
    memory, connections, until = 0, 0, 0.0
    while not until or time.monotonic() < until:
        memory = max(memory, client.info("memory")["used_memory"])
        connections = max(connections, client.info("clients")["connected_clients"])
        if not until and len(house.accepted()) > 100:
            until = time.monotonic() + 30
        assert time.monotonic() < started + 120, house.workers[0].output()[-2000:]
        time.sleep(0.1)
    sent_so_far = len(house.accepted())
    house.command("notice", "cancel", str(number))
    house.eventually(
        lambda: not Delivery.objects.filter(state__in=(State.QUEUED, State.SENDING)).exists(), 60
    )
    cancelled = Delivery.objects.filter(state=State.CANCELLED).count()
    verdict = house.verdict(number)
    verdict["lost"] -= cancelled
    house.tell(time.monotonic() - started, verdict | {"cancelled": cancelled})
    print(json.dumps({"Redis MB": round(memory / MB, 1), "connections": connections}))
    assert not house.quit_by_themselves()
    assert sent_so_far > 1000
    assert verdict["recipients"] == verdict["sent"] + cancelled == 100_000, connection.vendor
    assert verdict["lost"] == verdict["extra copies"] == 0
    assert memory < 20 * MB
    assert connections < 15
