"""PostgreSQL can be reached and is no use: sessions are ended, none is left, statements or idle
transactions are cut short, it takes no writes, its disk is full."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil
import psycopg
import pytest
from django.db import connection

from tests.faults import disks
from tests.faults.house import House
from tests.faults.trouble import survived
from tests.support import postgresql
from tests.support.world import database_url

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.faults,
    pytest.mark.skipif("--postgresql" not in sys.argv, reason="on PostgreSQL"),
]
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setenv("SINK_DELAY", "0.02")  # or all would be sent before it is over
    monkeypatch.setenv("SMS_URLS", f"file:{tmp_path}")
    built = House(tmp_path, SEED)
    yield built
    built.close()


@contextmanager
def admin() -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url(), autocommit=True) as session:
        session.execute("SET default_transaction_read_only = off")
        session.execute("SET statement_timeout = 0")
        session.execute("SET idle_in_transaction_session_timeout = 0")
        yield session


@contextmanager
def setting(name: str, value: str) -> Iterator[psycopg.Connection]:
    """For everybody, at once."""
    with admin() as session:
        session.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        session.execute("SELECT pg_reload_conf()")
        try:
            yield session
        finally:
            session.execute(f"ALTER SYSTEM RESET {name}")
            session.execute("SELECT pg_reload_conf()")


@contextmanager
def repeatedly(act: Callable[[], object], seconds: float) -> Iterator[None]:
    over = threading.Event()

    def keep_on() -> None:
        while not over.wait(seconds):
            act()

    thread = threading.Thread(target=keep_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def others() -> str:
    """Sessions but that of the test and of the administrator."""
    assert connection.connection
    mine = connection.connection.info.backend_pid
    return (
        "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        f"AND pid <> {mine} AND backend_type = 'client backend'"
    )


@contextmanager
def ended(house: House) -> Iterator[None]:
    """Every session of ours, each second."""
    with admin() as session:
        end = f"SELECT pg_terminate_backend(pid) {others()}"
        with repeatedly(lambda: session.execute(end), 1):
            yield


@contextmanager
def used_up(house: House) -> Iterator[None]:
    """Somebody takes each connection that gets free."""
    taken: list[psycopg.Connection] = []

    def take() -> None:
        with suppress(psycopg.OperationalError):
            while True:
                taken.append(psycopg.connect(database_url(), autocommit=True))

    take()
    try:
        with repeatedly(take, 0.05):
            yield
    finally:
        for each in taken:
            each.close()


@contextmanager
def slow(house: House) -> Iterator[None]:
    """No statement may take longer than two seconds, and each that meets a delivery would."""
    with setting("statement_timeout", "2s"), admin() as session, session.transaction():
        session.execute("LOCK TABLE notices_delivery IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def impatient(house: House) -> Iterator[None]:
    """Whoever stands still for a fifth of a second amid a transaction loses it, and we stand."""

    def stand_still() -> None:
        family = [each for each in house.family() if each.pid != house.scheduler.pid]
        for sig, pause in ((signal.SIGSTOP, 0.5), (signal.SIGCONT, 0)):
            for each in family:
                with suppress(psutil.NoSuchProcess):
                    each.send_signal(sig)
            time.sleep(pause)

    with setting("idle_in_transaction_session_timeout", "200ms"), repeatedly(stand_still, 0.3):
        yield


@contextmanager
def read_only(house: House) -> Iterator[None]:
    """As a replica is that nobody promoted yet."""
    with setting("default_transaction_read_only", "on"):
        yield


@contextmanager
def full(house: House) -> Iterator[None]:
    """No row fits on the disk any more."""
    with disks.small(24, postgresql.owner()) as disk, admin() as session:
        session.execute(f"CREATE TABLESPACE small LOCATION '{disk.folder}'")
        move(session, "small")
        try:
            with disk.filled():
                yield
        finally:
            move(session, "pg_default")
            session.execute("DROP TABLESPACE small")


def move(session: psycopg.Connection, where: str) -> None:
    session.execute(f"ALTER TABLE notices_delivery SET TABLESPACE {where}")
    for (name,) in session.execute(
        "SELECT indexname FROM pg_indexes WHERE tablename = 'notices_delivery'"
    ).fetchall():
        session.execute(f"ALTER INDEX {name} SET TABLESPACE {where}")


@pytest.mark.parametrize("what", [ended, used_up, slow, impatient, read_only, full])
def test_whatever_postgresql_does_all_goes_on_when_it_is_over(house, desk, tmp_path, what):
    in_doubt = 40 if what is ended else 0
    survived(house, desk, tmp_path, lambda: what(house), in_doubt=in_doubt)
