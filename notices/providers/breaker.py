"""Which providers are left alone for a while, because they fail much or were asked enough.

Shared by all processes in Redis, which is not asked for each of very many messages: good news
holds for a moment. Redis away makes nobody wait: each process then counts for itself for some
seconds, and rates are left to the provider's own limit.
"""

import logging
import time
from collections import deque

from django.conf import settings
from limits import parse
from redis import Redis

from queueing.redis import HURRY_SECONDS, ask, limiter

__all__ = ["CLOSED", "report", "spend", "state", "wait"]

IN_A_ROW = 5
LOOKED_AT = 20  # more than half of the last so many
REST = 30  # seconds until one may try it again
TRIAL = 20  # seconds that the one has; longer than a request may take
FRESH = 0.1  # seconds in which it need not be asked or told that a provider is well
CLOSED, RESTING, TESTED = "closed", "resting", "tested"
log = logging.getLogger(__name__)


own: dict[str, "Memory"] = {}  # provider -> what this process saw of it


class Memory:
    """What this process knows. `well_until`, `told_until`: time.monotonic()."""

    def __init__(self) -> None:
        self.last: deque[int] = deque(maxlen=LOOKED_AT)
        self.rests_until = self.well_until = self.told_until = 0.0
        self.untold = 0  # successes since Redis was told


def key(name: str, what: str) -> str:
    return f"bellhop:breaker:{name}:{what}"


def too_many(last: list[int]) -> bool:
    """`last`: 1 for each failure and 0 for each success, the newest first."""
    in_a_row = len(last) >= IN_A_ROW and all(last[:IN_A_ROW])
    return in_a_row or (len(last) >= LOOKED_AT and sum(last[:LOOKED_AT]) > LOOKED_AT / 2)


def wait(name: str) -> float:
    """Seconds until the provider may be asked; 0: now. After its rest, one caller gets 0 and has
    to report; the others wait for what it finds."""
    mine = own.setdefault(name, Memory())
    if time.monotonic() < mine.well_until:
        return 0
    found = ask(lambda redis: redis.get(key(name, "rests_until")))
    rest = (mine.rests_until if found is None else float(found)) - time.time()
    if rest > 0:
        return rest
    if found is None:
        mine.well_until = time.monotonic() + FRESH
        return 0
    tries = ask(lambda redis: redis.set(key(name, "trial"), 1, nx=True, ex=TRIAL))
    return 0 if tries else 1


def report(name: str, *, failed: bool) -> None:
    """What came of a question to it. A refusal of one message is no failure."""
    mine = own.setdefault(name, Memory())
    mine.last.appendleft(int(failed))
    if not failed and time.monotonic() < mine.told_until:
        mine.untold += 1
        return
    before, mine.untold = mine.untold, 0
    mine.told_until = 0 if failed else time.monotonic() + FRESH
    last = ask(lambda redis: count(redis, name, before, failed=failed))
    if not failed:
        mine.rests_until = 0
        return
    mine.well_until = 0
    if too_many(last if last is not None else list(mine.last)):
        rest(name, mine)


def count(redis: Redis, name: str, before: int, *, failed: bool) -> list[int]:
    """The last outcomes; `before` this one there were so many successes. A failure of the one that
    tries it after a rest is enough."""
    outcomes = key(name, "outcomes")
    with redis.pipeline(transaction=True) as batch:
        batch.lpush(outcomes, *[0] * min(before, LOOKED_AT), int(failed))
        batch.ltrim(outcomes, 0, LOOKED_AT - 1)
        batch.expire(outcomes, 3600)
        batch.lrange(outcomes, 0, -1)
        batch.delete(key(name, "trial"))
        if failed:
            batch.exists(key(name, "rests_until"))
        else:
            batch.delete(key(name, "rests_until"))
        answers = batch.execute()
    if failed and answers[-1]:
        return [1] * IN_A_ROW
    return [int(outcome) for outcome in answers[3]]


def rest(name: str, mine: Memory) -> None:
    until = time.time() + REST
    mine.rests_until = until
    mine.last.clear()
    log.warning("%s fails much: it is left alone for %d seconds.", name, REST)
    ask(lambda redis: redis.set(key(name, "rests_until"), until, ex=20 * REST))
    ask(lambda redis: redis.delete(key(name, "outcomes")))


def state(name: str) -> str:
    """For the health page."""
    found = ask(lambda redis: redis.get(key(name, "rests_until")))
    if found is None:
        return CLOSED
    return RESTING if float(found) > time.time() else TESTED


def spend(name: str, rate: str, *, bulk: bool) -> float:
    """Counts one message against the provider's rate; seconds to wait when it is used up. The
    last fifth is not for notices, so that a code finds something left."""
    if not rate:
        return 0
    item, strategy = parse(rate), limiter(settings.REDIS_URL, "bellhop:provider", HURRY_SECONDS)
    kept = item.amount // 5 if bulk else 0

    def hit(_redis: Redis) -> float:
        reset, left = strategy.get_window_stats(item, name)
        if left > kept and strategy.hit(item, name):
            return 0
        return max(0.05, reset - time.time())

    return float(ask(hit) or 0)
