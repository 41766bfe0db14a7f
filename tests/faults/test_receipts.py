"""Ten thousand reports at once, some twice, some forged, while Redis is killed: none is lost."""

import hashlib
import hmac
import http.client
import json
import os
import random
import threading
import time
from collections import Counter

import pytest
from django.db import connection

from notices.models import Delivery, Receipt, State
from tests.faults.house import House

pytestmark = pytest.mark.django_db(transaction=True)
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))
KEY = "gateway-key"


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setenv("SMS_URLS", f"webhook+http://{KEY}@127.0.0.1:9/send")
    built = House(tmp_path, SEED)
    yield built
    built.close()


class Provider:
    """Reports over a few lasting connections; what is not taken is reported again."""

    def __init__(self, port: int, reports: list[bytes]) -> None:
        self.port, self.reports, self.lock = port, reports, threading.Lock()
        self.statuses: Counter[int] = Counter()
        self.threads = [threading.Thread(target=self.work) for _ in range(8)]

    def work(self) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        while True:
            with self.lock:
                if not self.reports:
                    return
                body = self.reports.pop()
            status = self.post(line, body)
            with self.lock:
                self.statuses[status] += 1
                if status >= 500 or not status:
                    self.reports.insert(0, body)

    def post(self, line: http.client.HTTPConnection, body: bytes) -> int:
        key = "forged" if b"forged" in body else KEY
        signature = "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Bellhop-Signature": signature}
        try:
            line.request("POST", "/receipts/webhook/", body, headers)
            answer = line.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            line.close()
            return 0
        return answer.status

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def join(self) -> None:
        for thread in self.threads:
            thread.join()


def reports_on(number: int) -> list[bytes]:
    """One of each delivery, one in ten twice, one in a hundred forged, in no order."""
    Delivery.objects.bulk_create(
        Delivery(message="welcome", channel="sms", address=f"+86139{n:08}", state=State.SENT,
                 provider="webhook", provider_ref=f"g{n}")
        for n in range(number)
    )  # fmt: skip
    real = [json.dumps({"id": f"g{n}", "state": "delivered"}).encode() for n in range(number)]
    forged = [
        json.dumps({"id": f"g{n}", "state": "failed", "reason": "forged"}).encode()
        for n in range(0, number, 100)
    ]
    all_of_them = [*real, *real[::10], *forged]
    random.Random(SEED).shuffle(all_of_them)
    return all_of_them


@pytest.mark.parametrize(
    "number",
    [pytest.param(300, id="smoke"), pytest.param(10_000, id="long", marks=pytest.mark.faults)],
)
def test_no_report_is_lost_when_redis_is_killed_in_the_middle(house, desk, number):
    reports = reports_on(number)
    total = len(reports)
    provider = Provider(desk.port, reports)
    started = time.monotonic()
    provider.start()
    house.eventually(lambda: len(provider.reports) < total / 2, 120)
    house.take_redis_away(3 if number > 1000 else 1)
    provider.join()
    taken = time.monotonic() - started
    delivered = Delivery.objects.filter(state=State.DELIVERED)
    house.eventually(lambda: delivered.count() == number, 60)
    applied = time.monotonic() - started
    facts = {
        "database": connection.vendor,
        "reports": total,
        "answers": dict(provider.statuses),
        "taken a second": round(total / taken),
        "seconds until all were applied": round(applied, 1),
    }
    print("\n" + json.dumps(facts))
    assert provider.statuses[204] == number + number // 10
    assert provider.statuses[403] == number // 100
    assert Receipt.objects.count() == number
    assert not house.quit_by_themselves()
