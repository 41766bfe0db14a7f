"""Limits on how often. Counted in Redis, atomically; keys hold no number and no address.
docs/limits.md tells of every door."""

import ipaddress
import math
import re
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError

from queueing import redis
from web.problems import Busy, TooMany, Unavailable

# Every door that sends, hashes or draws; those of codes are in the settings. A test holds the table
# in docs/limits.md to this one.
SIGN_IN = "10/minute;50/hour"  # per account and origin; a known browser alone
SIGN_IN_ACCOUNT = "20/minute;60/hour"  # per account, from all browsers that it does not know
SIGN_IN_ORIGIN = "60/minute;600/hour"
SECOND_FACTOR = "10/minute;50/hour"  # per account
REGISTER_ORIGIN = "60/minute;300/hour"
CODE_ANSWER_ORIGIN = "60/minute;300/hour"  # codes that are typed to sign in, or for a change
ACCOUNT_CHANGE = "20/minute;60/hour"  # per account: also guesses at its password
EMAIL_CHANGE = "5/hour;10/day"  # per account: each sends an email to whom it names
PASSWORD_RESET = "1/minute;5/hour"  # noqa: S105  per email address
PASSWORD_RESET_ORIGIN = "10/minute;50/hour"  # noqa: S105
PASSWORD_RESET_ALL = "1000/hour"  # noqa: S105
PICTURE = "60/minute"  # per origin
SOUND = "20/minute"  # per origin: making one takes a tenth of a second
WORK = "60/minute"  # per origin
UPLOAD = "10/hour;40/day"  # per account: each keeps a worker busy for seconds
NOTICE_TEST = "10/minute;60/hour"  # per account: each sends up to seven messages
API_TOKEN = "6000/minute"  # noqa: S105  per token
API_CODE = "120/minute;1000/hour"  # per token: half of what is for all
QUEUE_CHECK = "6/minute"  # in all: a heavy one keeps a worker busy for seconds
TEST_ALERT = "6/minute"  # in all

TURN_SECONDS = 5  # that one waits for the others
OWN_KEYS = 20_000  # counted by a process while Redis is away

NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Limit(NamedTuple):
    """`subject` is what is counted: a number, an address of origin, everybody ("")."""

    name: str
    rates: str
    subject: str

    def pairs(self) -> list[tuple[RateLimitItem, str]]:
        """Each rate with its key, the shortest window first."""
        key = salted_hmac("signup.rates", f"{self.name}:{self.subject}", algorithm="sha256")
        return [
            (rate, f"{self.name}:{key.hexdigest()[:32]}")
            for rate in sorted(parse_many(self.rates), key=lambda rate: rate.get_expiry())
        ]


def spend(*limits: Limit) -> None:
    """Counts one use against every limit. When one is exhausted: TooMany, and nothing is counted.
    Unavailable when Redis is away."""
    try:
        wait = redis.spend(shared(), pairs(limits))
    except (RedisError, OSError):
        redis.was_away()
        raise Unavailable from None
    if wait:
        raise TooMany(max(1, math.ceil(wait)))


def pairs(limits: Collection[Limit]) -> list[tuple[RateLimitItem, str]]:
    return [pair for limit in limits for pair in limit.pairs()]


def shared() -> MovingWindowRateLimiter:
    """What all processes count."""
    return redis.limiter(settings.REDIS_URL, "bellhop:limit")


def spend_anyway(*limits: Limit) -> None:
    """The same for what goes on without Redis: while it is away, each process counts by itself."""
    if not redis.is_away():
        with suppress(Unavailable):
            spend(*limits)
            return
    strategy, windows = own(), pairs(limits)
    if wait := max(seconds_left(strategy, *pair) for pair in windows):
        raise TooMany(wait)
    for pair in windows:
        strategy.hit(*pair)


class Left(NamedTuple):
    """Of one window of a limit: how many are allowed, in how many seconds, how many are left, and
    in how many seconds it begins anew."""

    allowed: int
    seconds: int
    left: int
    reset: int


