"""What staff do with a schedule: whatever the order, no instant runs twice and none is lost."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import pytest
import time_machine
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notices.models import Notice, Occurrence, Schedule
from notices.schedules import actions, occurrences
from tests.recurrence.test_rules import RULES, ZONES
from tests.support.world import repeated

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 21, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def fresh(schedule):
    return Schedule.objects.get(pk=schedule.pk)


def test_pausing_passes_by_what_is_planned_meanwhile(clock):
    schedule = repeated()
    actions.pause(schedule.pk)
    assert actions.upcoming(fresh(schedule)) == []
    clock.shift(5 * 3600)
    actions.resume(schedule.pk)
    assert not Occurrence.objects.exists()
    assert actions.upcoming(fresh(schedule), 2) == [NOON + 6 * HOUR, NOON + 7 * HOUR]


@pytest.mark.parametrize("step", ["pause", "skip", "end", "run_now", "change"])
def test_what_was_due_before_the_press_is_not_lost(clock, step):
    schedule = repeated()
    clock.shift(3600 + 2)
    edit = [lambda schedule: None] if step == "change" else []
    getattr(actions, step)(schedule.pk, *edit)
    assert Occurrence.objects.get(planned_at=NOON + HOUR).notice


def test_skip_passes_one_by_and_says_who(clock, staff):
    schedule = repeated()
    assert actions.skip(schedule.pk, staff) == NOON + HOUR
    assert actions.upcoming(fresh(schedule), 1) == [NOON + 2 * HOUR]
    clock.shift(3600)
    assert occurrences.run(schedule.pk)[0] is None
    row = Occurrence.objects.get()
    assert (row.state, row.reason, row.by, row.notice) == (
        "skipped", "Skipped by hand.", staff, None,
    )  # fmt: skip


def test_run_now_is_out_of_turn_and_once(clock, staff):
    schedule = repeated(times=2)
    actions.run_now(schedule.pk, staff)
    with pytest.raises(actions.NotNow):
        actions.run_now(schedule.pk, staff)
    assert Notice.objects.count() == 1
    assert len(actions.upcoming(fresh(schedule))) == 2, "it uses up none of its times"
    clock.shift(61)
    actions.end(schedule.pk)
    actions.run_now(schedule.pk, staff)
    assert Notice.objects.count() == 2
    assert fresh(schedule).state == Schedule.State.ENDED


def test_an_edit_counts_for_what_is_still_to_come(clock):
    schedule = repeated()
    clock.shift(3600)
    occurrences.run(schedule.pk)

    def edit(locked):
        locked.subject, locked.rule = "New", "FREQ=MINUTELY;INTERVAL=30"

    actions.change(schedule.pk, edit)
    assert actions.upcoming(fresh(schedule), 1) == [NOON + 1.5 * HOUR]
    clock.shift(1800)
    occurrences.run(schedule.pk)
    subjects = Notice.objects.order_by("pk").values_list("subject", flat=True)
    assert list(subjects) == ["Lift out of order", "New"]


def test_an_edit_of_a_paused_schedule_leaves_it_paused(clock):
    schedule = repeated()
    actions.pause(schedule.pk)
    actions.change(schedule.pk, lambda locked: setattr(locked, "subject", "New"))
    after = fresh(schedule)
    assert (after.state, after.subject, after.next_at) == ("paused", "New", None)
    clock.shift(3600)
    assert occurrences.run(schedule.pk) == (None, None)


@pytest.mark.parametrize(
    ("state", "steps"),
    [
        ("active", ["resume"]),
        ("paused", ["pause", "skip"]),
        ("ended", ["pause", "resume", "skip", "end"]),
    ],
)
def test_a_step_that_makes_no_sense_changes_nothing(clock, state, steps):
    schedule = repeated()
    Schedule.objects.update(state=state)
    before = Schedule.objects.values().get()
    for step in steps:
        with pytest.raises(actions.NotNow):
            getattr(actions, step)(schedule.pk)
    assert Schedule.objects.values().get() == before
    assert not Occurrence.objects.exists()


@pytest.mark.parametrize("step", ["change", "pause", "skip", "run_now", "end"])
def test_no_instant_falls_between_two_looks_at_the_clock(clock, step, monkeypatch):
    schedule = repeated()
    moments = iter([NOON + HOUR - timedelta(milliseconds=1)])
    after = NOON + HOUR + timedelta(milliseconds=1)
    monkeypatch.setattr(actions.clock, "now", lambda: next(moments, after))
    edit = [lambda schedule: None] if step == "change" else []
    getattr(actions, step)(schedule.pk, *edit)
    if step in ("change", "run_now"):
        assert fresh(schedule).next_at == NOON + HOUR
    elif step == "skip":
        assert Occurrence.objects.get(state="skipped").planned_at == NOON + HOUR


@pytest.mark.parametrize("step", ["change", "pause", "end"])
def test_of_very_many_that_are_due_none_is_lost(clock, step, monkeypatch):
    monkeypatch.setattr(occurrences, "CHUNK", 7)
    schedule = repeated()
    clock.shift(20 * 3600)
    edit = [lambda schedule: None] if step == "change" else []
    getattr(actions, step)(schedule.pk, *edit)
    states = schedule.occurrences.order_by("planned_at").values_list("state", flat=True)
    assert list(states) == ["missed"] * 19 + ["started"]


def test_extending_what_has_just_run_for_the_last_time(clock):
    schedule = repeated(times=1)
    clock.shift(3600)
    actions.change(schedule.pk, lambda locked: setattr(locked, "times", 3))
    assert fresh(schedule).state == "active"
    assert actions.upcoming(fresh(schedule)) == [NOON + 2 * HOUR, NOON + 3 * HOUR]


def test_an_edit_that_leaves_nothing_is_refused(clock):
    schedule = repeated()
    clock.shift(3600)
    with pytest.raises(actions.NothingLeft):
        actions.change(schedule.pk, lambda locked: setattr(locked, "times", 1))
    assert (fresh(schedule).state, fresh(schedule).times) == ("active", None)


def test_a_schedule_that_has_just_ended_is_not_paused(clock):
    schedule = repeated(times=1)
    clock.shift(3600)
    with pytest.raises(actions.NotNow):
        actions.pause(schedule.pk)
    occurrences.run(schedule.pk)
    assert fresh(schedule).state == "ended"


def test_a_skipped_one_far_ahead_hides_nothing_of_a_denser_rule(clock):
    schedule = repeated("FREQ=MONTHLY;BYMONTHDAY=10", start="2026-01-01T09:00")
    skipped = actions.skip(schedule.pk)
    actions.change(schedule.pk, lambda locked: setattr(locked, "rule", "FREQ=DAILY"))
    found = actions.upcoming(fresh(schedule), 30)
    assert found[0] < skipped
    assert skipped not in found


def test_skip_means_the_one_that_was_shown(clock):
    schedule = repeated()
    with pytest.raises(actions.NotNow):
        actions.skip(schedule.pk, at=NOON)
    shown = fresh(schedule).next_at
    assert actions.skip(schedule.pk, at=shown) == shown
    with pytest.raises(actions.NotNow):
        actions.skip(schedule.pk, at=shown)
    assert Occurrence.objects.count() == 1


def test_nobody_is_shown_ten_thousand_instants(clock):
    assert len(actions.upcoming(repeated("FREQ=MINUTELY"), 10_000)) == actions.MOST


def test_the_wake_up_moves_with_the_schedule(clock, redis):
    schedule = repeated()
    entries = lambda: redis.zrange("rq:scheduler:scheduled_jobs", 0, -1, withscores=True)  # noqa: E731
    actions.skip(schedule.pk)
    [(_, due)] = entries()
    assert due == (NOON + 2 * HOUR).timestamp()
    actions.pause(schedule.pk)
    assert entries() == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["keep", "keep", "away", "pause", "skip", "edit", "run_now"]),
        st.integers(1, 5),
        RULES,
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.once
@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(RULES, ZONES, st.none() | st.integers(0, 600), STEPS)
def test_whatever_is_done_no_instant_runs_twice_and_promises_are_kept(
    clock, rule, zone, late, steps
):
    clock.move_to(NOON)
    schedule = repeated(rule, zone.key, "2026-11-01T07:25", late_minutes=late)
    for step, number, other_rule in steps:
        if fresh(schedule).state == Schedule.State.ENDED:
            break
        take(step, number, other_rule, schedule, clock)
    rows = Occurrence.objects.filter(schedule=schedule)
    notices = [row.notice_id for row in rows if row.notice_id]
    assert len(notices) == len(set(notices))
    planned = rows.values_list("planned_at", flat=True)
    assert len(set(planned)) == len(planned)


def take(step, number, other_rule, schedule, clock):
    promised = actions.upcoming(fresh(schedule))
    if step == "keep":  # the worker is there: what the page promised is what happens
        for at in promised[:number]:
            clock.move_to(at)
            notice, _ = occurrences.run(schedule.pk)
            assert notice is not None
            assert notice.occurrence.planned_at == at
            assert occurrences.run(schedule.pk)[0] is None
    elif step == "away":  # nobody is there for days: each instant is accounted for
        until = timezone.now() + timedelta(days=number)
        wanted = list(takewhile(lambda at: at <= until, fresh(schedule).instants()))
        clock.move_to(until)
        while True:
            _, next_at = occurrences.run(schedule.pk)
            if next_at is None or next_at > until:
                break
        rows = Occurrence.objects.filter(schedule=schedule, planned_at__in=wanted[-500:])
        assert rows.count() == len(wanted[-500:])
        assert sum(row.notice_id is not None for row in rows) <= 1
    elif step == "pause":
        actions.pause(schedule.pk)
        before = schedule.occurrences.count()
        clock.shift(timedelta(hours=30 * number))
        assert occurrences.run(schedule.pk) == (None, None)
        actions.resume(schedule.pk)
        assert schedule.occurrences.count() == before
    elif step == "skip":
        assert actions.skip(schedule.pk) == promised[0]
        assert actions.upcoming(fresh(schedule))[: len(promised) - 1] == promised[1:]
    elif step == "edit":
        with suppress(actions.NothingLeft):
            actions.change(schedule.pk, lambda locked: setattr(locked, "rule", other_rule))
    else:
        clock.shift(timedelta(minutes=2, milliseconds=1))
        actions.run_now(schedule.pk)
