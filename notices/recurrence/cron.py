"""A cron line of five fields, such as `0 9 * * 1-5`, as the sets of what it names.

Reckoned here: croniter takes `5-5` for every minute, and loses the days of the month beside `5#1`
and `L5` (https://github.com/taichino/croniter/issues/177). As with every cron, a day of the month
and a day of the week together mean the days that are either.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

__all__ = ["FIELDS", "LAST", "Cron", "oversteps", "read", "read_field"]

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
LAST = 32  # of the days of a month, and of the weeks in it


@dataclass(frozen=True)
class Field:
    """`first` to `last`: what it can name, by numbers or by `names`."""

    first: int
    last: int
    names: tuple[str, ...] = ()


MINUTE, HOUR, DAY = Field(0, 59), Field(0, 23), Field(1, 31)
MONTH, WEEKDAY = Field(1, 12, tuple(MONTHS)), Field(0, 7, tuple(WEEKDAYS))  # 7 is a Sunday, too
FIELDS = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)

ITEM = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d{1,9}))?", re.ASCII)
NTH = re.compile(r"(?P<day>\w+)#(?P<nth>[1-5])|L(?P<last>\w+)", re.ASCII)


@dataclass(frozen=True)
class Cron:
    """`days` and `weekdays` are empty where the line names none, and so all; a weekday is itself
    and which of the month it is: 0 for each, LAST for the last."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[tuple[int, int]]

    def walls(self, first: datetime, last: datetime) -> Iterator[datetime]:
        """The local times that it names from `first` to `last`, in order."""
        times = [
            time(hour, minute) for hour in sorted(self.hours) for minute in sorted(self.minutes)
        ]
        day = first.date()
        while day <= last.date():
            if day.month in self.months and self.rings_on(day):
                for moment in times:
                    wall = datetime.combine(day, moment)
                    if first <= wall <= last:
                        yield wall
            day += timedelta(days=1)

    def rings_on(self, day: date) -> bool:
        if not self.days and not self.weekdays:
            return True
        left = monthrange(day.year, day.month)[1] - day.day
        if day.day in self.days or (left == 0 and LAST in self.days):
            return True
        which = {0, (day.day + 6) // 7, *([LAST] * (left < 7))}
        return any((day.isoweekday() % 7, nth) in self.weekdays for nth in which)


@lru_cache(maxsize=256)
def read(line: str) -> Cron:
    """Raises ValueError for what is no cron line."""
    minutes, hours, days, months, weekdays = (
        read_field(text, field) for text, field in zip(line.split(" "), FIELDS, strict=True)
    )
    found = (frozenset(number for number, _nth in some) for some in (minutes, hours, days, months))
    return Cron(next(found), next(found), next(found), next(found), frozenset(weekdays))


def read_field(text: str, field: Field) -> set[tuple[int, int]]:
    """What it names; of days nothing when it names all by a star. Raises ValueError."""
    if field in (DAY, WEEKDAY) and text == "?":
        return set()
    found = set[tuple[int, int]]()
    is_star = False
    for item in text.split(","):
        if nth := NTH.fullmatch(item) if field is WEEKDAY else None:
            day = value(nth["day"] or nth["last"], field) % 7
            found.add((day, int(nth["nth"]) if nth["nth"] else LAST))
        elif field is DAY and item == "L":
            found.add((LAST, 0))
        else:
            first, last, step = span(item, field)
            is_star = is_star or (item[0] == "*" and step == 1)
            size = 7 if field is WEEKDAY else field.last - field.first + 1
            some = range(first - field.first, last - field.first + 1, step)
            found |= {(number % size + field.first, 0) for number in some}
    return set() if is_star and field in (DAY, WEEKDAY) else found


def span(item: str, field: Field) -> tuple[int, int, int]:
    """First, last and step of one item of a field. What ends before it begins goes on at the
    start of the field: its last is beyond the field's."""
    parts = ITEM.fullmatch(item)
    step = int(parts["step"] or 1) if parts else 0
    if not parts or step == 0 or (parts["first"] == "*" and parts["last"]):
        raise ValueError
    end = 6 if field is WEEKDAY else field.last
    if parts["first"] == "*":
        return field.first, end, step
    first = value(parts["first"], field)
    if parts["last"] is None:
        return first, max(first, end) if parts["step"] else first, step
    last = end if field is DAY and parts["last"] == "L" else value(parts["last"], field)
    return first, last if last >= first else last + end - field.first + 1, step


def value(text: str, field: Field) -> int:
    if text in field.names:
        return field.names.index(text) + field.first
    number = int(text) if text.isdecimal() else -1
    if not field.first <= number <= field.last:
        raise ValueError
    return number


def oversteps(text: str, field: Field) -> bool:
    """Whether a step of it leads out of the field at once, so that it says nothing."""
    steps = [span(item, field) for item in text.split(",") if "/" in item]
    return any(step > max(1, last - first) for first, last, step in steps)
