"""Django's SQLite, for several processes that write at the same time.

SQLite has one writer. Whoever finds it busy sleeps, by SQLite's own clock, a millisecond first and
a tenth of a second later, however soon the other is ready: most writes here take some 20 µs, and
between two long ones somebody who sleeps that long never finds a gap. So we look again much sooner.
"""

import os
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from django.db.backends.sqlite3 import base

PATIENCE = 20  # seconds until "database is locked" is the answer
YIELDS = 50  # times that the processor is left to others before the first sleep
SOON = 0.0005  # seconds of a sleep


class Cursor(base.SQLiteCursorWrapper):
    def execute(self, *args: Any) -> Any:
        try:
            return super().execute(*args)
        except sqlite3.OperationalError as problem:
            return again(problem, super().execute, *args)

    def executemany(self, *args: Any) -> Any:
        try:
            return super().executemany(*args)
        except sqlite3.OperationalError as problem:
            return again(problem, super().executemany, *args)


def again(problem: sqlite3.OperationalError, execute: Callable[..., Any], *args: Any) -> Any:
    """What it answers once nobody else writes. Raises what it raises for another reason, or when
    somebody has been writing for too long."""
    until, looks = time.monotonic() + PATIENCE, 0
    while problem.sqlite_errorcode == sqlite3.SQLITE_BUSY and time.monotonic() < until:
        looks += 1
        os.sched_yield() if looks <= YIELDS else time.sleep(SOON)
        try:
            return execute(*args)
        except sqlite3.OperationalError as another:
            problem = another
    raise problem


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        connection: sqlite3.Connection = super().get_new_connection(conn_params)
        connection.execute("PRAGMA busy_timeout = 0")
        return connection

    def create_cursor(self, name: str | None = None) -> Cursor:
        cursor: Cursor = self.connection.cursor(factory=Cursor)
        return cursor
