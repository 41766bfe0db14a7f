"""What is due of a schedule: decided once, run or missed by its policy, whoever comes and when."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone

import jobs
from notices.models import Delivery, Notice, Occurrence, Schedule
from notices.schedules import actions, occurrences
from tests.support.world import repeated, swept

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 21, 4, tzinfo=UTC)  # in Shanghai


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def decided():
    """Hours after noon at which each occurrence was planned -> its state, in order of time."""
    rows = Occurrence.objects.order_by("planned_at")
    return {(row.planned_at - NOON) / timedelta(hours=1): row.state for row in rows}


def test_a_new_schedule_plans_from_now_on(clock):
    schedule = repeated()
    assert schedule.next_at == NOON + timedelta(hours=1)
    assert jobs.run_schedule(schedule.pk) is None
    assert decided() == {}


def test_a_due_instant_makes_one_notice_with_the_schedules_content(clock, staff):
    schedule = repeated(author=staff, subject="Water", pasted="wang@example.com")
    clock.shift(3600)
    notice, next_at = occurrences.run(schedule.pk)
    assert next_at == NOON + timedelta(hours=2)
    assert (notice.subject, notice.author) == ("Water", staff)
    assert notice.addresses == schedule.addresses == "wang@example.com\t"
    assert notice.start_at == NOON + timedelta(hours=1)
    assert notice.zone == "Asia/Shanghai"
    assert notice.occurrence.schedule == schedule
    assert occurrences.run(schedule.pk) == (None, next_at)
    assert decided() == {1: "started"}


@pytest.mark.parametrize(
    ("late_minutes", "found_late", "states"),
    [
        (None, 24 * 60, {1: "missed", 2: "missed", 24: "missed", 25: "started"}),
        (0, 5, {1: "missed"}),
        (0, 1, {1: "started"}),
        (20, 19, {1: "started"}),
        (20, 21, {1: "missed"}),
        (90, 75, {1: "missed", 2: "started"}),
        (10, 75, {1: "missed", 2: "missed"}),
    ],
)
def test_what_was_missed_runs_by_the_policy_and_once(clock, late_minutes, found_late, states):
    schedule = repeated(late_minutes=late_minutes)
    clock.shift(3600 + found_late * 60)
    occurrences.run(schedule.pk)
    got = decided()
    assert {hour: got[hour] for hour in states} == states
    assert len(got) == found_late // 60 + 1, "each planned instant is there"
    assert Notice.objects.count() == list(states.values()).count("started")
    missed = Occurrence.objects.filter(state="missed")
    assert all(row.reason in (occurrences.TOO_LATE, occurrences.OVERTAKEN) for row in missed)


def test_more_than_one_turn_can_decide(clock, burst, monkeypatch):
    monkeypatch.setattr(occurrences, "CHUNK", 7)
    schedule = repeated()
    clock.shift(24 * 3600)
    jobs.push(jobs.run_schedule, schedule.pk)
    burst("default")
    assert list(decided()) == list(range(1, 25))
    assert list(decided().values()) == ["missed"] * 23 + ["started"]


def test_the_last_one_ends_it(clock):
    by_number = repeated(times=2)
    by_day = repeated("FREQ=DAILY", ends_on=NOON.date() + timedelta(days=1))
    for hours, left in ((1, 1), (1, 0)):
        clock.shift(hours * 3600)
        occurrences.run(by_number.pk)
        by_number.refresh_from_db()
        assert len(actions.upcoming(by_number)) == left
    assert by_number.state == Schedule.State.ENDED
    clock.shift(22 * 3600)
    occurrences.run(by_day.pk)
    by_day.refresh_from_db()
    assert by_day.state == Schedule.State.ENDED
    assert by_day.occurrences.count() == 1


def test_a_clock_that_jumps_forward_an_hour_and_back(clock):
    schedule = repeated("FREQ=MINUTELY;INTERVAL=10")
    clock.shift(3600)
    occurrences.run(schedule.pk)
    assert list(decided().values()) == ["missed"] * 5 + ["started"]
    clock.shift(-3600)
    assert occurrences.run(schedule.pk)[0] is None
    clock.shift(3600 + 600)
    assert occurrences.run(schedule.pk)[0] is not None
    assert len(decided()) == Occurrence.objects.count() == 7


def test_many_at_once_decide_each_instant_once(clock):
    schedule = repeated()
    clock.shift(3 * 3600)
    made, gate = [], threading.Barrier(8)

    def come():
        gate.wait()
        try:
            made.append(occurrences.run(schedule.pk)[0])
        finally:
            connection.close()

    workers = [threading.Thread(target=come) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(made) == 8
    assert sum(notice is not None for notice in made) == 1
    assert list(decided()) == [1, 2, 3]


def test_a_worker_that_dies_in_the_middle_leaves_nothing_half_decided(clock):
    schedule = repeated()
    clock.shift(3600)

    class Killed(BaseException):
        pass

    with pytest.raises(Killed), transaction.atomic():  # noqa: PT012
        occurrences.run(schedule.pk)
        raise Killed
    assert (Notice.objects.count(), Occurrence.objects.count()) == (0, 0)
    assert occurrences.run(schedule.pk)[0] is not None


def test_the_sweep_rings_for_what_nobody_woke(clock, burst):
    schedule = repeated()
    clock.shift(3600)
    assert swept() == []
    clock.shift(2)
    assert swept() == [("run_schedule", (schedule.pk,))]


def test_the_sweep_registers_what_is_due_soon_again(clock, redis):
    """An emptied Redis has forgotten who was to be woken when."""
    schedule = repeated()
    clock.shift(3600 - 20)
    redis.flushall()
    jobs.sweep()
    jobs.sweep()
    [(entry, due)] = redis.zrange("rq:scheduler:scheduled_jobs", 0, -1, withscores=True)
    assert entry.decode() == f"run_schedule-{schedule.pk}-{int(due)}"
    assert due == (NOON + timedelta(hours=1)).timestamp()


def test_a_schedule_runs_to_the_mailbox(clock, burst, visitor, mailserver):
    schedule = repeated(times=3)
    for _ in range(3):
        clock.shift(3600)
        jobs.push(jobs.run_schedule, schedule.pk)
        burst()
    assert [address for address, _ in mailserver.messages] == [visitor.email] * 3
    assert Delivery.objects.count() == 3
    assert set(Notice.objects.values_list("state", flat=True)) == {"finished"}


def test_nothing_of_a_paused_or_ended_schedule_runs(clock):
    paused, ended = repeated(), repeated()
    actions.pause(paused.pk)
    actions.end(ended.pk)
    clock.shift(2 * 3600)
    assert occurrences.run(paused.pk) == (None, None)
    assert occurrences.run(ended.pk) == (None, None)
    assert occurrences.run(12345) == (None, None)
    assert swept() == []
    assert timezone.now() == NOON + timedelta(hours=2)


def test_schedules_are_reckoned_anew():
    """As after a deploy that brought other time-zone data."""
    schedule = repeated()
    right = schedule.next_at
    Schedule.objects.update(next_at=right + timedelta(minutes=30))
    jobs.purge()
    schedule.refresh_from_db()
    assert schedule.next_at == right
