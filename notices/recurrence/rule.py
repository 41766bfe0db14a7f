"""When a schedule rings. A rule is a cron line of five fields or an RFC 5545 recurrence rule, in
the local time of a zone; no offset is ever stored, so a law that moves the clocks moves the rule.

Where the clocks change (RFC 5545, 3.3.5, and what cron does):

- A time that a day skips rings as much later as the clocks went forward: 01:30 rings at 02:30.
- A time that a day has twice rings once, the first time.
- A rule that rings at least every hour of the day just goes on: through both of the hours that a
  day has twice, and not in the hour that it skips.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from heapq import merge
from itertools import groupby, tee
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from dateutil.rrule import rrule, rrulestr
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from notices.recurrence import cron

__all__ = ["Rule", "check", "exists", "instant", "is_repeated", "parts_of"]

HORIZON = relativedelta(years=10)  # what does not ring within it is taken to never ring again
# dateutil looks for a match until the year 9999. The calendar repeats every 400 years, so we ask
# it about the same days 7,600 years later: what never rings is known in a moment.
LATER = 7600
UNIT = {
    "SECONDLY": timedelta(seconds=1),
    "MINUTELY": timedelta(minutes=1),
    "HOURLY": timedelta(hours=1),
    "DAILY": timedelta(days=1),
    "WEEKLY": timedelta(weeks=1),
}
SOONEST = timedelta(minutes=1)  # between two notices to many
EVERY_HOUR = set(range(24))


def parts_of(rule: str) -> dict[str, str]:
    """FREQ=DAILY;INTERVAL=2 by name; nothing of a cron line."""
    return dict(part.split("=", 1) for part in rule.split(";")) if "=" in rule else {}


def parse(rule: str, start: datetime) -> rrule:
    parsed: rrule = rrulestr(rule, dtstart=start)
    return parsed


def years(moment: datetime, more: int) -> datetime:
    return moment.replace(year=moment.year + more)


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment that a local time names, in UTC; fold decides where there are two."""
    return wall.replace(tzinfo=zone).astimezone(UTC)


def exists(wall: datetime, zone: ZoneInfo) -> bool:
    return instant(wall, zone).astimezone(zone).replace(tzinfo=None) == wall


def is_repeated(wall: datetime, zone: ZoneInfo) -> bool:
    return exists(wall, zone) and instant(wall, zone) != instant(wall.replace(fold=1), zone)


@dataclass(frozen=True)
class Rule:
    """`start`: local and naive; nothing rings before it, and intervals count from it."""

    text: str
    zone: ZoneInfo
    start: datetime

    @property
    def is_cron(self) -> bool:
        return "=" not in self.text

    def instants(self, after: datetime) -> Iterator[datetime]:
        """Every moment later than `after`, in order, in UTC, until the rule ends or has nothing
        within ten years."""
        last = after
        for day, walls in groupby(self.walls(after), key=datetime.date):
            for moment in self.of_a_day(day, walls, after):
                if moment > last:
                    yield moment
                    last = moment

    def of_a_day(self, day: date, walls: Iterator[datetime], after: datetime) -> Iterable[datetime]:
        """Its moments in order, some of them twice; not all of those before `after`."""
        if self.is_steady(day):
            return (instant(wall, self.zone) for wall in walls)
        if not self.goes_on:
            return sorted({instant(wall, self.zone) for wall in walls})
        both = enumerate(tee(walls))
        return merge(*(self.with_fold(fold, each, after) for fold, each in both))

    def with_fold(
        self, fold: int, walls: Iterator[datetime], after: datetime
    ) -> Iterator[datetime]:
        for wall in walls:
            moment = instant(wall.replace(fold=fold), self.zone)
            if moment > after and exists(wall, self.zone):
                yield moment

    def is_steady(self, day: date) -> bool:
        ends = [datetime.combine(day, time(), self.zone) + timedelta(days=n) for n in (0, 1)]
        return ends[0].utcoffset() == ends[1].utcoffset()

    @cached_property
    def goes_on(self) -> bool:
        """Whether it rings at least every hour of the day."""
        if self.is_cron:
            return self.cron.hours >= EVERY_HOUR
        names_hours = self.parts.keys() & {"BYHOUR", "BYSETPOS"}
        if self.step and self.step <= timedelta(hours=1) and not names_hours:
            return True
        return set(self.parsed._byhour or ()) >= EVERY_HOUR

    @property
    def cron(self) -> cron.Cron:
        return cron.read(self.text)

    @cached_property
    def parsed(self) -> rrule:
        return parse(self.text, self.start)

    @cached_property
    def parts(self) -> dict[str, str]:
        return parts_of(self.text)

    @property
    def interval(self) -> int:
        return int(self.parts.get("INTERVAL", 1))

    @property
    def step(self) -> timedelta | None:
        """From one turn of the rule to the next; None where that is no fixed time."""
        unit = UNIT.get(self.parts.get("FREQ", ""))
        return unit and unit * self.interval

    def walls(self, after: datetime) -> Iterator[datetime]:
        """The local times from `after` or some hours before it, naive and in order."""
        local = after.astimezone(self.zone).replace(tzinfo=None, fold=0)
        # A change of the clocks moves what rings all the time as far as them, other times by a day.
        moved = self.clocks_move(after) if self.goes_on else timedelta(days=1)
        first = max(self.start, local - moved)
        last = first + HORIZON
        if self.is_cron:
            return self.cron.walls(first, last)
        end = min(self.parsed._until or last, last)
        found = self.parsed.replace(
            dtstart=years(self.start_near(first), LATER), until=years(end, LATER)
        )
        return (years(wall, -LATER) for wall in found)

    def clocks_move(self, around: datetime) -> timedelta:
        """How far, in the hours around a moment."""
        hours = (around + timedelta(hours=number) for number in (-3, 0, 3))
        offsets = [hour.astimezone(self.zone).utcoffset() or timedelta() for hour in hours]
        return max(offsets) - min(offsets)

    def start_near(self, first: datetime) -> datetime:
        """The same rule may begin as many turns later as fit: nobody walks through years of it."""
        if self.step:
            turns = max(0, (first - self.start) // self.step - 1)
            return self.start + turns * self.step
        # So many years are a whole number of turns, of months too; and the day must exist.
        passed = (first.year - self.start.year - 1) // self.interval * self.interval
        for earlier in range(max(0, passed), 0, -self.interval):
            try:
                return years(self.start, earlier)
            except ValueError:  # a 29 February
                continue
        return self.start


def check(rule: Rule, after: datetime, many: bool) -> datetime:
    """The first instant after `after`. Raises ValidationError for a rule that rings never, or too
    often to tell many people."""
    try:
        first = next(rule.instants(after), None)
    except (ValueError, IndexError, OverflowError):  # dateutil's: from this start it never rings
        raise ValidationError(_("These parts do not fit together: %s.") % rule.text) from None
    if first is None:
        raise ValidationError(_("This never happens: there is no such time within ten years."))
    if many and rule.step and rule.step < SOONEST:
        raise ValidationError(_("This is more than once a minute: too often to tell many people."))
    return first
