"""When, as people fill it in: now, later, or again and again."""

from datetime import UTC, datetime, time

import pytest
import time_machine

from notices.models import Notice, Schedule
from notices.pages.rule_fields import fields_of, fields_of_rule, rule_of
from notices.pages.timing_form import TimingForm

pytestmark = pytest.mark.once

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(NOW, tick=False):
        yield


def filled(own_zone="Asia/Shanghai", many=True, **fields):
    form = TimingForm(fields, own_zone=own_zone, many=many)
    form.is_valid()
    return form


def told(form):
    """Field -> its first sentence."""
    return {name: each[0] for name, each in form.errors.items()}


def test_now_is_what_holds_when_nothing_is_said():
    form = filled()
    assert form.cleaned_data["when"] == "now"
    assert form.cleaned_data["zone"] == "Asia/Shanghai"


def test_later_is_an_instant_in_the_chosen_zone():
    form = filled(when="later", at="2026-12-01T09:00", zone="Europe/London")
    assert form.cleaned_data["start_at"] == datetime(2026, 12, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"when": "later"}, "at", "Choose a date and a time."),
        ({"when": "later", "at": "tomorrow"}, "at", "such as 2026-12-01T09:00"),
        ({"when": "later", "at": "2026-12-01T09:00+08:00"}, "at", "such as"),
        ({"when": "later", "at": "9999-12-31T23:59"}, "at", "such as"),
        ({"when": "later", "at": "0001-01-01T00:00"}, "at", "such as"),
        ({"when": "later", "at": "2026-11-21T11:59"}, "at", "in the past"),
        ({"when": "later", "at": "2026-11-21T12:00"}, "at", "in the past"),
        (
            {"when": "later", "at": "2027-03-28T01:30", "zone": "Europe/London"},
            "at",
            "2027-03-28 01:30 does not exist in Europe/London: the clocks go forward.",
        ),
        ({"when": "later", "at": "2026-12-01T09:00", "zone": "Mars/Base"}, "zone", "by its name"),
        ({"when": "later", "at": "2026-12-01T09:00", "zone": "../../etc/passwd"}, "zone", "name"),
        ({"zone": "localtime"}, "zone", "by its name"),
        ({"zone": "Factory"}, "zone", "by its name"),
        ({"when": "soon"}, "when", "not one of the available choices"),
        (
            {"when": "later", "at": "2026-12-01T09:00", "not_after": "2026-12-01T08:00"},
            "not_after",
            "over before it could start",
        ),
        ({"when": "now", "not_after": "2026-11-21T11:00"}, "not_after", "over before"),
        ({"when": "repeat", "every": "rule", "rule": "61 * * * *"}, "rule", "The minute of this"),
        ({"when": "repeat", "every": "rule"}, "rule", "five fields"),
        ({"when": "repeat", "every": "rule", "rule": "0 0 31 2 *"}, "rule", "never happens"),
        (
            {"when": "repeat", "every": "rule", "rule": "FREQ=SECONDLY"},
            "rule",
            "more than once a minute",
        ),
        ({"when": "repeat", "every": "days", "number": "0"}, "number", "at least 1"),
        ({"when": "repeat", "every": "days", "number": "1e9"}, "number", "whole number"),
        ({"when": "repeat", "every": "weeks", "weekdays": ["XX"]}, "weekdays", "not one of"),
        ({"when": "repeat", "every": "days", "ends_on": "2026-11-20"}, "ends_on", "first time"),
        ({"when": "repeat", "every": "days", "ends_on": "soon"}, "ends_on", "such as 2026-12-01"),
        (
            {"when": "repeat", "zone": "America/New_York", "ends_on": "9999-12-31"},
            "ends_on",
            "Choose a day up to 2299-12-31.",
        ),
        (
            {"when": "repeat", "every": "days", "missed": "limit"},
            "late_minutes",
            "how many minutes late",
        ),
    ],
)
def test_bad_input_is_refused_on_its_field(fields, field, sentence):
    assert sentence in told(filled(**fields))[field]


