"""A working day in some minutes, for bin/test --soak MINUTES: notices of all sizes, some paused or
cancelled, codes, a schedule, receipts and people who look on, and every 20 seconds something is
killed. Nothing is lost or sent twice, and nothing grows that the data does not explain."""

import hashlib
import hmac
import json
import os
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from django.db import connection
from django.utils import timezone

from notices.delivery import lifecycle
from notices.models import Delivery, Notice, State
from notices.schedules import actions
from tests.faults.house import gateway, ringing
from tests.faults.test_codes import share
from tests.faults.test_schedules import verdict as of_schedules
from tests.support.world import repeated, sent_now

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.soak]
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))
MINUTES = float(os.environ.get("SOAK_MINUTES", "1"))
SIZES = (1, 20, 20, 200, 1000, 3000)
KILLS, NOTICES, CODES = 20, 8, 1.5  # seconds from one to the next
MB = 1 << 20


@pytest.fixture
def house(tmp_path, settings):
    (tmp_path / "sms").mkdir()
    with gateway(tmp_path / "sms", SEED, 0.02, 0, 0) as url:
        key = url.replace("webhook+http://", "webhook+http://gateway-key@")
        with ringing(tmp_path, SEED, settings, SMS_URLS=key) as built:
            yield built


class Day:
    """What was done, and when; `texts`: the gateway's list of what it was asked."""

    def __init__(self, house, desk, texts):
        self.house, self.desk, self.texts = house, desk, texts
        self.luck = house.random
        self.notices: dict[int, str] = {}  # number -> what was done to it meanwhile
        self.asked: dict[str, float] = {}  # mobile -> unix time
        self.killed: list[tuple[float, str]] = []
        self.number = 0

    def write_notice(self):
        self.number += 1
        size = self.luck.choice(SIZES)
        pasted = "\n".join(f"n{self.number}-{n}@example.com" for n in range(size))
        new = sent_now(pasted=pasted)
        self.notices[new.pk] = ""
        if self.luck.random() < 0.3:
            time.sleep(0.7)
            if lifecycle.pause(new):
                time.sleep(0.7)
                lifecycle.resume(new)
                self.notices[new.pk] = "paused"
        elif self.luck.random() < 0.1 and lifecycle.cancel(new) is not None:
            self.notices[new.pk] = "cancelled"

    def ask_for_code(self):
        self.number += 1
        began = time.time()
        if self.desk.ask_for_code(self.number) == 200:
            self.asked[self.desk.codes[-1]] = began

    def kill(self):
        before = Counter(self.house.faults)
        self.house.break_something()
        (what,) = Counter(self.house.faults) - before or ("nothing",)
        self.killed.append((time.time(), what))

    def report(self):
        """The gateway reports what it accepted, as far as that is known by its number."""
        sent = Delivery.objects.filter(channel="sms", state=State.SENT).exclude(provider_ref="")
        for ref in sent.values_list("provider_ref", flat=True)[:20]:
            body = json.dumps({"id": ref, "state": "delivered"})
            signature = hmac.new(b"gateway-key", body.encode(), hashlib.sha256).hexdigest()
            headers = {"Content-Type": "application/json",
                       "X-Bellhop-Signature": f"sha256={signature}"}  # fmt: skip
            self.desk.ask("/receipts/webhook/", body, headers)

    def pass_by(self):
        turns = {
            self.write_notice: NOTICES, self.ask_for_code: CODES, self.kill: KILLS,
            self.report: 5, lambda: self.desk.see("/notices/"): 2,
            lambda: self.desk.see("/health/"): 5,
        }  # fmt: skip
        due = {act: time.monotonic() + every for act, every in turns.items()}
        until = time.monotonic() + 60 * MINUTES
        while time.monotonic() < until:
            for act, every in turns.items():
                if time.monotonic() >= due[act]:
                    act()
                    due[act] = time.monotonic() + every * self.luck.uniform(0.5, 1.5)
            time.sleep(0.05)

    def waits(self):
        """Mobile -> seconds from the question to the gateway's acceptance."""
        came = {}
        for line in self.texts.read_text().splitlines():
            fact = json.loads(line)
            if fact["status"] == 200:
                came.setdefault(fact["to"], fact["at"])
        return {mobile: came[mobile] - at for mobile, at in self.asked.items() if mobile in came}

    def slow(self, waits):
        """Of each slow code: what was killed before it came, and what its row says."""
        for mobile, seconds in sorted(waits.items(), key=lambda pair: -pair[1])[:5]:
            at = self.asked[mobile]
            kills = [what for when, what in self.killed if at - 3 < when < at + seconds]
            row = Delivery.objects.get(address=mobile)
            tries = list(row.failed_attempts.values_list("reason", flat=True))
            print(f"code: {seconds:.1f} s, tries {row.tries}, {tries}, killed meanwhile: {kills}")


