"""Which providers are left alone for a while: they fail much, or said that they take nothing.

Shared by all processes in Redis, which is not asked for each of very many messages: good news
holds for a moment. Redis away makes nobody wait: each process then counts for itself for some
seconds, and rates are left to the provider's own limit.

What somebody waits for and what is sent to many are counted apart ("single", "bulk"): that one in
ten of very many gets no answer says little of the next code.
"""

import logging
import time
from collections import Counter
from typing import Any, NamedTuple

from django.conf import settings
from limits import parse
from redis import Redis

from config import clock
from queueing.redis import HURRY_SECONDS, ask, limiter

__all__ = [
    "PAUSE", "RESTING", "TESTED", "Trouble", "report", "spend", "state", "trouble", "wait",
    "went_away",
]  # fmt: skip

IN_A_ROW = 5  # failures with nothing between them
LOOKED_AT = 20  # or more than half of so many
WINDOW = 60  # seconds: what began earlier says nothing any more
REST = 30  # seconds until one may try it again
TRIAL = 20  # seconds that the one has; longer than a request may take
FRESH = 0.1  # seconds in which it need not be asked or told that a provider is well
PAUSE, LONGEST_PAUSE = 10, 300  # seconds after a provider said that it takes nothing, doubled
CLOSED, RESTING, TESTED = "closed", "resting", "tested"
log = logging.getLogger(__name__)

own: dict[str, "Memory"] = {}  # provider and kind -> what this process saw of it


