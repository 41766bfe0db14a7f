"""PgBouncer stands before PostgreSQL and lends a session for a transaction: nothing of ours may
rely on having the same one again."""

import http.client
import os
import shutil
import subprocess
import sys
import time

import psycopg
import pytest
from django.db import connection

from local import embedded
from notices.models import Delivery, State
from tests.faults import house as harness
from tests.faults.house import House, people, send_to_everyone
from tests.faults.trouble import wait_for_the_rest
from tests.support import postgresql, world
from tests.support.world import database_url

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.faults,
    pytest.mark.skipif("--postgresql" not in sys.argv, reason="on PostgreSQL"),
    pytest.mark.skipif(not PROGRAM, reason="PgBouncer is not installed"),
]
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))
SESSIONS = 3  # for two workers and a web process of eight threads
ROWS = 6000
CONFIGURATION = """[databases]
* = host={host} port={server} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {sessions}
"""


@pytest.fixture
def pool(tmp_path, monkeypatch):
    facts, port = connection.settings_dict, embedded.free_port()
    server = facts["PORT"] or 5432
    file = tmp_path / "pgbouncer.ini"
    file.write_text(
        CONFIGURATION.format(
            host=facts["HOST"] or "127.0.0.1", server=server, user=facts["USER"], port=port,
            sessions=SESSIONS,
        )
    )  # fmt: skip
    with file.open() as words:  # it refuses to be root, and cannot look into the folder then
        process = subprocess.Popen(
            [PROGRAM, "-q", "/dev/stdin"], stdin=words, stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT, cwd="/", **postgresql.somebody(),
        )  # fmt: skip
    url = database_url().replace(f":{server}/", f":{port}/")

    def answers():
        try:
            psycopg.connect(url.replace("postgres:", "postgresql:")).close()
        except psycopg.OperationalError:
            return False
        return True

    harness.eventually(answers, 10)
    monkeypatch.setattr(harness, "database_url", lambda: url)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def house(pool, tmp_path, monkeypatch):
    monkeypatch.setenv("SMS_URLS", f"file:{tmp_path}")
    built = House(tmp_path, SEED)
    yield built
    built.close()


def download(desk, number):
    line = http.client.HTTPConnection("127.0.0.1", desk.port, timeout=30)
    line.request("GET", f"/notices/{number}.csv", headers={"Cookie": desk.cookies})
    rows = line.getresponse().read().decode().splitlines()
    line.close()
    return rows


def test_everything_works_through_pgbouncer_in_transaction_mode(house, desk, tmp_path):
    large = world.notice(state="finished")
    large.save()
    Delivery.objects.bulk_create(
        Delivery(notice=large, message="notice", channel="email", address=f"{n}@example.com",
                 state=State.SENT)
        for n in range(ROWS)
    )  # fmt: skip
    people(600)
    number = send_to_everyone(house, tmp_path)
    desk.open(number)
    tables = [download(desk, large.pk) for _ in range(5)]
    house.wait_until_ended(number, 60)
    desk.close_door()
    wait_for_the_rest(house)
    verdict = house.verdict(number)
    assert [len(set(table)) for table in tables] == [ROWS + 1] * 5
    assert verdict["sent"] == 601
    assert verdict["extra copies"] == verdict["lost"] == 0
    assert not house.quit_by_themselves()
    assert not house.failed_jobs()
    desk.check()
