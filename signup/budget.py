"""The budget of codes: what somebody may cost who asks for codes and never uses them, so as to be
paid for the SMS (SMS pumping). Rules and figures: docs/limits.md.

Counted for a prefix of numbers and for a network, from the verifications themselves. How many may
be left unused follows from how many were used; the formula is that of Authgear's specification of
fraud protection.
"""

import ipaddress
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.conf import settings
from django.db import connection
from django.db.models import Q, Sum
from django.utils.crypto import salted_hmac

from config import clock
from signup import phones, security
from signup.models import BudgetRelease, Verification
from web.problems import TooMany

HOUR, DAY, HISTORY = timedelta(hours=1), timedelta(days=1), timedelta(days=14)
RELEASED = DAY  # for so long, by staff
DIGITS = 5  # of a number, behind its country's code
SHARE = 0.2  # of the codes that were used
DAY_OF_PREFIX, HOUR_OF_PREFIX = 20, 3  # unused codes, whatever was used
DAY_OF_NETWORK, HOUR_OF_NETWORK = 20, 10
# Times the budget of a prefix for a network that leaves none unused itself: whoever pumps has used
# up what is for all, and must not keep people out.
TRUST = 6
IPV4, IPV6 = 24, 48  # bits of an address that are its network
SHOWN = 10  # prefixes on the page, and networks

# Of a calendar day. Written out, because it is asked for each code: putting it together takes
# Django longer than the database needs for it.
OF_A_DAY = """SELECT {column}, SUBSTR(CAST(created_at AS text), 1, 10),
    SUM(sent) FILTER (WHERE used_at IS NOT NULL),
    SUM(sent) FILTER (WHERE used_at IS NOT NULL AND created_at > %s),
    SUM(sent) FILTER (WHERE used_at IS NOT NULL AND created_at > %s),
    SUM(sent) FILTER (WHERE used_at IS NULL AND created_at > %s),
    SUM(sent) FILTER (WHERE used_at IS NULL AND created_at > %s)
FROM signup_verification WHERE {column} IN ({places}) AND created_at > %s
GROUP BY 1, 2"""


@dataclass(frozen=True)
class Count:
    """Codes to a prefix, or from a network. `most`: used in the best day of the history."""

    subject: str
    most: int = 0
    used_day: int = 0
    used_hour: int = 0
    unused_day: int = 0
    unused_hour: int = 0

    @property
    def is_prefix(self) -> bool:
        return self.subject.startswith("+")

    @property
    def day(self) -> float:
        """How many codes may be unused in 24 hours."""
        floor = DAY_OF_PREFIX if self.is_prefix else DAY_OF_NETWORK
        return max(floor, SHARE * self.most, SHARE * self.used_day)

    @property
    def hour(self) -> float:
        floor = HOUR_OF_PREFIX if self.is_prefix else HOUR_OF_NETWORK
        return max(floor, self.day / 6, SHARE * self.used_hour)

    @property
    def sent_day(self) -> int:
        return self.used_day + self.unused_day

    @property
    def is_clean(self) -> bool:
        return self.unused_day <= SHARE * self.used_day

    def is_over(self, times: int = 1) -> bool:
        """Whether one more would be too many."""
        return self.unused_hour + 1 > times * self.hour or self.unused_day + 1 > times * self.day

    @property
    def is_half_over(self) -> bool:
        return 2 * self.unused_hour + 1 > self.hour or 2 * self.unused_day + 1 > self.day

    def wait(self, times: int = 1) -> int:
        """Seconds until the oldest unused one counts no more."""
        window = HOUR if self.unused_day + 1 <= times * self.day else DAY
        column = "prefix" if self.is_prefix else "network"
        own, now = Verification.objects.filter(**{column: self.subject}), clock.now()
        oldest = own.filter(used_at=None, created_at__gt=now - window).order_by("created_at")
        first = oldest.values_list("created_at", flat=True).first()
        return int((first + window - now).total_seconds()) + 1 if first else 1


def prefix_of(mobile: str) -> str:
    """The country's code and the first digits of an E.164 number."""
    code, national = phones.split(mobile.removeprefix("+"))
    return f"+{code}{national[:DIGITS]}"


def network_of(origin: str) -> str:
    """A digest of the network that an origin (rates.origin) is in."""
    try:
        address = ipaddress.ip_network(origin)
    except ValueError:
        return digest(origin)
    bits = IPV4 if address.version == 4 else IPV6
    return digest(str(address.supernet(new_prefix=min(bits, address.prefixlen))))


