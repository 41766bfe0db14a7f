"""Whether this process has the time of the database, by which all others go, and who is told."""

import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError

from config import clock
from queueing.redis import bell

__all__ = ["WRONG", "look", "middleware"]

WRONG = "bellhop:clocks"  # Redis hash: machine -> seconds that it is ahead; expires
LOOK_SECONDS = 10  # for which the clock is taken to go on as it was
log = logging.getLogger(__name__)
next_look = 0.0  # time.monotonic()


def look() -> None:
    """Moments are the database's from here on; a clock that is far off is told to staff, and once
    a minute to the log. Nothing is raised."""
    global next_look
    if time.monotonic() < next_look:
        return
    next_look = time.monotonic() + LOOK_SECONDS
    try:
        ahead = clock.measure()
    except DatabaseError:
        return
    if abs(ahead) <= clock.TOLERATED:
        return
    machine, seconds = socket.gethostname(), round(ahead.total_seconds())
    with suppress(RedisError, OSError):
        client = bell()
        client.hset(WRONG, machine, seconds)
        client.expire(WRONG, 60)
        if client.set(f"{WRONG}:said", 1, nx=True, ex=60):
            words = "The clock of %s is %d seconds ahead of the database's."
            log.warning(words, machine, seconds)


def middleware(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """For a web process: what it writes down, such as when a notice starts or until when a code
    holds, comes by POST."""

    def handle(request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            look()
        return get_response(request)

    return handle
