"""How a worker keeps its place among the rows that it has in hand (mailing.py).

It is said before each message, and so by a bare statement: the ORM takes ten times as long. And
SQLite's own wait for another writer, a millisecond at least, is longer than a message takes.
"""

import os
import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections

from notices.channels.base import Provider
from notices.models import Delivery, Notice
from notices.record import LEASE

YIELDS = 50  # times that the processor is left to whoever writes
SOON = 0.00005  # seconds between two tries after that
SENDING = Notice.State.SENDING.value


def stand_at(delivery: Delivery, carrier: Provider, token: str) -> bool:
    """Says that the request for this row is about to leave; False when the notice was
    cancelled, or the sweep took the worker for dead."""
    return at_once(
        "UPDATE notices_slice SET at = %s, provider = %s, lease_until = %s WHERE token = %s AND"
        " EXISTS (SELECT 1 FROM notices_notice WHERE id = notice_id AND state = %s)",
        [delivery.pk, carrier.name, lease_from(int(time.time())), token, SENDING],
    )


@lru_cache(maxsize=1)
def lease_from(second: int) -> Any:
    """Until when the rows are ours, as the database takes it. `second`: unix time."""
    return connection.ops.adapt_datetimefield_value(datetime.fromtimestamp(second, UTC) + LEASE)


def at_once(statement: str, values: Sequence[Any]) -> bool:
    """Whether a row was changed."""
    database = connections[DEFAULT_DB_ALIAS]
    if database.vendor == "sqlite":
        database.ensure_connection()
        with database.wrap_database_errors:
            return on_sqlite(database, statement.replace("%s", "?"), values)
    with database.cursor() as cursor:
        cursor.execute(statement, values)
        return bool(cursor.rowcount)


def on_sqlite(database: Any, statement: str, values: Sequence[Any]) -> bool:
    line, timeout = database.connection, database.settings_dict["OPTIONS"]["timeout"]
    until, yields = time.monotonic() + timeout, 0
    line.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                return bool(line.execute(statement, values).rowcount)
            except sqlite3.OperationalError as problem:
                if "locked" not in str(problem) or time.monotonic() > until:
                    raise
            if yields < YIELDS:
                yields += 1
                os.sched_yield()
            else:
                time.sleep(SOON)
    finally:
        line.execute(f"PRAGMA busy_timeout = {1000 * timeout}")
