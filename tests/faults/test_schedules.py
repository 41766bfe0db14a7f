"""Schedules while everything around them is killed, emptied and moved: each planned instant is
decided once, and what ran was sent once."""

import os
import random
import signal
import statistics
import time
from collections import Counter
from datetime import timedelta
from itertools import takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil
import pytest
import time_machine
from django.db import connection
from django.utils import timezone

import jobs
from notices.delivery import lifecycle
from notices.models import Delivery, Notice, Occurrence, Schedule
from notices.schedules import actions
from tests.faults.house import QUEUES, ringing
from tests.support import world
from tests.support.processes import OwnRedis, Process, eventually
from tests.support.world import repeated

pytestmark = pytest.mark.django_db(transaction=True)
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))


@pytest.fixture
def house(tmp_path, settings):
    with ringing(tmp_path, SEED, settings) as built:
        yield built


def every(seconds, address, **policy):
    rule = f"FREQ=SECONDLY;INTERVAL={seconds}"
    return repeated(rule, pasted=address, in_quiet_hours=True, **policy)


def storm(house, second, seconds):
    """For so long: a kill each second, of schedulers mostly, and an emptied Redis every 7 s."""
    luck, until, turn = random.Random(SEED), time.monotonic() + seconds, 0
    while time.monotonic() < until:
        time.sleep(luck.uniform(0.3, 1.2))
        turn += 1
        if turn % 9 == 0:
            house.empty_redis()
        step = luck.choice(["scheduler", "second scheduler", "both", "worker"])
        if step in ("scheduler", "both"):
            house.kill_scheduler()
        if step in ("second scheduler", "both"):
            second[0].kill()
            second[0] = Process("rqscheduler", **house.environment)
            house.faults["second scheduler killed"] += 1
        if step == "worker":
            house.kill_both()


def verdict(schedules, house):
    """What the rules planned against what is recorded, and that against what was accepted."""
    found = Counter()
    accepted = Counter(house.accepted())
    for schedule in schedules:
        rows = list(schedule.occurrences.order_by("planned_at"))
        begin = schedule.created_at
        last = rows[-1].planned_at
        planned = list(takewhile(lambda at: at <= last, schedule.as_rule.instants(begin)))  # noqa: B023
        decided = Counter(row.planned_at for row in rows)
        found["planned"] += len(planned)
        found["lost"] += len(set(planned) - set(decided))
        found["decided twice"] += sum(decided.values()) - len(decided)
        found["not planned"] += len(set(decided) - set(planned))
        found["run"] += sum(row.state == "started" for row in rows)
        found["missed by policy"] += sum(row.state == "missed" for row in rows)
        deliveries = Delivery.objects.filter(notice__occurrence__schedule=schedule)
        states = Counter(deliveries.values_list("state", flat=True))
        found.update({f"delivery {state}": number for state, number in states.items()})
        address = schedule.addresses.split("\t")[0]
        found["sent but not accepted"] += max(0, states["sent"] - accepted[address])
        found["extra copies"] += max(
            0, accepted[address] - states["sent"] - states.get("uncertain", 0)
        )
    return found


def settled():
    unfinished = ("waiting", "preparing", "sending")
    return not Notice.objects.filter(state__in=unfinished).exists()


def run_the_storm(house, seconds):
    second = [Process("rqscheduler", **house.environment)]
    try:
        schedules = [
            every(2, "two@example.com"),
            every(3, "three@example.com", late_minutes=0),
            every(5, "five@example.com", late_minutes=1, zone="Australia/Lord_Howe"),
        ]
        storm(house, second, seconds)
        eventually(lambda: jobs.bell().ping(), 10)
        time.sleep(6)
        for schedule in schedules:
            actions.pause(schedule.pk)
        eventually(settled, 60)
    finally:
        second[0].kill()
    found = verdict(schedules, house)
    house.tell(seconds, dict(found))
    return found


def check(found, at_least):
    assert found["planned"] >= at_least
    assert found["lost"] == found["decided twice"] == found["not planned"] == 0
    assert found["run"] == Notice.objects.count() == Delivery.objects.count()
    assert found["run"] + found["missed by policy"] == found["planned"]
    assert found["sent but not accepted"] == found["extra copies"] == 0
    assert found["run"] > found["planned"] / 10, "most of the time something was there to run"


def test_a_short_storm(house):
    check(run_the_storm(house, 6), at_least=10)


@pytest.mark.faults
def test_schedulers_and_workers_killed_for_a_minute(house):
    check(run_the_storm(house, 60), at_least=60)


class Ahead(Process):
    script = Path(__file__).with_name("moved.py")


