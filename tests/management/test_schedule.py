"""manage.py schedule, and notice send --at: the same forms and the same code as the pages."""

import json
from datetime import UTC, datetime

import pytest
import time_machine
from django.core.management import CommandError, call_command

from notices.models import Notice, Occurrence, Schedule

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 21, 4, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def content(tmp_path):
    path = tmp_path / "text.md"
    path.write_text("Dear ((name)), water the plants.")
    return ("--subject", "Plants", "--text", str(path), "--channel", "email", "--everyone")


def add(content, *more, rule="0 9 * * 1-5", zone="Asia/Shanghai"):
    call_command("schedule", "add", "--rule", rule, "--zone", zone, *content, *more)
    return Schedule.objects.latest("pk")


def test_add_prints_the_number(content, capsys):
    schedule = add(content)
    assert capsys.readouterr().out == f"{schedule.pk}\n"
    assert (schedule.rule, schedule.late_minutes) == ("0 9 * * 1-5", None)
    assert schedule.next_at == datetime(2026, 11, 23, 1, tzinfo=UTC)


def test_whoever_is_named_is_the_author(content, staff):
    schedule = add(content, "--as", "reception")
    assert schedule.author == staff
    call_command("schedule", "skip", str(schedule.pk), "--as", "reception")
    assert Occurrence.objects.get().by == staff
    with pytest.raises(CommandError, match="There is no member of staff"):
        call_command("schedule", "run", str(schedule.pk), "--as", "nobody")
    assert not Notice.objects.exists()


@pytest.mark.parametrize(("missed", "minutes"), [("skip", 0), ("late", None), ("45", 45)])
def test_missed(content, missed, minutes):
    assert add(content, "--missed", missed).late_minutes == minutes


def test_start_until_times_and_quiet_hours(content, settings):
    settings.QUIET_HOURS = (NOON.time(), NOON.time().replace(hour=9))
    schedule = add(
        content, "--start", "2026-12-24T18:30", "--until", "2026-12-31", "--times", "4",
        "--in-quiet-hours", rule="FREQ=DAILY", zone="Europe/London",
    )  # fmt: skip
    assert schedule.next_at == datetime(2026, 12, 24, 18, 30, tzinfo=UTC)
    assert (str(schedule.ends_on), schedule.times, schedule.in_quiet_hours) == (
        "2026-12-31", 4, True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--missed", "never"], "late_minutes: Enter a whole number."),
        (["--missed", "-5"], "late_minutes"),
        (["--start", "soon"], "at: Write a date and a time"),
        (["--until", "2020-01-01"], "ends_on: This is before the first time"),
        (["--times", "0"], "times"),
    ],
)
def test_bad_options_are_refused_and_nothing_is_saved(content, more, sentence):
    with pytest.raises(CommandError, match=sentence):
        add(content, *more)
    assert not Schedule.objects.exists()


@pytest.mark.parametrize(
    ("rule", "zone", "sentence"),
    [
        ("0 25 * * *", "Asia/Shanghai", "rule: The hour of this cron line, 25, is wrong."),
        ("0 9 * * *", "Mars/Base", "zone: Choose a time zone by its name"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "UTC", "rule: This never happens"),
        ("FREQ=SECONDLY", "UTC", "rule: This is more than once a minute"),
    ],
)
def test_bad_rules_are_refused(content, rule, zone, sentence):
    with pytest.raises(CommandError, match=sentence):
        add(content, rule=rule, zone=zone)
    assert not Schedule.objects.exists()


def test_list(content, capsys):
    schedule = add(content)
    capsys.readouterr()
    call_command("schedule", "list", "--json")
    [facts] = json.loads(capsys.readouterr().out)
    assert facts["id"] == schedule.pk
    assert facts["state"] == "active"
    assert facts["next"][0] == "2026-11-23T01:00:00+00:00"
    assert len(facts["next"]) == 5
    assert (facts["words"], facts["zone"], facts["runs"], facts["last_notice"]) == (
        "at 09:00, Monday through Friday", "Asia/Shanghai", 0, None,
    )  # fmt: skip
    call_command("schedule", "list")
    assert "Plants: at 09:00, Monday through Friday" in capsys.readouterr().out


def test_the_list_asks_once_for_all(content, capsys, django_assert_num_queries):
    for _ in range(3):
        add(content)
    with django_assert_num_queries(1):
        call_command("schedule", "list")


