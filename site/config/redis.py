"""How Redis is asked, wherever that is done: short waits, nothing repeated. Somebody may be
waiting, and the database knows what was lost."""

from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def options(seconds: float = 1) -> dict[str, Any]:
    """For redis-py and whatever passes them on to it."""
    return {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
    }


def connect(url: str, seconds: float = 1) -> Redis:
    return Redis.from_url(url, **options(seconds))
