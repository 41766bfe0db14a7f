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


@pytest.mark.parametrize("kind", [list, iter])
def test_many_rows_of_one_statement_are_written_once_each(kind):
    def several():
        with connection.cursor() as cursor:
            rows = kind([[f"k{number}", "{}", "2026-01-01"] for number in range(5)])
            cursor.executemany("INSERT INTO django_session VALUES (%s, %s, %s)", rows)

    with Writer(0.05, gap=0.001, lasts=10):
        several()
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_key FROM django_session ORDER BY session_key")
        assert [key for (key,) in cursor.fetchall()] == [f"k{number}" for number in range(5)]


def test_a_gap_between_long_writes_is_found():
    """SQLite by itself looks more and more seldom."""
    waits, writer = [], Writer(0.07, gap=0.005, lasts=10)
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


def test_a_commit_waits_where_wal_cannot_be_had(tmp_path):
    options = {"transaction_mode": "IMMEDIATE"}
    settings = connection.settings_dict | {"NAME": tmp_path / "other", "OPTIONS": options}
    other = base.DatabaseWrapper(settings, "default")
    with closing(other), other.cursor() as cursor:
        cursor.execute("CREATE TABLE t (n)")
        reader = sqlite3.connect(tmp_path / "other", isolation_level=None, check_same_thread=False)
        reader.execute("INSERT INTO t VALUES (1), (2)")
        reading = reader.execute("SELECT n FROM t")
        reading.fetchone()  # it holds the file until it has read all
        later = threading.Timer(0.3, reading.fetchall)
        later.start()
        other.set_autocommit(False)
        cursor.execute("INSERT INTO t VALUES (3)")
        assert 0.2 < seconds(other.commit) < 0.6
        later.join()
        reader.close()