def left(limit: Limit) -> Left:
    """Of its shortest window; what this process counts while Redis is away."""
    rate, key = limit.pairs()[0]
    strategy = own()
    if not redis.is_away():
        strategy = shared()
    try:
        reset, remaining = strategy.get_window_stats(rate, key)
    except (RedisError, OSError):
        redis.was_away()
        reset, remaining = own().get_window_stats(rate, key)
    wait = max(0, math.ceil(reset - time.time()))
    return Left(rate.amount, rate.get_expiry(), remaining, wait)


@cache
def own_storage() -> MemoryStorage:
    return MemoryStorage()


def own() -> MovingWindowRateLimiter:
    """What this process counts; from anew when it is much, or one network could fill its memory."""
    storage = own_storage()
    if len(storage.events) > OWN_KEYS:
        storage.reset()
    return MovingWindowRateLimiter(storage)


class Few:
    """What keeps a core busy is done `at_once` by a process, and for `places` people at most, who
    wait for their turn."""

    def __init__(self, at_once: int, places: int) -> None:
        self.at_once, self.places = at_once, places
        self.turns, self.room = (threading.BoundedSemaphore(each) for each in (at_once, places))

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Raises Busy when too many wait."""
        if not self.room.acquire(blocking=False):
            raise Busy
        try:
            if not self.turns.acquire(timeout=TURN_SECONDS):
                raise Busy
            try:
                yield
            finally:
                self.turns.release()
        finally:
            self.room.release()


# A password is a quarter of a second of a core, a sound a tenth. Together fewer than the threads of
# a process (gunicorn.conf.py), which answer others.
HASHES, SOUNDS = Few(2, 5), Few(1, 2)
a_hash, a_sound = HASHES.turn, SOUNDS.turn


def seconds_left(strategy: MovingWindowRateLimiter, rate: RateLimitItem, key: str) -> int:
    """0 when one more is allowed."""
    reset, remaining = strategy.get_window_stats(rate, key)
    return 0 if remaining > 0 else max(1, math.ceil(reset - time.time()))


def half_used(*limits: Limit) -> bool:
    """Whether half of any limit is used up. Unavailable when Redis is away."""
    try:
        windows = [(rate, shared().get_window_stats(rate, key)[1]) for rate, key in pairs(limits)]
        return any(left * 2 <= rate.amount for rate, left in windows)
    except (RedisError, OSError):
        redis.was_away()
        raise Unavailable from None


def pause_between_codes() -> int:
    """Seconds for which the page keeps its button still after a code."""
    single = [rate for rate in parse_many(settings.CODE_LIMIT_NUMBER) if rate.amount == 1]
    return min((rate.get_expiry() for rate in single), default=0)


def client(request: HttpRequest) -> ipaddress.IPv4Address | ipaddress.IPv6Address | str:
    """The address that a request came from, or what stands in its place. Only as many proxies are
    believed as settings say are ours."""
    address = str(request.META.get("REMOTE_ADDR", ""))
    if settings.TRUSTED_PROXIES:
        hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(hops) >= settings.TRUSTED_PROXIES:
            address = hops[-settings.TRUSTED_PROXIES].strip()
    try:
        parsed = ipaddress.ip_address(without_port(address))
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = ipv4_inside(parsed) or parsed
    return parsed


def origin(request: HttpRequest) -> str:
    """By which a client is counted."""
    return origin_of(client(request))


def origin_of(address: ipaddress.IPv4Address | ipaddress.IPv6Address | str) -> str:
    if isinstance(address, ipaddress.IPv6Address):
        # One household or one server has a whole /64 of IPv6 to choose from.
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def without_port(address: str) -> str:
    """Some proxies add it: 192.0.2.1:4711, [2001:db8::1]:4711."""
    return re.sub(r"^\[(.*)\](:\d+)?$|^([0-9.]+):\d+$", r"\1\3", address)


def ipv4_inside(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Of a socket that takes both (::ffff:0:0/96), a translator (64:ff9b::/96) or a tunnel (6to4,
    Teredo): there a /64 would be everybody."""
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    tunnel = address.teredo
    return address.ipv4_mapped or address.sixtofour or (tunnel and tunnel[1])
