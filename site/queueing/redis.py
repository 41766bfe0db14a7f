"""Redis as a bell: what is asked of its queues beside queueing, in a hurry."""

import time
from collections.abc import Collection
from functools import cache

import django_rq
from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq.job import Job

LOOKED_THROUGH = 1000  # jobs of a queue
QUIET = 5  # seconds in which a Redis that was away is not asked what can wait
away_until = 0.0  # time.monotonic()
served: Collection[str] = ()  # the queues of the worker that this process is, if it is one


@cache
def bell() -> Redis:
    """A connection for queueing that cannot hurt a request: short waits, nothing repeated."""
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=1,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 0),
    )


def is_away() -> bool:
    """Whether it was a moment ago."""
    return time.monotonic() < away_until


def was_away() -> None:
    global away_until
    away_until = time.monotonic() + QUIET


def anything_on(names: Collection[str]) -> bool | None:
    """Whether a job waits on any of these queues, if this worker serves it; None when Redis is
    away."""
    if is_away():
        return None
    try:
        with bell().pipeline(transaction=False) as question:
            for name in set(names).intersection(served or names):
                question.llen(f"rq:queue:{name}")
            return any(question.execute())
    except (RedisError, OSError):
        was_away()
        return None


def take_off(name: str, starts: tuple[str, ...]) -> None:
    """Takes jobs off a queue whose ids start like that; none that a worker has in hand."""
    if is_away():
        return
    try:
        queue = django_rq.get_queue(name, connection=bell())
        found = [each for each in queue.get_job_ids(0, LOOKED_THROUGH) if each.startswith(starts)]
        with bell().pipeline(transaction=False) as batch:
            for each in found:
                batch.lrem(queue.key, 1, each)
            for each, removed in zip(found, batch.execute(), strict=True):
                if removed:
                    batch.delete(Job.key_for(each))
            batch.execute()
    except (RedisError, OSError):
        was_away()
