"""Several who write into one SQLite file."""

import sqlite3
import threading
import time
from contextlib import closing

import pytest
from django.db import OperationalError, connection, transaction

from config.sqlite3 import base
from signup.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]


class Writer(threading.Thread):
    """Another process, as far as SQLite can tell: writes for `holds` seconds, leaves a gap, and so
    on for `lasts` seconds."""

    def __init__(self, holds, gap=0.0, lasts=0.0):
        super().__init__()
        self.holds, self.gap, self.until = holds, gap, time.monotonic() + lasts
        self.writes = threading.Event()
        self.file = connection.settings_dict["NAME"]

    def run(self):
        with closing(sqlite3.connect(self.file, isolation_level=None, timeout=5)) as line:
            while True:
                line.execute("BEGIN IMMEDIATE")
                self.writes.set()
                time.sleep(self.holds)
                line.execute("COMMIT")
                if time.monotonic() > self.until:
                    return
                time.sleep(self.gap)

    def __enter__(self):
        self.start()
        assert self.writes.wait(5)

    def __exit__(self, *error):
        self.until = 0
        self.join()


def write():
    User.objects.update(language="en")


def seconds(act):
    began = time.monotonic()
    act()
    return time.monotonic() - began


def transactional():
    with transaction.atomic():
        write()


@pytest.mark.parametrize("act", [write, transactional])
def test_a_write_waits_for_another(act):
    with Writer(0.3):
        assert 0.2 < seconds(act) < 0.5


def test_many_rows_of_one_statement_wait_too():
    def several():
        with connection.cursor() as cursor:
            rows = [("en",), ("zh-hans",)]
            cursor.executemany("UPDATE signup_user SET language = %s", rows)

    with Writer(0.3):
        assert 0.2 < seconds(several) < 0.5


def test_a_gap_between_long_writes_is_found():
    """SQLite by itself looks more and more seldom."""
    waits, writer = [], Writer(0.05, gap=0.005, lasts=10)
    with writer:
        for _ in range(10):
            writer.writes.clear()
            assert writer.writes.wait(5)
            waits.append(seconds(write))
    assert sorted(waits)[7] < 0.1


def test_who_waits_for_too_long_is_told(monkeypatch):
    monkeypatch.setattr(base, "PATIENCE", 0.2)
    with Writer(1), pytest.raises(OperationalError, match="database is locked"):
        write()


def test_another_error_is_told_at_once():
    with connection.cursor() as cursor:
        began = time.monotonic()
        with pytest.raises(OperationalError, match="no such table"):
            cursor.execute("UPDATE nowhere SET at = %s", [1])
        assert time.monotonic() - began < 0.1