def test_steps(content, capsys):
    schedule = add(content)
    for step, state in [
        ("skip", "active"),
        ("run", "active"),
        ("pause", "paused"),
        ("resume", "active"),
        ("end", "ended"),
    ]:
        call_command("schedule", step, str(schedule.pk))
        schedule.refresh_from_db()
        assert schedule.state == state
    states = Occurrence.objects.order_by("planned_at").values_list("state", flat=True)
    assert list(states) == ["started", "skipped"]
    with pytest.raises(CommandError, match=f"Schedule {schedule.pk} is ended: nothing was changed"):
        call_command("schedule", "pause", str(schedule.pk))
    for number in ("999", "99999999999999999999"):
        with pytest.raises(CommandError, match=f"There is no schedule {number}"):
            call_command("schedule", "pause", number)


# Twice


def test_add_with_the_same_key_prints_the_same_number(content, capsys, clock):
    until = ("--until", "2026-11-30", "--key", "k")
    add(content, *until)
    clock.move_to(datetime(2027, 1, 1, tzinfo=UTC))  # it would be refused by now
    add(content, *until)
    assert capsys.readouterr().out == f"{Schedule.objects.get().pk}\n" * 2
    with pytest.raises(CommandError, match="--key: This key was used"):
        add(content, *until, rule="0 10 * * 1-5")
    add(content, "--key", "other")
    assert Schedule.objects.count() == 2


@pytest.mark.parametrize("steps", [["pause"], ["pause", "resume"], ["end"]])
def test_a_step_twice_is_told_twice(content, capsys, steps):
    schedule = add(content)
    for step in steps:
        call_command("schedule", step, str(schedule.pk))
    capsys.readouterr()
    call_command("schedule", steps[-1], str(schedule.pk))
    assert capsys.readouterr().out.startswith(f"Schedule {schedule.pk} ")


def test_skip_at_passes_that_instant_by_and_no_other(content, capsys, clock):
    schedule = add(content)
    at = ("--at", "2026-11-23T09:00+08:00")
    for _ in range(2):
        call_command("schedule", "skip", str(schedule.pk), *at)
        clock.move_to(datetime(2026, 11, 23, 2, tzinfo=UTC))
    assert Occurrence.objects.get().planned_at == datetime(2026, 11, 23, 1, tzinfo=UTC)
    with pytest.raises(CommandError, match="nothing was changed"):
        call_command("schedule", "skip", str(schedule.pk), "--at", "2026-11-24T09:01+08:00")
    for no_instant in ("soon", "2026-11-24T09:00"):
        with pytest.raises(CommandError, match="--at"):
            call_command("schedule", "skip", str(schedule.pk), "--at", no_instant)


def test_run_with_the_same_key_runs_once(content, clock):
    schedule = add(content)
    for _ in range(2):
        call_command("schedule", "run", str(schedule.pk), "--key", "k")
        clock.shift(3600)
    assert Notice.objects.count() == 1
    call_command("schedule", "run", str(schedule.pk), "--key", "other")
    clock.shift(3600)
    call_command("schedule", "run", str(schedule.pk))
    assert Notice.objects.count() == 3


# notice send --at


def test_send_at(content, capsys):
    call_command("notice", "send", *content, "--at", "2026-12-01T09:00+08:00",
                 "--not-after", "2026-12-01T10:00+08:00")  # fmt: skip
    new = Notice.objects.get()
    assert (new.state, new.start_at) == ("waiting", datetime(2026, 12, 1, 1, tzinfo=UTC))
    assert new.not_after == datetime(2026, 12, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--at", "2026-12-01T09:00"], "--at: 2026-12-01T09:00 has no zone; add it"),
        (["--at", "tomorrow"], "--at: tomorrow is not a date and time"),
        (["--at", "9999-12-31T23:59-08:00"], "is not a date and time"),
        (["--at", "2020-12-01T09:00+08:00"], "--at: 2020-12-01T09:00.08:00 is in the past"),
        (["--not-after", "2026-12-01T09:00"], "--not-after: 2026-12-01T09:00 has no zone"),
        (
            ["--at", "2026-12-02T09:00Z", "--not-after", "2026-12-01T09:00Z"],
            "over before it could start",
        ),
    ],
)
def test_an_instant_that_is_none_is_refused(content, more, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("notice", "send", *content, *more)
    assert not Notice.objects.exists()


def test_what_would_be_over_within_the_quiet_hours_is_refused(content, settings):
    settings.QUIET_HOURS = (NOON.time().replace(hour=22), NOON.time().replace(hour=8))
    send = ("notice", "send", *content, "--at", "2026-12-01T23:00+08:00", "--not-after")
    with pytest.raises(CommandError, match=r"held until 2026-12-02T08:00\+08:00"):
        call_command(*send, "2026-12-02T07:00+08:00")
    assert not Notice.objects.exists()
    call_command(*send, "2026-12-02T07:00+08:00", "--in-quiet-hours")
    call_command(*send, "2026-12-02T09:00+08:00")
    assert Notice.objects.count() == 2


def test_in_quiet_hours_is_kept_though_there_are_none(content):
    assert add(content, "--in-quiet-hours").in_quiet_hours
