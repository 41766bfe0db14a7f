"""Rules: local time to instants, over changes of the clocks; and their words."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from django.core.exceptions import ValidationError
from django.utils.translation import override
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from notices.recurrence import rule as rules
from notices.recurrence.describe import in_words
from notices.recurrence.parse import read
from notices.recurrence.rule import Rule

pytestmark = pytest.mark.once

LONDON, NEW_YORK = ZoneInfo("Europe/London"), ZoneInfo("America/New_York")
LORD_HOWE, SHANGHAI = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Shanghai")
BEGIN = datetime(2026, 1, 1)
HOURS = ",".join(map(str, range(24)))


def local(rule, zone, after="2026-01-01", number=5, start=BEGIN):
    """The next local times, as texts with their offset."""
    found = Rule(rule, zone, start).instants(datetime.fromisoformat(after).replace(tzinfo=UTC))
    return [at.astimezone(zone).isoformat(timespec="minutes") for at in islice(found, number)]


# The clocks change on 2026-03-29 and 2026-10-25 in London (at 01:00 UTC), on 2026-03-08 and
# 2026-11-01 in New York (at 02:00), on 2026-04-05 and 2026-10-04 on Lord Howe (at 02:00, by half
# an hour), never in Shanghai. What differs from its rule's time of day:
MOVED = {
    (LONDON, "01:30"): ["2026-03-29T02:30+01:00"],
    (LONDON, "01:45"): ["2026-03-29T02:45+01:00"],
    (NEW_YORK, "02:15"): ["2026-03-08T03:15-04:00"],
    (NEW_YORK, "02:30"): ["2026-03-08T03:30-04:00"],
    (LORD_HOWE, "02:15"): ["2026-10-04T02:45+11:00"],
}


@pytest.mark.parametrize("time", ["00:30", "01:30", "01:45", "02:15", "02:30"])
@pytest.mark.parametrize("zone", [LONDON, NEW_YORK, LORD_HOWE, SHANGHAI], ids=str)
@pytest.mark.parametrize("kind", ["cron", "rrule"])
def test_a_daily_rule_runs_once_on_each_local_day_at_its_time(kind, zone, time):
    hour, minute = map(int, time.split(":"))
    rule = f"{minute} {hour} * * *" if kind == "cron" else "FREQ=DAILY"
    start = BEGIN.replace(hour=hour, minute=minute)
    first = datetime(2025, 12, 31, 12, tzinfo=zone)
    found = [at.astimezone(zone) for at in islice(Rule(rule, zone, start).instants(first), 365)]
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    assert [at.date() for at in found] == days
    odd = [at.isoformat(timespec="minutes") for at in found if f"{at:%H:%M}" != time]
    assert odd == MOVED.get((zone, time), [])
    assert all(at.fold == 0 for at in found), "of a repeated time the first is meant"


@pytest.mark.parametrize("rule", ["*/30 * * * *", "FREQ=MINUTELY;INTERVAL=30"])
@pytest.mark.parametrize("zone", [LONDON, NEW_YORK, LORD_HOWE], ids=str)
def test_a_rule_that_rings_every_hour_just_goes_on(rule, zone):
    found = list(islice(Rule(rule, zone, BEGIN).instants(BEGIN.replace(tzinfo=zone)), 365 * 48))
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(minutes=30)}


def test_every_two_hours_keeps_to_the_hours_of_the_clock():
    assert local("FREQ=HOURLY;INTERVAL=2", LONDON, "2026-03-28T23:00")[:2] == [
        "2026-03-29T00:00+00:00",
        "2026-03-29T02:00+01:00",
    ]


@pytest.mark.parametrize(
    ("rule", "after", "found"),
    [
        ("0 9 29 2 *", "2026-01-01", ["2028-02-29T09:00+08:00", "2032-02-29T09:00+08:00"]),
        (
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=9",
            "2026-01-01",
            ["2028-02-29T09:00+08:00", "2032-02-29T09:00+08:00"],
        ),
        (
            "FREQ=MONTHLY;BYMONTHDAY=31",
            "2026-01-01",
            ["2026-01-31T00:00+08:00", "2026-03-31T00:00+08:00"],
        ),
        (
            "FREQ=MONTHLY;BYMONTHDAY=-1",
            "2026-02-01",
            ["2026-02-28T00:00+08:00", "2026-03-31T00:00+08:00"],
        ),
        ("0 0 L * *", "2028-02-01", ["2028-02-29T00:00+08:00", "2028-03-31T00:00+08:00"]),
        ("5-5 9 * * *", "2026-01-01", ["2026-01-01T09:05+08:00", "2026-01-02T09:05+08:00"]),
        ("0 0 1,15 * 5#1", "2026-01-01", ["2026-01-02", "2026-01-15", "2026-02-01", "2026-02-06"]),
        ("0 0 13 * L5", "2026-01-01", ["2026-01-13", "2026-01-30", "2026-02-13", "2026-02-27"]),
        ("0 0 1,L * *", "2026-01-02", ["2026-01-31", "2026-02-01", "2026-02-28", "2026-03-01"]),
        ("0 0 13 * */1", "2026-01-02", ["2026-01-13", "2026-02-13"]),
        ("0 0 15 * 0-6", "2026-01-01T12:00", ["2026-01-02", "2026-01-03", "2026-01-04"]),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR",
            "2026-12-20",
            ["2026-12-28T00:00+08:00", "2027-01-01T00:00+08:00", "2027-01-11T00:00+08:00"],
        ),
        (
            "59 23 31 12 *",
            "2026-12-01",
            ["2026-12-31T23:59+08:00", "2027-12-31T23:59+08:00"],
        ),
        ("FREQ=DAILY;UNTIL=20260103T235959", "2026-01-01", ["2026-01-02", "2026-01-03"]),
    ],
)
def test_the_calendar(rule, after, found):
    got = local(rule, SHANGHAI, after, 20)
    assert [at[: len(want)] for at, want in zip(got, found, strict=False)] == found
    if "UNTIL" in rule:
        assert len(got) == len(found)


@pytest.mark.parametrize("hour", range(-4, 5))
def test_every_second_is_found_in_a_moment_when_the_clocks_change(hour):
    rule = Rule("FREQ=SECONDLY", LONDON, datetime(2020, 1, 1))
    after = datetime(2026, 10, 25, 1, tzinfo=UTC) + timedelta(hours=hour, minutes=-30)
    began = perf_counter()
    found = list(islice(rule.instants(after), 3))
    assert perf_counter() - began < 1
    assert found == [after + timedelta(seconds=number) for number in (1, 2, 3)]


def test_nothing_rings_before_the_start_nor_twice():
    rule = Rule("FREQ=DAILY", SHANGHAI, datetime(2026, 5, 1, 9))
    found = list(islice(rule.instants(datetime(2020, 1, 1, tzinfo=UTC)), 3))
    assert found[0] == datetime(2026, 5, 1, 1, tzinfo=UTC)
    assert next(rule.instants(found[0])) == found[1]


def test_intervals_count_from_the_start_however_long_ago_that_was():
    rule = Rule("FREQ=DAILY;INTERVAL=3", SHANGHAI, datetime(1990, 1, 1, 9))
    at = next(rule.instants(datetime(2026, 11, 21, tzinfo=UTC)))
    assert (at.astimezone(SHANGHAI).date() - date(1990, 1, 1)).days % 3 == 0


def test_a_law_that_moves_the_clocks_moves_the_rule():
    """Only the name of the zone is stored: the same rule by other data rings at other instants."""
    after = datetime(2026, 11, 20, 12, tzinfo=UTC)
    before = next(Rule("0 9 * * *", ZoneInfo("Asia/Shanghai"), BEGIN).instants(after))
    since = next(Rule("0 9 * * *", ZoneInfo("Asia/Tokyo"), BEGIN).instants(after))
    assert before - since == timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "stored", "times"),
    [
        ("0  9 * * mon-fri", "0 9 * * MON-FRI", None),
        ("rrule:freq=daily;count=5", "FREQ=DAILY", 5),
        ("FREQ=DAILY;", "FREQ=DAILY", None),
        ("FREQ=DAILY;UNTIL=20261231", "FREQ=DAILY;UNTIL=20261231T235959", None),
        ("FREQ=DAILY;UNTIL=20261231T160000Z", "FREQ=DAILY;UNTIL=20270101T000000", None),
    ],
)
def test_read(text, stored, times):
    assert read(text, SHANGHAI) == (stored, times)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "five fields"),
        ("* * * *", "this has 4"),
        ("* * * * * *", "this has 6"),
        ("@daily", "five fields"),
        ("61 9 * * *", "The minute of this cron line, 61, is wrong"),
        ("0 24 * * *", "The hour of this cron line, 24, is wrong"),
        ("0 9 32 * *", "The day of the month of this cron line, 32, is wrong"),
        ("0 9 * 13 *", "The month of this cron line, 13, is wrong"),
        ("0 9 * * MOO", "The day of the week of this cron line, MOO, is wrong"),
        ("R 9 * * *", "The minute of this cron line, R, is wrong"),
        ("*/0 9 * * *", "The minute"),
        ("*/90 * * * *", r"The minute of this cron line, \*/90, steps beyond its end"),
        ("0-30/45 * * * *", "steps beyond its end"),
        ("5,50/20 * * * *", "steps beyond its end"),
        ("0 */24 * * *", "The hour of this cron line, .* steps beyond its end"),
        ("0 9 */31 * *", "The day of the month of this cron line, .* steps beyond its end"),
        ("0 9 1 */12 *", "The month of this cron line, .* steps beyond its end"),
        ("0 9 * * */7", "The day of the week of this cron line, .* steps beyond its end"),
        ("0 9 0 * *", "The day of the month"),
        ("0 9 9-0 * *", "The day of the month"),
        ("0 9 ?,1 * *", "The day of the month"),
        ("? 9 * * *", "The minute"),
        ("0 9 * * 5#6", "The day of the week"),
        ("0 9 * 5#1 *", "The month"),
        ("FREQ=MONTHLY;BYDAY=MO,1FR", "names days with a number and without"),
        ("\uff11 9 * * *", "The minute"),
        ("FREQ=DALY", "FREQ=DALY cannot be understood"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL=0 cannot be understood"),
        ("FREQ=DAILY;INTERVAL=999999999", "INTERVAL=999999999 cannot"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY=XX cannot be understood"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL=TOMORROW cannot"),
        ("FREQ=DAILY;UNTIL=20261399", "UNTIL=20261399 cannot"),
        ("BYDAY=MO", "names FREQ"),
        ("FREQ=DAILY;FREQ=DAILY", "each part once"),
        ("FREQ=DAILY;EVERY=2", "no part EVERY"),
        ("DTSTART=20260101;FREQ=DAILY", "no part DTSTART"),
        ("FREQ=SECONDLY;BYSETPOS=2", "BYSETPOS does not go with FREQ=SECONDLY"),
        ("FREQ=MINUTELY;BYHOUR=5", "BYHOUR does not go with FREQ=MINUTELY"),
        ("FREQ=DAILY;BYHOUR=" + "1," * 100, "at most 200 characters"),
        ("FREQ=DAILY;BYSECOND=1", "no part BYSECOND"),
        ("FREQ=YEARLY;BYMONTH=1,13", "BYMONTH=1,13 cannot"),
        ("FREQ=YEARLY;BYMONTH=0,1", "BYMONTH=0,1 cannot"),
        ("FREQ=MONTHLY;BYDAY=MO(1)", "cannot be understood"),
        ("FREQ=MONTHLY;BYDAY=1MO,12MO", "does not go with FREQ=MONTHLY"),
        ("FREQ=YEARLY;BYDAY=60MO", "BYDAY=60MO cannot"),
        ("FREQ=WEEKLY;BYDAY=-1FR", "does not go with FREQ=WEEKLY"),
        ("FREQ=DAILY;BYDAY=1MO", "does not go with FREQ=DAILY"),
        ("FREQ=WEEKLY;BYMONTHDAY=13", "BYMONTHDAY does not go with FREQ=WEEKLY"),
        ("FREQ=DAILY;UNTIL=00010101T000000Z", "UNTIL=00010101T000000Z cannot"),
        ("FREQ=DAILY;UNTIL=99991231T235959Z", "UNTIL=99991231T235959Z cannot"),
        (f"FREQ=DAILY;BYHOUR={HOURS};BYMINUTE=0,1,2,3,4", "at most 96 times of day"),
    ],
)
def test_read_refuses_and_says_which_part(text, sentence):
    with pytest.raises(ValidationError, match=sentence):
        read(text, SHANGHAI)


@pytest.mark.parametrize(
    "text",
    [
        "0 0 31 2 *",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",  # the start is a Thursday
        "FREQ=DAILY;UNTIL=20200101",
    ],
)
def test_a_rule_that_never_rings_is_refused(text):
    rule = Rule(read(text, SHANGHAI)[0], SHANGHAI, BEGIN)
    with pytest.raises(ValidationError, match="never happens"):
        rules.check(rule, datetime(2026, 11, 21, tzinfo=UTC), many=False)


@pytest.mark.parametrize("text", ["FREQ=SECONDLY", "FREQ=SECONDLY;INTERVAL=59"])
def test_many_people_are_not_told_more_than_once_a_minute(text):
    rule = Rule(read(text, SHANGHAI)[0], SHANGHAI, BEGIN)
    now = datetime(2026, 11, 21, tzinfo=UTC)
    rules.check(rule, now, many=False)
    with pytest.raises(ValidationError, match="more than once a minute"):
        rules.check(rule, now, many=True)
    rules.check(Rule("FREQ=MINUTELY", SHANGHAI, BEGIN), now, many=True)


@pytest.mark.parametrize(
    "text", ["FREQ=HOURLY;INTERVAL=2;BYHOUR=8", "FREQ=HOURLY;INTERVAL=24;BYHOUR=9"]
)
def test_hours_that_the_start_never_meets(text):
    meets = Rule(text, SHANGHAI, datetime(2026, 1, 1, int(text[-1])))
    rules.check(meets, datetime(2026, 11, 21, tzinfo=UTC), many=True)
    misses = Rule(text, SHANGHAI, datetime(2026, 1, 1, int(text[-1]) - 1))
    with pytest.raises(ValidationError, match="do not fit together"):
        rules.check(misses, datetime(2026, 11, 21, tzinfo=UTC), many=True)


@pytest.mark.parametrize("text", ["0 0-23 * * *", "0 0/1 * * *", f"FREQ=DAILY;BYHOUR={HOURS}"])
def test_every_hour_goes_on_however_it_is_written(text):
    found = list(islice(Rule(text, LONDON, BEGIN).instants(BEGIN.replace(tzinfo=UTC)), 365 * 24))
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(hours=1)}


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=0,1,2,3;BYMINUTE=0,9,19,29", 1971),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9,10,11,12;BYMINUTE=0,15,30,45", 1971),
        ("FREQ=MONTHLY;INTERVAL=7", 1971),
        ("FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=23;BYMINUTE=59", 1971),
    ],
)
def test_nobody_walks_through_years_of_a_rule(text, start):
    """What begins near the moment asked about is the same as what dateutil finds from the start."""
    text, _ = read(text, SHANGHAI)
    old, after = Rule(text, SHANGHAI, datetime(start, 1, 1)), datetime(2026, 11, 21, tzinfo=UTC)
    near = old.start_near(datetime(2026, 11, 21))
    assert near > datetime(2009, 1, 1)
    moment = datetime(2026, 11, 21, 8)
    slow = next(wall for wall in rrulestr(text, dtstart=datetime(start, 1, 1)) if wall > moment)
    assert next(old.instants(after)) == rules.instant(slow, SHANGHAI)


RULES = st.one_of(
    st.builds(
        "FREQ={};INTERVAL={}".format,
        st.sampled_from(["HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
        st.integers(1, 40),
    ),
    st.builds("FREQ=MINUTELY;INTERVAL={}".format, st.integers(1, 3000)),
    st.builds("FREQ=MONTHLY;BYMONTHDAY={}".format, st.sampled_from([1, 15, 29, 31, -1, -3])),
    st.builds("FREQ=WEEKLY;BYDAY={}".format, st.sampled_from(["MO", "SA,SU", "WE,TH,FR"])),
    st.builds("{} {} * * *".format, st.integers(0, 59), st.integers(0, 23)),
    st.builds("*/{} * * * *".format, st.integers(1, 59)),
    st.builds("{} {} {} * {}".format, st.integers(0, 59), st.integers(0, 23), st.integers(1, 31),
              st.sampled_from("*0135")),
)  # fmt: skip
ZONES = st.sampled_from([LONDON, NEW_YORK, LORD_HOWE, SHANGHAI, ZoneInfo("Africa/Cairo")])
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


@settings(deadline=None)
@given(RULES, ZONES, MOMENTS, st.integers(0, 300))
def test_instants_do_not_depend_on_where_one_starts_to_look(text, zone, after, skip):
    """However often the worker asks for "the next", it walks through the same instants."""
    rule = Rule(text, zone, datetime(2025, 11, 3, 7, 25))
    found = list(islice(rule.instants(after), skip % 60 + 5))
    assume(len(found) > 1)
    assert found == sorted(set(found))
    assert found[0] > after
    for earlier, later in pairwise(found):
        assert next(rule.instants(earlier)) == later
        between = earlier + (later - earlier) * (skip / 301)
        assert next(rule.instants(between)) == later


@settings(deadline=None)
@given(st.text(max_size=40))
def test_whatever_is_typed_is_read_or_refused(text):
    try:
        stored, _ = read(text, SHANGHAI)
    except ValidationError:
        return
    list(islice(Rule(stored, SHANGHAI, BEGIN).instants(BEGIN.replace(tzinfo=UTC)), 2))


@pytest.mark.parametrize(
    ("rule", "english", "chinese"),
    [
        ("FREQ=DAILY", "every day, at 09:30", "每 1 天，在 09:30"),
        ("FREQ=DAILY;INTERVAL=3", "every 3 days, at 09:30", "每 3 天，在 09:30"),
        ("FREQ=WEEKLY", "every week, on Thursday, at 09:30", "每 1 周，在星期四，在 09:30"),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR",
            "every 2 weeks, on Monday and Friday, at 09:30",
            None,
        ),
        ("FREQ=MONTHLY", "every month, on day 1, at 09:30", None),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "every month, on the last day of the month, at 09:30", None),
        ("FREQ=MONTHLY;BYDAY=-1FR", "every month, on last Friday, at 09:30", None),
        ("FREQ=YEARLY", "every year, on day 1, in January, at 09:30", None),
        ("FREQ=HOURLY;INTERVAL=1", "every hour", "每 1 小时"),
        ("FREQ=MINUTELY;INTERVAL=5", "every 5 minutes", None),
        ("FREQ=DAILY;BYHOUR=9,17", "every day, at 09:30, 17:30", None),
        ("FREQ=DAILY;UNTIL=20261231T235959", "every day, at 09:30, until 2026-12-31", None),
        ("FREQ=YEARLY;BYWEEKNO=20", "by the rule FREQ=YEARLY;BYWEEKNO=20", None),
        ("FREQ=HOURLY;BYMINUTE=30", "by the rule FREQ=HOURLY;BYMINUTE=30", None),
        ("FREQ=YEARLY;BYMONTHDAY=15", "by the rule FREQ=YEARLY;BYMONTHDAY=15", None),
        ("FREQ=HOURLY;BYHOUR=9,10", "by the rule FREQ=HOURLY;BYHOUR=9,10", None),
        ("0 9 * * 1-5", "at 09:00, Monday through Friday", "在 09:00，星期一到星期五"),
        ("*/15 * * * *", "every 15 minutes", "每 15 分钟"),
        ("*/45 * * * *", "every hour, at minute 0 and 45", "每 1 小时，在第 0 和 45 分钟"),
        ("*/90 * * * *", "every hour, at minute 0", None),  # stored before it was refused
        ("5-5 9 * * *", "at 09:05", None),
        (
            "*/15 9-17 * * SAT-SUN",
            "every 15 minutes, from 09:00 to 17:59, on Saturday and Sunday",
            "每 15 分钟，从 09:00 到 17:59，在星期六 和 星期日",
        ),
        ("0 9 1,L * *", "at 09:00, on day 1 and the last day of the month", None),
        (
            "0 9 1,15 * 5#1",
            "at 09:00, on day 1, day 15 and first Friday",
            "在 09:00，在1 日，15 日 和 第一个星期五",
        ),
        ("0 9 1,15 * 5", "at 09:00, on day 1, day 15 and every Friday", None),
        ("0 9 * * 5#1,5#3", "at 09:00, on first Friday and third Friday", None),
        ("0 9 */1 * 1", "at 09:00, on Monday", None),
        ("0 9 1-31 * 1", "at 09:00", None),
        ("0 9 */15 6-8 *", "at 09:00, on day 1, day 16 and day 31, in June through August", None),
        ("0 */5,23 * * *", "at 00:00, 05:00, 10:00, 15:00, 20:00, 23:00", None),
        (
            "7 1,3,5,7,9,11,12 * * *",
            "in the hours that begin at 01:00, 03:00, 05:00, 07:00, 09:00, 11:00 and 12:00, "
            "at minute 7",
            None,
        ),
        ("FREQ=DAILY;INTERVAL=3;BYDAY=MO", "every 3 days, only on Monday, at 09:30", None),
        (
            "FREQ=MONTHLY;BYDAY=MO",
            "every month, on every Monday, at 09:30",
            "每 1 个月，在每个星期一，在 09:30",
        ),
        ("FREQ=MONTHLY;BYDAY=5MO", "every month, on fifth Monday, at 09:30", None),
        ("FREQ=MONTHLY;BYDAY=-2MO", "by the rule FREQ=MONTHLY;BYDAY=-2MO", None),
        (
            "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
            "by the rule FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
            None,
        ),
        ("FREQ=YEARLY;BYDAY=20MO", "by the rule FREQ=YEARLY;BYDAY=20MO", None),
        ("FREQ=DAILY;UNTIL=20261231T080000", "every day, at 09:30, until 2026-12-31 08:00", None),
    ],
)
def test_words(rule, english, chinese):
    start = datetime(2026, 1, 1, 9, 30)
    assert in_words(Rule(rule, SHANGHAI, start)) == english
    if chinese:
        with override("zh-hans"):
            assert in_words(Rule(rule, SHANGHAI, start)) == chinese


@settings(deadline=None)
@given(RULES)
def test_every_rule_has_words(rule):
    assert in_words(Rule(rule, SHANGHAI, BEGIN))
