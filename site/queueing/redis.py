"""Redis as a bell: what is asked of it beside queueing, in a hurry. One that was away a moment ago
is not asked what can wait."""

import threading
import time
from collections.abc import Callable, Collection
from functools import cache
from typing import Any, TypeVar

import django_rq
from django.conf import settings
from limits import RateLimitItem
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis import Redis
from redis.exceptions import RedisError
from rq.job import Job

from config.redis import connect
from queueing import process

__all__ = [
    "HURRY_SECONDS", "SWEEP_HEARTBEAT", "anything_on", "ask", "bell", "is_away", "job_id",
    "jobs_about", "limiter", "raise_to", "spend", "subjects", "take_off", "was_away",
]  # fmt: skip

SWEEP_HEARTBEAT = "bellhop:swept_at"  # Redis key: unix time of the last finished sweep
MAX_JOBS = 1000  # of a queue that are looked through
MAX_IDS = 50_000
HURRY_SECONDS = 0.5  # that a worker waits for what it can do without
AWAY_SECONDS = 5  # in which a Redis that was away is not asked
away_until = 0.0  # time.monotonic()

Answer = TypeVar("Answer")


making = threading.Lock()
made: dict[tuple[str, float], Redis] = {}


def connection(url: str, seconds: float) -> Redis:
    """One for each, whoever asks first at the same moment: a client that is thrown away closes its
    connections, also those in use."""
    with making:
        if (url, seconds) not in made:
            made[url, seconds] = connect(url, seconds)
        return made[url, seconds]


def bell() -> Redis:
    """A connection for queueing that cannot hurt a request. A worker has one for all: a small Redis
    allows twenty."""
    return connection(settings.REDIS_URL, HURRY_SECONDS if process.served else 1)


@cache
def limiter(url: str, prefix: str, seconds: float = 1) -> MovingWindowRateLimiter:
    """Counts in Redis, atomically; waits for it so many seconds."""
    # The class takes what redis-py takes (limits' own look-up by scheme does not know unix); only
    # the pool says where it is.
    pool = connection(url, seconds).connection_pool
    return MovingWindowRateLimiter(
        RedisStorage("redis://", connection_pool=pool, key_prefix=prefix)
    )


# As limits keeps a moving window: the moments at which something was counted, the last one first.
SPEND = """local now, wait = tonumber(ARGV[1]), 0
for i, key in ipairs(KEYS) do
  local oldest = redis.call('LINDEX', key, ARGV[2 * i] - 1)
  if oldest then wait = math.max(wait, oldest + ARGV[2 * i + 1] - now) end
end
if wait > 0 then return tostring(wait) end
for i, key in ipairs(KEYS) do
  redis.call('LPUSH', key, ARGV[1])
  redis.call('LTRIM', key, 0, ARGV[2 * i] - 1)
  redis.call('EXPIRE', key, ARGV[2 * i + 1])
end
return '0'"""


def spend(strategy: MovingWindowRateLimiter, pairs: Collection[tuple[RateLimitItem, str]]) -> float:
    """Counts one use in each window of a `limiter` by one question, or in none when one of them is
    full: then the seconds until it is not. Raises RedisError."""
    storage: Any = strategy.storage
    keys = [storage.prefixed_key(rate.key_for(name)) for rate, name in pairs]
    sizes = [number for rate, _name in pairs for number in (rate.amount, rate.get_expiry())]
    ask = storage.storage.register_script(SPEND)
    return float(ask(keys, [repr(time.time()), *sizes]))


def is_away() -> bool:
    """Whether it was a moment ago."""
    return time.monotonic() < away_until


def was_away() -> None:
    global away_until
    away_until = time.monotonic() + AWAY_SECONDS


def ask(question: Callable[[Redis], Answer]) -> Answer | None:
    """What Redis answers; None when it is away."""
    if is_away():
        return None
    try:
        return question(connection(settings.REDIS_URL, HURRY_SECONDS))
    except (RedisError, OSError):
        was_away()
        return None


RAISE = """if tonumber(ARGV[1]) > tonumber(redis.call('GET', KEYS[1]) or 0) then
    redis.call('SET', KEYS[1], ARGV[1]) end
    if ARGV[2] then redis.call('EXPIRE', KEYS[1], ARGV[2]) end"""


def raise_to(key: str, number: int, *seconds: int) -> None:
    """Keeps the number, unless a higher one is there; for so many seconds, or for ever."""
    ask(lambda redis: redis.eval(RAISE, 1, key, number, *seconds))


def anything_on(names: Collection[str]) -> bool | None:
    """Whether a job waits on any of these queues, if this worker serves it; None when Redis is
    away."""

    def lengths(redis: Redis) -> bool:
        with redis.pipeline(transaction=False) as question:
            for name in set(names).intersection(process.served or names):
                question.llen(f"rq:queue:{name}")
            return any(question.execute())

    return ask(lengths)


def job_id(subject: str, which: int | str) -> str:
    """What it is about can be read from it: the function and its arguments. `which` tells those
    about the same apart."""
    return f"{subject}-{which}"


# Counted in Redis, because a queue may be long. RQ notes of each running job until when it is taken
# for alive.
COUNT = """local waiting, running = 0, 0
for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  if string.sub(id, 1, #ARGV[1]) == ARGV[1] then waiting = waiting + 1 end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], ARGV[2], '+inf')) do
  if string.sub(id, 1, #ARGV[1]) == ARGV[1] then running = running + 1 end
end
return {waiting, running}"""


def jobs_about(subject: str, name: str) -> tuple[int, int] | None:
    """How many wait on this queue, and how many run, or died a moment ago; None when Redis is
    away."""
    keys, start = (f"rq:queue:{name}", f"rq:wip:{name}"), job_id(subject, "")
    found: Any = ask(lambda redis: redis.eval(COUNT, 2, *keys, start, time.time()))
    return found and tuple(found)


def subjects(names: Collection[str]) -> set[str]:
    """What the jobs are about that wait on these queues; nothing when Redis is away."""

    def look(redis: Redis) -> set[str]:
        with redis.pipeline(transaction=False) as question:
            for name in names:
                question.lrange(f"rq:queue:{name}", 0, MAX_IDS)
            found = question.execute()
        return {each.decode().rpartition("-")[0] for ids in found for each in ids}

    return ask(look) or set()


def take_off(name: str, starts: tuple[str, ...]) -> None:
    """Takes jobs off a queue whose ids start like that; none that a worker has begun."""

    def take(redis: Redis) -> None:
        queue = django_rq.get_queue(name, connection=redis)
        found = [each for each in queue.get_job_ids(0, MAX_JOBS) if each.startswith(starts)]
        with redis.pipeline(transaction=False) as batch:
            for each in found:
                batch.lrem(queue.key, 1, each)
            for each, removed in zip(found, batch.execute(), strict=True):
                if removed:
                    batch.delete(Job.key_for(each))
            batch.execute()

    ask(take)
