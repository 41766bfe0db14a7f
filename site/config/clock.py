"""The moment, by the database's clock: what one process writes down, such as a lease or a start,
another compares, and the clocks of two machines may differ."""

import time
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

__all__ = ["TOLERATED", "measure", "now", "unix"]

TOLERATED = timedelta(seconds=10)  # more than that and staff are told
NOISE = timedelta(seconds=0.5)  # what an answer takes, and what clocks differ by that are set
ahead = timedelta(0)  # of this process against the database; as long as nobody measured: none


def now() -> datetime:
    return timezone.now() - ahead


def unix() -> float:
    return time.time() - ahead.total_seconds()


def measure() -> timedelta:
    """How far this process is ahead of the database, from now on taken into account. SQLite has
    the clock of its process. Raises DatabaseError."""
    global ahead
    if connection.vendor != "postgresql":
        return ahead
    before = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (there,) = cursor.fetchone()
    found = before + (timezone.now() - before) / 2 - there
    ahead = found if abs(found) > NOISE else timedelta(0)
    return ahead
