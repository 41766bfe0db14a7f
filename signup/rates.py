"""Limits on how often. Counted in Redis, atomically; keys hold no number and no address."""

import ipaddress
import math
import time
from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from limits import RateLimitItem, parse_many
from limits.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError

from queueing.redis import limiter
from web.problems import TooMany, Unavailable

SIGN_IN = "10/minute;50/hour"  # per username and origin
SIGN_IN_ORIGIN = "60/minute"
PASSWORD_RESET = "1/minute;5/hour"  # noqa: S105  per email address
PICTURE = "60/minute"  # per origin
SOUND = "20/minute"  # per origin: making one takes a tenth of a second


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
    """Counts one use against every limit. When one is exhausted: TooMany, and usually nothing
    is counted. Unavailable when Redis is away."""
    pairs = [pair for limit in limits for pair in limit.pairs()]
    strategy = limiter(settings.REDIS_URL, "bellhop:limit")
    try:
        # Asked first, so that a refusal by a long window does not use up a short one ...
        if wait := max(seconds_left(strategy, *pair) for pair in pairs):
            raise TooMany(wait)
        for pair in pairs:  # ... but only hit() is atomic.
            if not strategy.hit(*pair):
                raise TooMany(max(1, seconds_left(strategy, *pair)))
    except (RedisError, OSError):
        raise Unavailable from None


def seconds_left(strategy: MovingWindowRateLimiter, rate: RateLimitItem, key: str) -> int:
    """0 when one more is allowed."""
    reset, remaining = strategy.get_window_stats(rate, key)
    return 0 if remaining > 0 else max(1, math.ceil(reset - time.time()))


def pause_between_codes() -> int:
    """Seconds for which the page keeps its button still after a code."""
    single = [rate for rate in parse_many(settings.CODE_LIMIT_NUMBER) if rate.amount == 1]
    return min((rate.get_expiry() for rate in single), default=0)


def origin(request: HttpRequest) -> str:
    """Where a request came from. Only as many proxies are believed as settings say are ours."""
    address = str(request.META.get("REMOTE_ADDR", ""))
    if settings.TRUSTED_PROXIES:
        hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(hops) >= settings.TRUSTED_PROXIES:
            address = hops[-settings.TRUSTED_PROXIES].strip()
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    # One household or one server has a whole /64 of IPv6 to choose from.
    return str(ipaddress.ip_network((parsed, 64), strict=False))
