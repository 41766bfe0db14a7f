"""What the commands need before they start. What is missing is told in one sentence."""

import logging
import signal
import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import CommandError
from redis.exceptions import RedisError

from config.redis import connect

log = logging.getLogger(__name__)


def address(url: str) -> str:
    """The part of a Redis address that may be shown: neither name, password nor query."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    host = parts.netloc.rpartition("@")[2]
    return host or "127.0.0.1:6379"


def require_redis() -> None:
    """Raises CommandError with the address and the way to start one when Redis is not there."""
    try:
        connect(settings.REDIS_URL, 2).ping()
    except (RedisError, OSError, ValueError) as problem:
        raise CommandError(
            f"No Redis answers at {address(settings.REDIS_URL)} ({type(problem).__name__}). "
            "Start one with bin/up or redis-server, or set REDIS_URL to one that runs."
        ) from None


def await_redis() -> None:
    """Returns once Redis is there: a worker or a scheduler that quits without it is started again
    late, if at all."""
    try:
        require_redis()
    except CommandError as problem:
        if isinstance(problem.__context__, ValueError):
            raise
        log.warning("%s Looking again each second.", problem)
        look_again()


def look_again() -> None:
    wanted = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(each, stop) for each in wanted]
    while True:
        time.sleep(1)
        with suppress(CommandError):
            require_redis()
            break
    for each, handler in zip(wanted, before, strict=True):
        signal.signal(each, handler)


def stop(signum: int, frame: Any) -> None:
    raise SystemExit(0)


def require_queues(names: tuple[str, ...]) -> None:
    """Raises CommandError when a worker is told to listen on a queue that does not exist."""
    unknown = [name for name in names if name not in settings.RQ_QUEUES]
    if unknown:
        raise CommandError(
            f"There is no queue called {', '.join(unknown)}. "
            f"The queues are: {' '.join(settings.RQ_QUEUES)}."
        )
