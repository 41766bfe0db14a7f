"""The database is locked or away in the middle of a notice, while people ask for pages."""

import http.client
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest
from django.db import connection

from signup.models import User
from tests.faults.between import before_database
from tests.faults.desk import Desk
from tests.faults.house import House, people, send_to_everyone
from tests.support.world import database_url

pytestmark = pytest.mark.django_db(transaction=True)
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))
ON_POSTGRESQL = "--postgresql" in sys.argv  # while pytest collects, no database may be asked
# The house runs with DEBUG=1, so an error page tells all that it knows.
NOT_FOR_PEOPLE = ("database is locked", "database table is locked")


class PatientDesk(Desk):
    """People who wait for an answer, and read it."""

    def ask(self, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> int:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)
        try:
            line.request("POST" if body else "GET", path, body, headers or {})
            answer = line.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0
        else:
            self.read = getattr(self, "read", [])
            self.read.append(text)
            return answer.status
        finally:
            line.close()

    def shocking(self) -> set[str]:
        return {words for words in NOT_FOR_PEOPLE for text in self.read if words in text}


@contextmanager
def locked() -> Iterator[None]:
    """Another program holds the database: all of SQLite, or PostgreSQL's table of deliveries."""
    if connection.vendor == "sqlite":
        path = connection.settings_dict["NAME"]
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            yield
            holder.execute("ROLLBACK")
    else:
        with psycopg.connect(database_url(), autocommit=True) as other, other.transaction():
            other.execute("SET LOCAL lock_timeout = '30s'")
            other.execute("LOCK TABLE notices_delivery IN ACCESS EXCLUSIVE MODE")
            yield


@pytest.fixture
def gate(monkeypatch):
    with before_database(monkeypatch) as built:
        yield built


@pytest.fixture
def house(gate, tmp_path, monkeypatch):
    monkeypatch.setenv("SINK_DELAY", "0.01")  # or all would be sent before the fault
    built = House(tmp_path, SEED)
    yield built
    built.close()


@pytest.fixture
def desk(house):
    opened = PatientDesk(house)
    yield opened
    opened.close()


@pytest.mark.faults
@pytest.mark.parametrize("what", ["locked", "shut", "frozen"] if ON_POSTGRESQL else ["locked"])
def test_a_database_that_cannot_be_asked_loses_nothing(house, desk, gate, tmp_path, what):
    recipients = 1500
    people(recipients - 1)
    User.objects.filter(username="reception").update(email="r@example.com", wants_email=True)
    started = time.monotonic()
    number = send_to_everyone(house, tmp_path)
    house.eventually(lambda: len(house.accepted()) > 200, 30)
    desk.open(number)
    time.sleep(1)
    assert not house.ended(number)
    with locked() if what == "locked" else gate.being(what):
        time.sleep(1)  # for what is in hand
        before = len(house.accepted())
        time.sleep(9)
        meanwhile = len(house.accepted()) - before
    house.faults[f"database {what} 10 s"] += 1
    settled = house.wait_until_ended(number, 60)
    time.sleep(1)
    desk.close_door()
    verdict = house.verdict(number)
    house.tell(
        time.monotonic() - started,
        verdict
        | {
            "settled after": round(settled, 1), "accepted meanwhile": meanwhile,
            "slowest answer": desk.slowest(), "shocking words": sorted(desk.shocking()),
            "answers": {page: sorted(found) for page, found in desk.statuses().items()},
        },
    )  # fmt: skip
    assert verdict["recipients"] == recipients
    assert verdict["lost"] == 0
    assert verdict["sent but not accepted"] == 0
    assert verdict["extra copies"] == 0
    # What each worker had in hand when its connection was reset; otherwise it can wait and tell.
    assert verdict["uncertain"] <= (len(house.workers) if what == "shut" else 0)
    assert meanwhile == 0  # nothing leaves that cannot be written down
    assert not house.quit_by_themselves()
    assert not desk.shocking()
