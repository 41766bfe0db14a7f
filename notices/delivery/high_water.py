"""Notices when the database is older than what was done: it was restored, or a replica took over
that was behind.

The row HighWater and a mark outside of the database hold the same moment, and it only grows: `rise`
moves both before anything is started, sent or planned, and after each slice. A database below the
mark has lost what was done since, and what is unfinished in it may be done already: it is held
until staff decide (restored.py).

The mark is in Redis. Beside SQLite it is in a file, too, which no copy of the database brings back.
"""

import fcntl
import logging
import math
import os
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction

from notices.delivery import restored
from notices.models import HighWater
from queueing.redis import ask, raise_to

__all__ = ["hold", "rise", "rise_before"]

KEY = "bellhop:high_water"  # Redis key: microseconds since 1970
# Without a mark outside: a database in which nothing was done for so long is held, too. Either
# everything stood still and Redis is new, or this is a copy beside another Redis.
STANDSTILL = timedelta(hours=1)
CLOCKS = timedelta(minutes=1)  # by which two machines' clocks may differ
LATELY = 0.1  # seconds
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
risen_at = -math.inf  # time.monotonic(), in this process
log = logging.getLogger(__name__)


def rise() -> None:
    """Moves the mark, and holds what is unfinished if the database is below it. Two questions to
    Redis and one statement. With Redis away nobody can tell, and nothing is moved."""
    known = outside()
    if known is None:
        return
    # Later than what is known even by a clock that is behind: it is not the time that counts.
    now = max(time.time_ns() // 1000, known + 1)
    lowest = moment(known) if known else moment(now) - STANDSTILL
    intact = HighWater.objects.filter(at__gte=lowest)
    if not intact.filter(at__lt=moment(now)).update(at=moment(now)):
        if ahead := intact.first():  # another process was quicker
            now = microseconds(ahead.at)
        else:
            now = microseconds(found_below(known, moment(now), lowest))
    transaction.on_commit(partial(keep, now), robust=True)  # never above what is in the database


def rise_before() -> None:
    """Before something is done: unless this process did so a moment ago. Many small notices come
    one after another, and each that was sent has moved the mark."""
    if time.monotonic() - risen_at > LATELY:
        rise()


def found_below(known: int, now: datetime, lowest: datetime) -> datetime:
    """The row is below the mark, or there is none yet. Of several processes one holds. Where the
    row stands then."""
    with transaction.atomic():
        row, is_new = HighWater.objects.select_for_update().get_or_create(
            pk=1, defaults={"at": now}
        )
        if not is_new and row.at >= lowest:
            return row.at
        if is_new and not known:
            return now  # the first time
        # What was written after all that was done is no part of it.
        held = restored.hold(moment(known) + CLOCKS if known else now)
        if held:
            row.found_at, row.database_at = now, None if is_new else row.at
            row.known_at = moment(known) if known else None
        row.at = now
        row.save()
    said = "The database is below its mark, or stood still for long: %d held (manage.py restored)."
    log.warning(said, held)
    return now


def hold() -> int:
    """Somebody knows that the database was restored. How much was held; new is what is written
    from now on."""
    now = moment(time.time_ns() // 1000)
    with transaction.atomic():
        row, _ = HighWater.objects.select_for_update().get_or_create(pk=1, defaults={"at": now})
        held = restored.hold(now)
        row.found_at, row.database_at, row.known_at = now, None, None
        row.save()
    return held


def outside() -> int | None:
    """The highest mark that is kept outside of the database, 0 when there is none; None when Redis
    is away."""
    in_redis = ask(lambda redis: int(redis.get(KEY) or 0))
    return None if in_redis is None else max(in_redis, in_file())


def in_file() -> int:
    with suppress(OSError, ValueError, IndexError):
        if settings.HIGH_WATER_FILE:
            return int(settings.HIGH_WATER_FILE.read_text().split()[0])
    return 0


def keep(mark: int) -> None:
    """Outside of the database, unless there is a higher one."""
    if settings.HIGH_WATER_FILE:
        with suppress(OSError), settings.HIGH_WATER_FILE.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if mark > in_file():
                text = f"{mark:020} microseconds since 1970: see docs/running.md, A restore\n"
                os.ftruncate(file.fileno(), 0)
                file.write(text)
    raise_to(KEY, mark)
    global risen_at
    risen_at = time.monotonic()


def microseconds(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def moment(mark: int) -> datetime:
    return EPOCH + timedelta(microseconds=mark)
