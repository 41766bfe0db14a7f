"""A whole notice on PostgreSQL while somebody holds a snapshot from its first to its last message,
as pg_dump does: it ends as fast as it began. HELD_PEOPLE=1000000 for the size of a large house."""

import os
import time
from contextlib import closing

import psycopg
import pytest
from django.db import connection

from notices.models import Notice
from tests.faults.house import people, ringing, send_to_everyone
from tests.faults.test_codes import share
from tests.support.world import database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))
PEOPLE = int(os.environ.get("HELD_PEOPLE", "100000"))
SAMPLE, SECONDS = 5.0, PEOPLE / 200  # between two looks; at most


def test_a_held_snapshot_does_not_make_a_notice_slower(tmp_path, settings):
    if connection.vendor == "sqlite":
        pytest.skip("a snapshot holds up nobody there: delivery/test_held_snapshot.py")
    with ringing(tmp_path, SEED, settings) as house:
        people(PEOPLE)
        with closing(psycopg.connect(database_url().replace("postgres:", "postgresql:"))) as held:
            held.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            held.execute("SELECT count(*) FROM notices_delivery")
            pk = send_to_everyone(house, tmp_path)
            rates, before, until = [], (time.monotonic(), 0), time.monotonic() + SECONDS
            while not Notice.objects.filter(pk=pk, state="finished").exists():
                assert time.monotonic() < until
                time.sleep(SAMPLE)
                now = (time.monotonic(), house.accepted_file.read_bytes().count(b"\n"))
                if now[1] > before[1] > 0:
                    rates.append((now[1] - before[1]) / (now[0] - before[0]))
                before = now
        whole = rates[:-1]  # the last one ended amid it
        part = max(1, len(whole) // 4)
        first, last = share(whole[:part], 0.5), share(whole[-part:], 0.5)
        print(f"{PEOPLE} people: {first:.0f}/s at first, {last:.0f}/s at last; {whole}")
        assert last > 0.8 * first
        assert house.verdict(pk)["extra copies"] == 0
        assert house.verdict(pk)["sent"] == PEOPLE
