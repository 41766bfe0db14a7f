"""SQLite's file takes no writes, its disk is full, somebody reads for long, somebody writes for
long."""

import ctypes
import os
import shutil
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.db import connection

from tests.faults import disks
from tests.faults.house import House
from tests.faults.test_database import ON_POSTGRESQL, PatientDesk
from tests.faults.trouble import survived

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.faults,
    pytest.mark.skipif(ON_POSTGRESQL, reason="on SQLite"),
]
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1  # linux/prctl.h, linux/capability.h


def obey_modes():
    """What this thread starts may not write where a file's mode forbids it, also as root."""
    if not os.geteuid():
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)


@pytest.fixture
def disk():
    """The database is on a small one of its own."""
    before = connection.settings_dict["NAME"]
    with disks.small(40) as disk:
        connection.close()
        shutil.copy(before, disk.folder / "test.sqlite3")
        connection.settings_dict["NAME"] = str(disk.folder / "test.sqlite3")
        yield disk
        connection.close()
        connection.settings_dict["NAME"] = before


@pytest.fixture
def house(disk, tmp_path, monkeypatch):
    monkeypatch.setenv("SINK_DELAY", "0.02")  # or all would be sent before it is over
    monkeypatch.setenv("SMS_URLS", f"file:{tmp_path}")
    # Redis ends with the thread that started it.
    with ThreadPoolExecutor(1, initializer=obey_modes) as starter:
        built = starter.submit(House, tmp_path, SEED).result()
        try:
            built.desk = starter.submit(PatientDesk, built).result()
            starter.submit(lambda: connection.close()).result()  # its own
            yield built
            built.desk.close()
        finally:
            built.close()


@contextmanager
def at_it(statement):
    """Another program, amid a transaction that begins like that."""
    path = connection.settings_dict["NAME"]
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as other:
        other.execute(statement)
        other.execute("SELECT count(*) FROM notices_delivery").fetchone()
        yield
        wal = Path(f"{path}-wal").stat().st_size
        print(f"\nWAL: {wal / 2**20:.1f} MB")
        other.execute("ROLLBACK")


@contextmanager
def read_only():
    files = list(Path(connection.settings_dict["NAME"]).parent.glob("test.sqlite3*"))
    for each in files:
        each.chmod(0o444)
    yield
    for each in files:
        if each.exists():
            each.chmod(0o644)


@pytest.mark.parametrize(
    ("what", "seconds", "recipients"),
    [("full", 12, 1500), ("read only", 12, 1500), ("read", 12, 3000), ("written", 18, 1500)],
)
def test_whatever_happens_to_the_file_all_goes_on_when_it_is_over(
    house, disk, tmp_path, what, seconds, recipients
):
    broken = {
        "full": disk.filled,
        "read only": read_only,
        "read": lambda: at_it("BEGIN"),
        "written": lambda: at_it("BEGIN IMMEDIATE"),
    }[what]
    seen = survived(house, house.desk, tmp_path, broken, seconds, recipients)
    assert not house.desk.shocking()
    if what == "read":
        assert seen["accepted meanwhile"] > 20, "a reader holds nobody up"
    else:
        assert seen["accepted meanwhile"] < 100  # of what was in hand
    path = connection.settings_dict["NAME"]
    with closing(sqlite3.connect(path)) as looked:
        assert looked.execute("PRAGMA integrity_check").fetchone() == ("ok",)
