"""Asks each part whether it is there. Every answer comes within 2 seconds, whatever is down."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection
from redis import Redis
from rq import Worker
from rq.utils import utcparse

from notices.providers import breaker
from notices.providers.router import providers
from queueing import clocks
from queueing.redis import SWEEP_HEARTBEAT, bell
from queueing.scheduler import SCHEDULER_HEARTBEAT

# Seconds since a worker's last sign of life after which it is taken for dead: an idle one gives
# one every 3 s, one with a job in hand every 30 s. RQ itself lists a killed worker for minutes.
QUIET_IDLE, QUIET_BUSY = 20, 75
SWEEP_LATE = 60


@dataclass(frozen=True)
class RedisState:
    version: str
    used: int
    limit: int  # 0: none
    policy: str
    scheduled_at: float | None
    swept_at: float | None

    @property
    def filled(self) -> float:
        return self.used / self.limit if self.limit else 0.0

    @property
    def swept_ago(self) -> int | None:
        return None if self.swept_at is None else max(0, int(time.time() - self.swept_at))


@dataclass(frozen=True)
class QueueState:
    name: str
    workers: int
    waiting: int
    oldest: int | None  # seconds that the oldest job has been waiting


def database() -> float:
    """Milliseconds that the database took for a query. Raises DatabaseError."""
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return (time.perf_counter() - began) * 1000


def redis_state() -> RedisState:
    """Raises RedisError."""
    redis = bell()
    info: dict[str, Any] = redis.info()
    scheduled_at, swept_at = redis.mget(SCHEDULER_HEARTBEAT, SWEEP_HEARTBEAT)
    name = "Valkey" if "valkey_version" in info else "Redis"
    return RedisState(
        version=f"{name} {info.get('valkey_version') or info['redis_version']}",
        used=int(info["used_memory"]),
        limit=int(info.get("maxmemory", 0)),
        policy=str(info.get("maxmemory_policy", "")),
        scheduled_at=number(scheduled_at),
        swept_at=number(swept_at),
    )


def carriers(channel: str) -> dict[str, tuple[str, breaker.Trouble | None]]:
    """Name of a provider -> one of the breaker's states, and what it said of itself."""
    names = [provider.name for provider in providers(channel)]
    return {name: (breaker.state(name), breaker.trouble(name)) for name in names}


def wrong_clocks() -> dict[str, int]:
    """Machine -> seconds that its clock is ahead of the database's. Raises RedisError."""
    found: Any = bell().hgetall(clocks.WRONG)
    return {name.decode(): int(seconds) for name, seconds in found.items()}


def number(text: bytes | str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def queues() -> list[QueueState]:
    """In the order in which workers serve them, as in the settings. Raises RedisError."""
    redis, names = bell(), list(settings.RQ_QUEUES)
    listening = listeners(redis)
    with redis.pipeline(transaction=False) as asked:
        for name in names:
            asked.llen(f"rq:queue:{name}")
            asked.lindex(f"rq:queue:{name}", 0)
        answers = asked.execute()
    with redis.pipeline(transaction=False) as asked:
        for first in answers[1::2]:
            asked.hget(b"rq:job:" + (first or b""), "enqueued_at")
        since = asked.execute()
    return [
        QueueState(name, listening.get(name, 0), waiting, age(at))
        for name, waiting, at in zip(names, answers[::2], since, strict=True)
    ]


def failed_jobs() -> int:
    """Bugs: RQ keeps them for an hour. Raises RedisError."""
    with bell().pipeline(transaction=False) as asked:
        for name in settings.RQ_QUEUES:
            asked.zcard(f"rq:failed:{name}")
        return sum(asked.execute())


def listeners(bell: Redis) -> dict[str, int]:
    """Queue name -> how many workers listen on it now.

    Read from the workers' hashes: making RQ's Worker objects would set the timeout of bell(),
    which belongs to the requests, to that of a worker.
    """
    with bell.pipeline(transaction=False) as asked:
        for key in Worker.all_keys(connection=bell):
            asked.hmget(key, "queues", "state", "last_heartbeat")
        answers = asked.execute()
    count: dict[str, int] = {}
    for served, state, beat in answers:
        quiet = QUIET_BUSY if state == b"busy" else QUIET_IDLE
        if served and (silence := age(beat)) is not None and silence <= quiet:
            for name in served.decode().split(","):
                count[name] = count.get(name, 0) + (state != b"suspended")
    return count


def age(stamp: bytes | None) -> int | None:
    """Seconds since a time as RQ writes it."""
    try:
        when = utcparse(stamp.decode()) if stamp else None
    except ValueError:
        return None
    return None if when is None else max(0, int((datetime.now(UTC) - when).total_seconds()))