def sizes(house, desk):
    """What may grow; MB unless it says otherwise."""
    facts = {}
    every = {"scheduler": house.scheduler, "web": desk}
    every |= {f"worker {n}": each for n, each in enumerate(house.workers)}
    for name, each in every.items():
        process = psutil.Process(each.popen.pid)
        children = process.children() if name == "web" else []
        facts[f"{name}: memory"] = sum(p.memory_info().rss for p in (process, *children)) / MB
        facts[f"{name}: files, number"] = sum(p.num_fds() for p in (process, *children))
    facts["Redis: memory"] = house.redis.client().info("memory")["used_memory"] / MB
    facts["Redis: keys, number"] = house.redis.client().dbsize()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            facts["database"] = Path(connection.settings_dict["NAME"]).stat().st_size / MB
        else:
            cursor.execute("SELECT pg_database_size(current_database())")
            facts["database"] = cursor.fetchone()[0] / MB
    return facts


def table(first, last, deliveries):
    for name in last:
        print(f"{name:28}{first.get(name, 0):>10.1f}{last[name]:>10.1f}")
    grown = (last["database"] - first["database"]) * MB / max(1, deliveries)
    print(f"database, a delivery        {grown:>20.0f} bytes")


def test_a_day(house, desk, tmp_path):
    day = Day(house, desk, tmp_path / "sms" / "asked.jsonl")
    schedule = repeated("FREQ=MINUTELY", pasted="minute@example.com", in_quiet_hours=True)
    time.sleep(5)
    first, before = sizes(house, desk), Delivery.objects.count()
    began = timezone.now()
    day.pass_by()
    actions.pause(schedule.pk)
    for number in day.notices:
        house.wait_until_ended(number, 120)
    codes = Delivery.objects.filter(message="code")
    house.eventually(lambda: not codes.filter(state__in=("queued", "sending")).exists(), 120)
    last = sizes(house, desk)
    waits = day.waits()
    table(first, last, Delivery.objects.count() - before)
    log = sum(len(each.output().splitlines()) for each in (*house.workers, house.scheduler))
    facts = {
        "database": connection.vendor, "seed": SEED, "minutes": MINUTES,
        "notices": dict(Counter(day.notices.values())), "deliveries": Delivery.objects.count(),
        "codes": len(day.asked), "p50": round(share(waits.values(), 0.5), 2),
        "p99": round(share(waits.values(), 0.99), 2), "slowest": round(max(waits.values()), 2),
        "log lines of what runs now": log, "faults": dict(house.faults),
        "states": dict(Counter(Delivery.objects.values_list("state", flat=True))),
    }  # fmt: skip
    print(json.dumps(facts))
    day.slow(waits)
    accepted = Counter(house.accepted())
    rows = Delivery.objects.filter(notice__in=day.notices)
    for address, state in rows.values_list("address", "state"):
        allowed = {"sent": (1,), "uncertain": (0, 1), "cancelled": (0,)}[state]
        assert accepted[address] in allowed, (address, state, accepted[address])
    assert set(day.asked) <= set(waits), "a code never came"
    found = of_schedules([schedule], house)
    assert found["lost"] == found["decided twice"] == found["extra copies"] == 0, found
    assert not Notice.objects.filter(state="sending", created_at__gte=began).exists()
    assert last["Redis: memory"] < first["Redis: memory"] + 10
    for name in last:
        if name.endswith("memory"):
            assert last[name] < first.get(name, last[name]) + 60, name
        if name.endswith("files, number"):
            assert last[name] < first.get(name, last[name]) + 30, name