class Memory:
    """What this process knows. `well_until`, `told_until`: time.monotonic()."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()  # as in Redis, for the time that it is away
        self.untold: Counter[str] = Counter()
        self.rested_at = self.rests_until = self.well_until = self.told_until = 0.0


class Trouble(NamedTuple):
    """What a provider said that holds for every message. Unix times."""

    since: float
    reason: str
    until: float  # when it is asked again


def kind_of(*, bulk: bool) -> str:
    return "bulk" if bulk else "single"


def key(name: str, what: str) -> str:
    return f"bellhop:breaker:{name}:{what}"


def field(began: float, *, failed: bool) -> str:
    return f"{int(began)}:{'failed' if failed else 'well'}"


def too_many(seen: Counter[str], began: float) -> bool:
    """Judged by when requests began, backwards from a failure that began then: answers that hang
    end much later than others that left beside them, and all together."""
    failures = others = 0
    for second in range(int(began), int(began) - WINDOW, -1):
        failures += seen[field(second, failed=True)]
        others += seen[field(second, failed=False)]
        if failures >= IN_A_ROW and not others:
            return True
        if failures + others >= LOOKED_AT:
            return failures > others
    return False


def wait(name: str, *, bulk: bool, alone: bool = False) -> float:
    """Seconds until the provider may be asked; 0: now. After its rest, one caller gets 0 and has
    to report; the others wait for what it finds. `alone`: that it fails much is no reason to wait,
    since there is nobody else; that it takes nothing is one."""
    which = f"{name}:{kind_of(bulk=bulk)}"
    mine = own.setdefault(which, Memory())
    if time.monotonic() < mine.well_until:
        return 0
    names = key(which, "rests_until"), key(name, "away_until"), key(name, "away_at")
    found = ask(lambda redis: redis.mget(names))
    rests_until, away_until, away_at = (float(each or 0) for each in found or (0, 0, 0))
    if away_until and not bulk:
        away_until = min(away_until, away_at + PAUSE)
    if found is None:
        rests_until = mine.rests_until
    if alone:
        rests_until = 0.0
    if away_until > clock.unix():
        return away_until - clock.unix()
    rest = rests_until - clock.unix()
    if rest > 0:
        return rest
    if found is None or not rests_until:
        mine.well_until = time.monotonic() + FRESH
        return 0
    tries = ask(lambda redis: redis.set(key(which, "trial"), 1, nx=True, ex=TRIAL))
    return 0 if tries else 1


def report(name: str, *, failed: bool, bulk: bool, began: float | None = None) -> None:
    """What came of a request to it that `began` then (unix time). A refusal of one message is no
    failure."""
    which, began = f"{name}:{kind_of(bulk=bulk)}", began or clock.unix()
    mine = own.setdefault(which, Memory())
    mine.seen[field(began, failed=failed)] += 1
    mine.untold[field(began, failed=failed)] += 1
    if not failed and time.monotonic() < mine.told_until:
        return
    untold, mine.untold = mine.untold, Counter()
    mine.told_until = 0 if failed else time.monotonic() + FRESH
    told = ask(lambda redis: tell(redis, name, which, untold, well=not failed))
    if not failed:
        mine.rests_until = mine.rested_at = 0.0
        forget_old(mine)
        return
    mine.well_until = 0
    seen, rested_at = told or (mine.seen, mine.rested_at)
    if began < rested_at:
        return  # it was under way when the rest began, and says nothing new
    if rested_at or too_many(seen, began):
        rest(which, mine)


def tell(
    redis: Redis, name: str, which: str, untold: Counter[str], *, well: bool
) -> tuple[Counter[str], float]:
    """What everybody saw lately, and when the rest began that it has or had, else 0."""
    outcomes = key(which, "outcomes")
    with redis.pipeline(transaction=True) as batch:
        for each, count in untold.items():
            batch.hincrby(outcomes, each, count)
        batch.expire(outcomes, 2 * WINDOW)
        batch.hgetall(outcomes)
        batch.get(key(which, "rested_at"))
        batch.delete(key(which, "trial"))
        if well:
            batch.delete(key(which, "rests_until"), key(which, "rested_at"))
            batch.delete(key(name, "away_until"), key(name, "trouble"))
        answers = batch.execute()
    seen, rested_at = answers[len(untold) + 1], answers[len(untold) + 2]
    found = Counter({each.decode(): int(count) for each, count in seen.items()})
    old = [each for each in found if int(each.partition(":")[0]) < clock.unix() - 2 * WINDOW]
    if old:
        redis.hdel(outcomes, *old)
    return found, float(rested_at or 0)


def forget_old(mine: Memory) -> None:
    if len(mine.seen) > 2 * WINDOW:
        mine.seen.clear()


def rest(which: str, mine: Memory) -> None:
    mine.rested_at = clock.unix()
    mine.rests_until = until = mine.rested_at + REST
    log.warning("%s fails much: it is left alone for %d seconds.", which.replace(":", ", "), REST)

    def tell_rest(redis: Redis) -> None:
        with redis.pipeline(transaction=True) as batch:
            batch.set(key(which, "rested_at"), mine.rested_at, ex=20 * REST)
            batch.set(key(which, "rests_until"), until, ex=20 * REST)
            batch.execute()

    ask(tell_rest)


def state(name: str) -> str:
    """The worse of both kinds, for the health page."""
    keys = [key(f"{name}:{kind_of(bulk=bulk)}", "rests_until") for bulk in (False, True)]
    keys.append(key(name, "away_until"))
    found = [float(until) for until in ask(lambda redis: redis.mget(keys)) or () if until]
    if not found:
        return CLOSED
    return RESTING if max(found) > clock.unix() else TESTED


# A provider that says itself that it takes nothing


def went_away(name: str, reason: str, after: float | None = None) -> float:
    """It cannot be reached, or refuses us whatever the message is: it is left alone for a while,
    each time longer. What is for one person asks sooner. Seconds until it is asked again."""
    pause = ask(lambda redis: note_trouble(redis, name, reason, after or 0)) or after or PAUSE
    for bulk in (False, True):
        mine = own.setdefault(f"{name}:{kind_of(bulk=bulk)}", Memory())
        mine.well_until = 0.0
        mine.rests_until = clock.unix() + (pause if bulk else min(pause, PAUSE))
    return pause


def note_trouble(redis: Redis, name: str, reason: str, after: float) -> float:
    now, kept = clock.unix(), key(name, "trouble")
    until = redis.get(key(name, "away_until"))
    redis.set(key(name, "away_at"), now, ex=LONGEST_PAUSE)
    if until and float(until) > now:  # somebody said so already
        return float(until) - now
    times = int(redis.hincrby(kept, "times", 1))
    pause = max(after, float(min(PAUSE * 2 ** min(times - 1, 10), LONGEST_PAUSE)))
    with redis.pipeline(transaction=True) as batch:
        batch.hsetnx(kept, "since", str(now))
        batch.hset(kept, mapping={"reason": reason, "until": now + pause})
        batch.expire(kept, 86400)
        batch.set(key(name, "away_until"), now + pause, px=int(1000 * pause))
        batch.set(key(name, "said"), 1, nx=True, ex=60)
        said = batch.execute()[-1]
    if said:
        log.warning("%s: %s It is asked again in %d s.", name, reason, pause)
    return pause


def trouble(name: str) -> Trouble | None:
    found: Any = ask(lambda redis: redis.hmget(key(name, "trouble"), "since", "reason", "until"))
    if not found or not all(found):
        return None
    since, reason, until = found
    return Trouble(float(since), reason.decode(), float(until))


# Rates


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
        return max(0.05, reset - clock.unix())

    return float(ask(hit) or 0)