def digest(text: str) -> str:
    return salted_hmac("signup.budget", text, algorithm="sha256").hexdigest()[:16]


def marks(mobile: str, origin: str) -> dict[str, str]:
    """What a new verification keeps so as to be counted."""
    if settings.CODE_BUDGET == "off":
        return {}
    return {"prefix": prefix_of(mobile), "network": network_of(origin)}


@dataclass
class Asked:
    """Who asks for a code: what the fence and the brake look at is counted once."""

    mobile: str
    origin: str

    @cached_property
    def counts(self) -> list[Count]:
        """Of the prefix, and of the network."""
        return counts([prefix_of(self.mobile)], [network_of(self.origin)])


def check(asked: Asked) -> None:
    """Raises TooMany when no more codes may go to such numbers, or to this network."""
    if settings.CODE_BUDGET == "off":
        return
    prefix, network = asked.counts
    times = {prefix: TRUST if network.is_clean else 1, network: 1}
    over = [count for count in times if count.is_over(times[count])]
    if not over:
        return
    free = released(count.subject for count in over)
    held = [count for count in over if count.subject not in free]
    if held:
        subjects = ",".join(count.subject for count in held)
        security.tell("budget", held=subjects, mode=settings.CODE_BUDGET)
        if settings.CODE_BUDGET == "enforce":
            raise TooMany.held(max(count.wait(times[count]) for count in held))


def is_near(asked: Asked) -> bool:
    """Whether half of a budget is used up."""
    if settings.CODE_BUDGET == "off":
        return False
    return any(each.is_half_over for each in asked.counts)


def counts(prefixes: Collection[str], networks: Collection[str]) -> list[Count]:
    """Of these, by one statement."""
    now = clock.now()
    hour, day, since = map(
        connection.ops.adapt_datetimefield_value, (now - HOUR, now - DAY, now - HISTORY)
    )
    parts, params = [], []
    for column, subjects, start in (("prefix", prefixes, since), ("network", networks, day)):
        if subjects:
            places = ", ".join(["%s"] * len(subjects))
            parts.append(OF_A_DAY.format(column=column, places=places))
            params += [day, hour, day, hour, *subjects, start]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), params)
        rows = cursor.fetchall()
    return [total(subject, rows) for subject in (*prefixes, *networks)]


def total(subject: str, rows: Iterable[tuple[str | int | None, ...]]) -> Count:
    """The trailing hour and day may lie in two calendar days."""
    own = [[int(number or 0) for number in numbers] for of, _day, *numbers in rows if of == subject]
    best, *rest = zip(*own, strict=True) if own else [[0]] * 5
    return Count(subject, max(best), *map(sum, rest))


def released(subjects: Iterable[str]) -> dict[str, datetime]:
    """Those that staff have released, and until when."""
    now = BudgetRelease.objects.filter(subject__in=list(subjects), until__gt=clock.now())
    return dict(now.values_list("subject", "until"))


# For staff


def worst() -> list[Count]:
    """Of the last day: prefixes and networks, those first that left most unused."""
    prefixes, networks = (most_unused(column) for column in ("prefix", "network"))
    if not prefixes and not networks:
        return []
    return sorted(counts(prefixes, networks), key=lambda count: -count.unused_day)


def most_unused(column: str) -> list[str]:
    lately = Verification.objects.filter(created_at__gt=clock.now() - DAY).exclude(**{column: ""})
    sums = lately.values_list(column).annotate(unused=Sum("sent", filter=Q(used_at=None)))
    return [subject for subject, _unused in sums.filter(unused__gt=0).order_by("-unused")[:SHOWN]]


def of_all() -> tuple[int, int]:
    """How many codes were sent in the last day, and how many of them used."""
    lately = Verification.objects.filter(created_at__gt=clock.now() - DAY)
    sums = lately.aggregate(all=Sum("sent"), used=Sum("sent", filter=Q(used_at__isnull=False)))
    return sums["all"] or 0, sums["used"] or 0


def is_subject(text: str) -> bool:
    return bool(re.fullmatch(r"\+[0-9]{2,15}|[0-9a-f]{16}", text))


def release(subject: str) -> None:
    """Sends to it, or for it, whatever is unused, for a day."""
    until = clock.now() + RELEASED
    BudgetRelease.objects.update_or_create(subject=subject, defaults={"until": until})
    security.tell("budget-released", subject=subject)


def hold(subject: str) -> bool:
    """Takes a release back."""
    deleted, _kinds = BudgetRelease.objects.filter(subject=subject).delete()
    if deleted:
        security.tell("budget-held", subject=subject)
    return bool(deleted)