def test_few_people_may_be_told_every_second():
    form = filled(when="repeat", every="rule", rule="FREQ=SECONDLY;INTERVAL=2", many=False)
    assert form.is_valid()


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({}, "FREQ=DAILY;INTERVAL=1"),
        ({"every": "minutes", "number": "90"}, "FREQ=MINUTELY;INTERVAL=90"),
        ({"every": "weeks", "weekdays": ["MO", "FR"]}, "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,FR"),
        ({"every": "month", "month_day": "-1"}, "FREQ=MONTHLY;BYMONTHDAY=-1"),
        ({"every": "rule", "rule": "0 9 * * 1-5"}, "0 9 * * 1-5"),
    ],
)
def test_fields_become_a_rule_and_back(fields, rule):
    form = filled(when="repeat", at="2026-12-01T09:00", **fields)
    assert form.cleaned_data["rule"] == rule
    assert rule_of(fields_of_rule(rule) | {}) == rule


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=MONTHLY;BYMONTHDAY=1,15",
        "FREQ=MONTHLY;BYMONTHDAY=-2",
        "FREQ=DAILY;INTERVAL=5000",
        "FREQ=WEEKLY;INTERVAL=1;BYDAY=2MO",
    ],
)
def test_what_the_fields_cannot_show_is_filled_in_as_a_rule(rule):
    assert fields_of_rule(rule) == {"every": "rule", "rule": rule}


def test_a_schedule_fills_the_form_that_says_the_same_schedule():
    form = filled(
        when="repeat", every="weeks", weekdays=["MO"], at="2026-12-01T09:00", zone="Europe/London",
        ends_on="2027-06-30", times="7", missed="limit", late_minutes="15",
    )  # fmt: skip
    schedule = Schedule()
    form.apply_to_schedule(schedule)
    again = TimingForm(fields_of(schedule), own_zone="UTC")
    assert again.is_valid()
    other = Schedule()
    again.apply_to_schedule(other)
    names = ("rule", "zone", "start", "ends_on", "times", "late_minutes", "in_quiet_hours")
    assert [getattr(other, name) for name in names] == [getattr(schedule, name) for name in names]
    assert schedule.late_minutes == 15


def test_count_in_a_rule_is_the_number_of_times():
    assert filled(when="repeat", every="rule", rule="FREQ=DAILY;COUNT=5").cleaned_data["times"] == 5


NIGHT = (time(22), time(8))


def test_the_quiet_hours_are_asked_for_only_where_there_are_some(settings):
    assert filled()["in_quiet_hours"].is_hidden
    settings.QUIET_HOURS = NIGHT
    form = filled(in_quiet_hours="on")
    notice = Notice()
    form.apply_to_notice(notice)
    assert notice.in_quiet_hours
    assert not form["in_quiet_hours"].is_hidden
    assert form.words_for_quiet_hours == "22:00–08:00 (Asia/Shanghai)"


@pytest.mark.parametrize("chosen", [True, False])
def test_what_was_chosen_for_quiet_hours_outlives_them(chosen):
    schedule = Schedule(
        rule="0 9 * * *", start="2026-12-01T09:00", zone="UTC", in_quiet_hours=chosen
    )
    shown = TimingForm(saved=schedule)
    posted = {bound.name: bound.value() or "" for bound in shown} | {"in_quiet_hours": str(chosen)}
    assert f'value="{chosen}"' in str(shown["in_quiet_hours"])
    assert filled(**posted).cleaned_data["in_quiet_hours"] is chosen


@pytest.mark.parametrize("start", [{}, {"when": "later", "at": "2026-11-21T23:30"}])
def test_what_would_be_over_within_the_quiet_hours_is_refused(settings, start):
    settings.QUIET_HOURS = NIGHT if start else (time(9), time(18))  # now it is noon
    end, late = ("2026-11-22T07:00", "2026-11-22T08:01") if start else (
        "2026-11-21T17:00", "2026-11-21T18:01",
    )  # fmt: skip
    until = "2026-11-22 08:00" if start else "2026-11-21 18:00"
    problem = told(filled(**start, not_after=end))["not_after"]
    assert f"held until {until} (Asia/Shanghai)" in problem
    assert filled(**start, not_after=end, in_quiet_hours="on").is_valid()
    assert filled(**start, not_after=late).is_valid()
