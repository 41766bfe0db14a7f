"""What a rule's words claim, read as a person reads them, is when it rings."""

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from notices.recurrence.describe import in_words
from notices.recurrence.parse import read
from notices.recurrence.rule import Rule

pytestmark = pytest.mark.once

SHANGHAI = ZoneInfo("Asia/Shanghai")  # whose clocks never change
START = datetime(2026, 1, 1, 9, 30)  # a Thursday
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = [
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
]  # fmt: skip
NTH = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}


def numbers(first, last, step=1):
    values = st.integers(first, last).map(str)
    spans = st.builds("{}-{}".format, values, values)
    steps = st.builds("{}/{}".format, st.just("*") | spans | values, st.integers(1, last))
    items = st.lists(values | spans | steps | st.just("*"), min_size=1, max_size=3)
    return st.just("*") | items.map(",".join)


WEEKDAYS = st.lists(
    st.sampled_from(["0", "1", "5", "7", "1-5", "6-7", "6-1", "5#1", "2#5", "L5", "L0", "*/2"]),
    min_size=1,
    max_size=3,
).map(",".join)
CRON = st.builds(
    "{} {} {} {} {}".format,
    numbers(0, 59),
    numbers(0, 23),
    numbers(1, 31) | st.sampled_from(["L", "1,L", "25-L", "?"]),
    numbers(1, 12),
    st.just("*") | WEEKDAYS,
)


@settings(deadline=None, max_examples=100)
@given(CRON, st.datetimes(datetime(2026, 1, 1), datetime(2029, 12, 1)))
def test_words_of_a_cron_line_say_when_it_rings(line, begin):
    try:
        text, _times = read(line, SHANGHAI)
    except ValidationError:
        assume(False)
    agree(Rule(text, SHANGHAI, datetime(2026, 1, 1)), begin.replace(second=0, microsecond=0))


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    st.sets(st.sampled_from(["MO", "FR", "SU"])) | st.sets(st.sampled_from(["1MO", "-1FR", "5SU"])),
    st.sets(st.sampled_from(["1", "13", "31", "-1", "-3"]), max_size=2),
    st.sets(st.integers(1, 12), max_size=3),
    st.sets(st.integers(0, 23), max_size=3),
    st.datetimes(datetime(2026, 1, 1), datetime(2029, 12, 1)),
)
def test_words_of_a_recurrence_rule_say_when_it_rings(often, days, dates, months, hours, begin):
    parts = {"BYDAY": days, "BYMONTHDAY": dates, "BYMONTH": months, "BYHOUR": hours}
    named = [f"{name}={','.join(sorted(map(str, some)))}" for name, some in parts.items() if some]
    try:
        text, _times = read(";".join([f"FREQ={often}", *named]), SHANGHAI)
    except ValidationError:
        assume(False)
    rule = Rule(text, SHANGHAI, START)
    assume(not in_words(rule).startswith("by the rule"))
    agree(rule, begin.replace(second=0, microsecond=0))


def agree(rule, begin):
    """Over 40 days, each of whose minutes is looked at."""
    end, words = begin + timedelta(days=40), in_words(rule)
    after = (begin - timedelta(seconds=1)).replace(tzinfo=SHANGHAI).astimezone(UTC)
    rung = {
        at.astimezone(SHANGHAI).replace(tzinfo=None)
        for at in takewhile(lambda at: at < end.replace(tzinfo=SHANGHAI), rule.instants(after))
    }
    assert rung == set(claimed(claim(words), max(begin, rule.start), end)), words


def claimed(says, begin, end):
    day = begin.replace(hour=0, minute=0)
    while day < end:
        if says["day"](day):
            for hour in says["hours"]:
                for minute in says["minutes"](hour):
                    wall = day.replace(hour=hour, minute=minute)
                    if begin <= wall < end:
                        yield wall
        day += timedelta(days=1)


def claim(words):
    """What a sentence says: which days, which hours of them, which minutes of those."""
    says = {"hours": range(24), "minutes": lambda hour: range(60)}
    days = []
    for part in split(words):
        if found := re.fullmatch(r"at (\d\d:\d\d(?:, \d\d:\d\d)*)", part):
            times = [tuple(map(int, time.split(":"))) for time in found[1].split(", ")]
            says["hours"] = sorted({hour for hour, _minute in times})
            says["minutes"] = lambda hour, times=times: [m for h, m in times if h == hour]
        elif found := re.fullmatch(r"every (?:(\d+) )?minutes?", part):
            says["minutes"] = lambda hour, step=int(found[1] or 1): range(0, 60, step)
        elif found := re.fullmatch(r"every (?:(\d+) )?hours?", part):
            says["hours"] = range(0, 24, int(found[1] or 1))
        elif found := re.fullmatch(r"from (\d\d):00 to (\d\d):59", part):
            says["hours"] = range(int(found[1]), int(found[2]) + 1)
        elif part.startswith("in the hours that begin at "):
            says["hours"] = [int(hour) for hour in re.findall(r"(\d\d):00", part)]
        elif part.startswith("at minute "):
            some = {n for item in items(part, "at minute ") for n in through(item, int)}
            says["minutes"] = lambda hour, some=some: some
        elif part in ("every day", "every week", "every month", "every year"):
            pass
        elif part.startswith("in "):
            some = {n for item in items(part, "in ") for n in through(item, MONTHS.index)}
            days.append(lambda day, some=some: day.month - 1 in some)
        else:
            on = items(part, "only on ", "on ")
            days.append(lambda day, on=on: any(is_on(day, item) for item in on))
    return says | {"day": lambda day: all(rings(day) for rings in days)}


def split(words):
    """The parts of a sentence; a list within one has commas, too."""
    begins = r"(?=at |every (?:\d+ )?(?:minute|hour|day|week|month|year)|from |in |only on |on "
    return re.split(rf", {begins}|\w+day through )", words)


def items(part, *starts):
    for start in starts:
        part = part.removeprefix(start)
    return re.split(", | and ", part)


def through(item, read_one):
    first, _through, last = item.partition(" through ")
    return range(read_one(first), read_one(last or first) + 1)


def is_on(day, item):
    length = monthrange(day.year, day.month)[1]
    if item == "the last day of the month":
        return day.day == length
    if found := re.fullmatch(r"day (\d+) from the month's end", item):
        return day.day == length - int(found[1]) + 1
    if re.fullmatch(r"day \d+(?: through day \d+)?", item):
        return day.day in through(item, lambda text: int(text.removeprefix("day ")))
    *place, name = re.sub("^every ", "", item).split(" ") if "through" not in item else [item]
    if day.weekday() not in through(name, DAYS.index):
        return False
    if place == ["last"]:
        return day.day > length - 7
    return not place or (day.day + 6) // 7 == NTH[place[0]]