def test_a_clock_that_jumps_an_hour_ahead_and_back(house):
    """Half of the fleet comes back with a clock that is an hour ahead, then with the right one."""
    schedule = repeated("FREQ=MINUTELY;INTERVAL=10", pasted="wang@example.com")
    first = schedule.next_at
    house.scheduler.kill()
    for worker in house.workers:
        worker.kill()
    ahead = house.environment | {"CLOCK_OFFSET": "3600"}
    fleet = [Ahead("rqscheduler", **ahead), Ahead("rqworker", *QUEUES, **ahead)]
    if connection.vendor == "postgresql":  # whose clock is the right one, and counts
        time.sleep(20)
        for process in fleet:
            process.kill()
        assert not Occurrence.objects.exists()
        assert house.accepted() == []
        assert Schedule.objects.get().next_at == first
        return
    try:
        eventually(lambda: Occurrence.objects.filter(state="started").exists() and settled(), 40)
        time.sleep(3)
    finally:
        for process in fleet:
            process.kill()
    rows = list(Occurrence.objects.order_by("planned_at").values_list("planned_at", "state"))
    assert [at for at, _ in rows] == [first + timedelta(minutes=10 * n) for n in range(len(rows))]
    assert len(rows) in (6, 7)
    assert [state for _, state in rows] == ["missed"] * (len(rows) - 1) + ["started"]
    house.scheduler = Process("rqscheduler", **house.environment)
    house.workers[0] = house.worker()
    heartbeat = jobs.bell().get(jobs.SWEEP_HEARTBEAT)
    eventually(lambda: jobs.bell().get(jobs.SWEEP_HEARTBEAT) != heartbeat, 15)
    assert Occurrence.objects.count() == len(rows)
    assert house.accepted() == ["wang@example.com"]
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
        assert actions.upcoming(Schedule.objects.get(), 1)[0] > rows[-1][0]


@pytest.mark.faults
def test_due_schedules_start_promptly(house):
    """200 schedules, five due each second."""
    begin = timezone.now().replace(microsecond=0) + timedelta(seconds=20)
    made = []
    for number in range(200):
        at = begin + timedelta(seconds=number // 5)
        rule = f"FREQ=DAILY;BYHOUR={at:%H};BYMINUTE={at:%M};BYSECOND={at:%S}"
        facts = {"pasted": f"g{number}@example.com", "times": 1, "start": "2026-01-01T00:00"}
        made.append(repeated(rule, "UTC", **facts))
    eventually(lambda: Occurrence.objects.filter(state="started").count() == 200, 90)
    late = sorted(
        (row.decided_at - row.planned_at).total_seconds() for row in Occurrence.objects.all()
    )
    facts = {"median": round(statistics.median(late), 3), "p99": round(late[197], 3)}
    house.tell(40, facts | {"most": round(late[-1], 3)})
    assert statistics.median(late) < 1


@pytest.mark.faults
@pytest.mark.once
def test_an_idle_scheduler_with_ten_thousand_entries_costs_next_to_nothing(tmp_path, settings):
    own = OwnRedis(tmp_path)
    settings.REDIS_URL = own.url
    far = timezone.now() + timedelta(days=30)
    try:
        for number in range(10_000):
            assert jobs.wake(far + timedelta(seconds=number), jobs.start_notice, number)
        scheduler = Process("rqscheduler", REDIS_URL=own.url)
        try:
            scheduler.wait_for("Scheduler started")
            time.sleep(2)
            process = psutil.Process(scheduler.pid)
            before, began = process.cpu_times(), time.monotonic()
            time.sleep(30)
            after, seconds = process.cpu_times(), time.monotonic() - began
        finally:
            scheduler.kill()
    finally:
        own.kill()
    share = (after.user + after.system - before.user - before.system) / seconds
    print(f"\nidle scheduler, 10,000 future entries: {share:.2%} of a core")
    assert share < 0.02


@pytest.mark.faults
def test_a_scheduler_that_was_away_for_an_hour_is_made_up_for(house, staff):
    """It stands still and all that it should have rung for becomes an hour late: rows and bells."""
    os.kill(house.scheduler.pid, signal.SIGSTOP)
    hour = timedelta(hours=1)
    start = timezone.now() - hour
    local = (start - hour).astimezone(ZoneInfo("Asia/Shanghai"))
    repeated(
        "FREQ=MINUTELY;INTERVAL=5", start=f"{local:%Y-%m-%dT%H:00}",
        pasted="board@example.com", in_quiet_hours=True,
    )  # fmt: skip
    Schedule.objects.update(next_at=start, handled_until=start, created_at=start - hour)
    late = world.notice(pasted="late@example.com", in_quiet_hours=True)
    lifecycle.accept(late, timezone.now() + hour)
    Notice.objects.filter(pk=late.pk).update(start_at=start)
    welcome = Delivery.objects.create(
        message="welcome", channel="email", address="new@example.com", user=staff
    )
    Delivery.objects.update(not_before=start, changed_at=start)
    redis, key = house.redis.client(), "rq:scheduler:scheduled_jobs"
    for name, at in redis.zrange(key, 0, -1, withscores=True):
        redis.zadd(key, {name: at - hour.total_seconds()})
    time.sleep(12)  # no sweep came meanwhile: all of it waits
    assert Counter(house.accepted()) == {}
    os.kill(house.scheduler.pid, signal.SIGCONT)
    everybody = {"board@example.com", "late@example.com", "new@example.com"}
    house.eventually(lambda: set(house.accepted()) >= everybody, 40)
    time.sleep(12)  # another sweep rings for nothing twice
    accepted = Counter(house.accepted())
    assert accepted["late@example.com"] == accepted["new@example.com"] == 1
    ran = Occurrence.objects.filter(state="started").count()
    assert accepted["board@example.com"] == ran in (1, 2)  # the last, and one that came just now
    assert Occurrence.objects.filter(state="missed").count() >= 10
    assert Delivery.objects.get(pk=welcome.pk).state == "sent"
    assert not house.failed_jobs()
    assert not house.quit_by_themselves()
