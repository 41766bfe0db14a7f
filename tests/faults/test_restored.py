"""The database is restored from a copy that was made in the middle of a notice: nothing that may
have gone already goes before staff say so, and then all of it or nothing."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from notices.models import Notice, Occurrence, Schedule
from tests.faults.between import before_database
from tests.faults.house import House, people, ringing, send_to_everyone
from tests.support import postgresql
from tests.support.processes import Process
from tests.support.world import database_url, repeated

pytestmark = pytest.mark.django_db(transaction=True)
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))
ON_POSTGRESQL = "--postgresql" in sys.argv  # while pytest collects, no database may be asked
RECIPIENTS = 1500
BOARD = "board@example.com"


class Copy:
    """Of the database as it is now."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "copy"
        if connection.vendor == "sqlite":
            source, target = sqlite3.connect(self.database), sqlite3.connect(self.file)
            with closing(source), closing(target):
                source.backup(target)
        else:
            self.run("pg_dump", "-Fc", "-f", self.file, "-d", self.database)

    @property
    def database(self) -> str:
        if connection.vendor == "sqlite":
            return str(connection.settings_dict["NAME"])
        return database_url().replace("postgres://", "postgresql://", 1)

    def run(self, program: str, *words: object) -> None:
        folder = postgresql.programs()
        assert folder
        subprocess.run([folder / program, *map(str, words)], check=True, capture_output=True)

    def restore(self) -> None:
        connection.close()
        if connection.vendor == "sqlite":
            for end in ("", "-wal", "-shm"):
                Path(f"{self.database}{end}").unlink(missing_ok=True)
            shutil.copy(self.file, self.database)
        else:
            self.run("pg_restore", "--clean", "--if-exists", "-d", self.database, self.file)


@pytest.fixture
def gate(monkeypatch):
    with before_database(monkeypatch) as built:
        yield built


@pytest.fixture
def house(gate, tmp_path, settings, monkeypatch):
    monkeypatch.setenv("SINK_DELAY", "0.01")  # or all would be sent before the copy is old
    with ringing(tmp_path, SEED, settings) as built:
        yield built


class Backup:
    """The same, by bin/backup and bin/restore."""

    def __init__(self, folder: Path, house: House) -> None:
        self.file, self.house = folder / "backup", house
        call_command("backup", str(self.file))  # at once: a process takes seconds to begin

    def restore(self) -> None:
        connection.close()
        told = self.house.command("restore", str(self.file), "--replace")
        held = re.search(r"^(\d+) held", told, re.MULTILINE)
        assert held
        assert int(held[1]) >= 2
        assert "--settle NAME  call it done" in told


def restarted(house, copy):
    for process in house.family():  # and the slices in hand
        process.kill()
    for process in (*house.workers, house.scheduler):
        process.popen.wait()
    time.sleep(1)  # for what the mail server has in hand
    copy.restore()
    house.workers = [house.worker() for _ in house.workers]
    house.scheduler = Process("rqscheduler", **house.environment)


def to_the_board(house, folder):
    """A notice that is written now."""
    text, addresses = folder / "text.md", folder / "board.txt"
    addresses.write_text("new@example.com\n")
    house.command(
        "notice", "send", "--subject", "News", "--text", str(text), "--channel", "email",
        "--addresses", str(addresses), "--no-undo",
    )  # fmt: skip


@pytest.mark.faults
@pytest.mark.parametrize("answer", ["--go", "--settle"])
@pytest.mark.parametrize("how", ["restarted", "by command", *["failed over"] * ON_POSTGRESQL])
def test_nothing_goes_before_staff_say_so(house, gate, tmp_path, how, answer):
    people(RECIPIENTS)
    started = time.monotonic()
    repeated("FREQ=SECONDLY;INTERVAL=3", pasted=BOARD, in_quiet_hours=True)
    number = send_to_everyone(house, tmp_path)
    house.eventually(lambda: len(house.accepted()) > 200, 30)
    copy = Backup(tmp_path, house) if how == "by command" else Copy(tmp_path)
    copied = len(house.accepted())
    house.eventually(lambda: len(house.accepted()) > copied + 400, 60)
    assert not house.ended(number)
    if how != "failed over":
        restarted(house, copy)
    else:
        with gate.being("shut"):
            time.sleep(1)  # for what is in hand
            copy.restore()
    house.faults[how] += 1
    restored_at, before = time.monotonic(), Counter(house.accepted())
    house.eventually(lambda: Notice.objects.get(pk=number).in_question_since, 15)
    assert Schedule.objects.get().in_question_since
    ran = Occurrence.objects.count()
    time.sleep(max(0, restored_at + 65 - time.monotonic()))  # leases are over, and all clocks agree
    assert Counter(house.accepted()) == before
    assert Occurrence.objects.count() == ran
    to_the_board(house, tmp_path)
    house.eventually(lambda: house.accepted().count("new@example.com") == 1, 15)
    assert sum(before.values()) + 1 == len(house.accepted())

    house.command("restored", answer, "all")
    settled = house.wait_until_ended(number, 60)
    verdict = house.verdict(number)
    accepted = Counter(house.accepted())
    twice = {who for who, times in accepted.items() if times > 1 and who != BOARD}
    facts = {"copied at": copied, "restored at": sum(before.values()), "twice": len(twice)}
    house.tell(time.monotonic() - started, verdict | facts | {"settled": round(settled, 1)})
    assert not house.quit_by_themselves()
    assert verdict["recipients"] == RECIPIENTS
    assert verdict["lost"] == 0
    assert verdict["sent but not accepted"] == 0
    states = Occurrence.objects.filter(planned_at__lte=Schedule.objects.get().handled_until)
    if answer == "--go":
        # Who had it since the copy has it twice: that is what was said.
        assert twice <= set(before)
        assert len(twice) > 300
        assert verdict["uncertain"] <= len(house.workers)
    else:
        assert not twice
        assert verdict["uncertain"] >= RECIPIENTS - copied
        assert states.filter(state="skipped").count() > 10
    house.eventually(lambda: Counter(house.accepted())[BOARD] > before[BOARD], 15)  # it goes on
