"""Django's SQLite, for several processes that write at the same time.

SQLite has one writer. Whoever finds it busy sleeps, by SQLite's own clock, a millisecond first and
a tenth of a second later, however soon the other is ready: most writes here take some 20 µs, and
between two long ones somebody who sleeps that long never finds a gap. So we look again much sooner.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.db.backends.sqlite3 import base, operations
from django.db.backends.utils import debug_transaction

PATIENCE = 20  # seconds until "database is locked" is the answer
YIELDS = 50  # times that the processor is left to others before the first sleep
SOON = 0.0005  # seconds of a sleep
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY)


class Cursor(base.SQLiteCursorWrapper):
    def execute(self, *args: Any) -> Any:
        return when_free(super().execute, *args)

    def executemany(self, query: str, rows: Iterable[Any]) -> "Cursor":
        for row in rows:  # what has been executed must not be again
            self.execute(query, row)
        return self


def when_free(act: Callable[..., Any], *args: Any) -> Any:
    """What it answers once nobody else writes; raises what it raises for another reason, or when
    somebody has been writing for too long."""
    until, looks = 0.0, 0
    while True:
        try:
            return act(*args)
        except sqlite3.OperationalError as problem:
            now, looks = time.monotonic(), looks + 1
            until = until or now + PATIENCE
            if problem.sqlite_errorcode not in BUSY or now > until:
                raise
        os.sched_yield() if looks <= YIELDS else time.sleep(SOON)


class DatabaseOperations(operations.DatabaseOperations):
    connection: "DatabaseWrapper"

    def execute_sql_flush(self, sql_list: Iterable[str]) -> None:
        """Empties also what a trigger keeps otherwise, as PostgreSQL's TRUNCATE does."""
        self.connection.flushing = True
        try:
            super().execute_sql_flush(sql_list)
        finally:
            self.connection.flushing = False


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
    flushing = False

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        params = {"timeout": PATIENCE} | conn_params  # for what it says first
        connection: sqlite3.Connection = super().get_new_connection(params)
        connection.execute("PRAGMA busy_timeout = 0")
        connection.create_function("flushing", 0, lambda: self.flushing)
        return connection

    def create_cursor(self, name: str | None = None) -> Cursor:
        cursor: Cursor = self.connection.cursor(factory=Cursor)
        return cursor

    def _commit(self) -> None:
        # Can be busy where the file system does not allow WAL.
        if self.connection is not None:
            with debug_transaction(self, "COMMIT"), self.wrap_database_errors:
                when_free(self.connection.commit)
