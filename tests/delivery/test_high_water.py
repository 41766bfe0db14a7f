"""A database that is older than what was done is noticed before anything of it goes out."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

import jobs
from notices.delivery import escalation, expand, high_water, quiet_hours, recovery, slices
from notices.models import Delivery, HighWater, Notice, Schedule, State
from notices.schedules import actions, occurrences
from queueing import redis as bell
from signup.models import Verification
from tests.support.world import repeated, send_single, sent_now, states_of, swept

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)


@pytest.fixture
def people(django_user_model):
    for n in range(3):
        django_user_model.objects.create(username=f"guest_{n}", email=f"guest{n}@example.com")


def older(hours=1):
    """The rows that HighWater and the tests' own had some hours ago: as a copy of then has them."""
    HighWater.objects.update(at=timezone.now() - hours * HOUR)
    high_water.risen_at -= 1  # a restore takes longer
    for model in (Notice, Schedule, Delivery):
        model.objects.update(created_at=timezone.now() - (hours + 1) * HOUR)


def forgotten(redis):
    redis.delete(high_water.KEY)
    if settings.HIGH_WATER_FILE:
        settings.HIGH_WATER_FILE.unlink(missing_ok=True)


def mark(redis):
    return int(redis.get(high_water.KEY) or 0)


def in_question():
    return [Notice.objects.get().in_question_since is not None]


def test_a_database_that_is_whole_is_never_held(people, redis):
    sent_now()
    marks = []
    for _ in range(3):
        high_water.rise()
        marks.append(mark(redis))
        assert high_water.moment(marks[-1]) == HighWater.objects.get().at
    assert marks == sorted(set(marks))
    assert in_question() == [False]


def test_the_mark_costs_one_statement(django_assert_num_queries):
    high_water.rise()
    with django_assert_num_queries(1):
        high_water.rise()


def test_of_many_small_things_not_each_moves_it_before_it_begins(django_assert_num_queries):
    high_water.rise()
    with django_assert_num_queries(0):
        high_water.rise_before()
    high_water.risen_at -= high_water.LATELY
    with django_assert_num_queries(1):
        high_water.rise_before()


def test_it_grows_by_a_clock_that_is_behind(redis, monkeypatch):
    high_water.rise()
    before = mark(redis)
    monkeypatch.setattr(high_water.time, "time_ns", lambda: 10**18)
    high_water.rise()
    assert mark(redis) == before + 1 == high_water.microseconds(HighWater.objects.get().at)


def test_of_two_marks_the_higher_stays(redis):
    high_water.keep(2_000_000)
    high_water.keep(1_000_000)
    assert mark(redis) == 2_000_000
    assert high_water.outside() == 2_000_000


def test_what_a_rollback_takes_back_is_not_marked(people, redis):
    sent_now()
    high_water.rise()
    with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012
        high_water.rise()
        raise ZeroDivisionError
    high_water.rise()
    assert in_question() == [False]


def test_another_process_that_was_quicker_is_no_restore(people, redis):
    sent_now()
    high_water.rise()
    HighWater.objects.update(at=datetime(2999, 1, 1, tzinfo=UTC))
    high_water.rise()
    assert in_question() == [False]
    assert high_water.moment(mark(redis)).year == 2999


# A restore


def held_slice(new):
    expand.start(new.pk)
    return lambda: slices.send_slice(new.pk, "email")


def held_escalation(new):
    long_ago = timezone.now() - 3 * HOUR
    Notice.objects.update(
        state=Notice.State.FINISHED, finished_at=long_ago, escalate_minutes=5, start_at=long_ago
    )
    return lambda: escalation.start(new.pk)


STEPS = {
    "start": lambda new: lambda: expand.start(new.pk),
    "slice": held_slice,
    "escalation": held_escalation,
    "sweep": lambda new: swept,
}


@pytest.mark.parametrize("step", STEPS)
def test_whoever_comes_first_after_a_restore_holds_everything(people, step, redis):
    new = sent_now()
    act = STEPS[step](new)
    schedule = repeated(rule="FREQ=MINUTELY")
    high_water.rise()
    older()
    Notice.objects.update(active_at=None, start_at=timezone.now() - HOUR)
    Schedule.objects.update(next_at=timezone.now() - HOUR, handled_until=timezone.now() - HOUR)
    assert not act()
    assert set(states_of(new).values()) <= {"queued"}
    assert in_question() == [True]
    assert Schedule.objects.get().in_question_since
    # And it stays held when the mark has caught up.
    assert not act()
    assert expand.start(new.pk) == []
    assert slices.send_slice(new.pk, "email") is None
    assert occurrences.run(schedule.pk) == (None, None)
    assert escalation.due() == []
    assert swept() == []
    assert not Delivery.objects.exclude(state=State.QUEUED).exists()
    assert Notice.objects.get().escalated_at is None


def test_a_schedule_that_is_due_after_a_restore_does_not_run():
    schedule = repeated(rule="FREQ=MINUTELY")
    high_water.rise()
    older()
    Schedule.objects.update(next_at=timezone.now() - HOUR, handled_until=timezone.now() - HOUR)
    assert occurrences.run(schedule.pk) == (None, None)
    assert not Notice.objects.exists()


@pytest.mark.parametrize("step", ["pause", "skip", "run_now", "end"])
def test_no_step_of_staff_runs_what_a_held_schedule_has_due(step):
    schedule = repeated(rule="FREQ=MINUTELY")
    high_water.rise()
    older()
    Schedule.objects.update(next_at=timezone.now() - HOUR, handled_until=timezone.now() - HOUR)
    with pytest.raises(actions.NotNow):
        getattr(actions, step)(schedule.pk)
    assert not Notice.objects.exists()
    assert actions.upcoming(Schedule.objects.get()) == []


def test_a_slice_that_goes_on_after_a_failover_claims_no_more(people, monkeypatch):
    """Its database became an older one between two claims."""
    new = sent_now()
    expand.start(new.pk)
    claims = []

    def send(notice, connections, token, budget, many):
        claims.append(len(slices.claims.claim(notice, "email", token, 1)))
        high_water.rise()
        older()
        return True

    monkeypatch.setattr(slices, "send_by_requests", send)
    monkeypatch.setattr(slices, "send_by_stream", send)
    monkeypatch.setattr(slices.Budget, "is_over", lambda budget: len(claims) > 1)
    slices.send_slice(new.pk, "email")
    assert claims == [1, 0]


@pytest.mark.parametrize("turns", [1, 2])
def test_a_copy_from_amid_a_slice_is_below_the_mark(people, redis, monkeypatch, turns):
    new = sent_now()
    expand.start(new.pk)
    sent, marks = [], []

    def send(notice, connections, token, budget, many):
        marks.append(mark(redis))
        sent.append(high_water.microseconds(timezone.now()))
        return True

    monkeypatch.setattr(slices, "send_by_requests", send)
    monkeypatch.setattr(slices, "send_by_stream", send)
    monkeypatch.setattr(slices.Budget, "is_over", lambda budget: len(sent) == turns)
    slices.send_slice(new.pk, "email")
    for before, at, after in zip(marks, sent, [*marks[1:], mark(redis)], strict=True):
        assert before < at < after


def test_what_is_written_after_a_restore_goes(people):
    high_water.rise()
    older()
    old = sent_now()
    Notice.objects.update(created_at=timezone.now() - HOUR)
    Notice.objects.filter(pk=sent_now().pk).update(
        created_at=timezone.now() + high_water.CLOCKS + timedelta(seconds=5)
    )
    swept()
    assert Notice.objects.filter(in_question_since=None).exclude(pk=old.pk).exists()
    assert Notice.objects.get(pk=old.pk).in_question_since


def single(message, channel):
    return Delivery.objects.create(
        message=message,
        channel=channel,
        address="+8613900000011" if channel == "sms" else "guest@example.com",
        verification=Verification.objects.create(mobile="+8613900000011", salt="x"),
        expires_at=timezone.now() + HOUR,
    )


def test_codes_go_and_a_welcome_is_held(texts):
    code, welcome = single("code", "sms"), single("welcome", "email")
    high_water.rise()
    older()
    send_single(welcome)
    send_single(code)
    assert len(texts) == 1
    welcome.refresh_from_db()
    assert (welcome.state, welcome.tries) == (State.QUEUED, 0)
    assert "restored" in welcome.reason
    assert swept() == []


def test_numbers_go_on_after_all_that_were_ever_given(people):
    """Reports, unsubscribe links and gateways know what was lost by its number."""
    high_water.rise()
    old = sent_now()
    expand.start(old.pk)
    highest = Delivery.objects.order_by("pk").last().pk
    older()
    swept()
    assert sent_now().pk > old.pk + 1000
    assert single("code", "sms").pk > highest + 1_000_000


def test_numbers_go_on_also_of_a_table_that_is_empty():
    high_water.rise()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = 'notices_delivery'")
    older()
    swept()
    assert single("code", "sms").pk > 1_000_000


def test_what_had_ended_is_not_held(people):
    for state in (Notice.State.CANCELLED, Notice.State.EXPIRED, Notice.State.FINISHED):
        new = sent_now(escalate_minutes=30)
        ended = {"state": state, "finished_at": timezone.now()}
        Notice.objects.filter(pk=new.pk).update(**ended)
    Notice.objects.filter(state=Notice.State.FINISHED).update(escalated_at=timezone.now())
    repeated()
    Schedule.objects.update(state=Schedule.State.PAUSED, next_at=None)
    assert high_water.hold() == 0


# Redis


def test_an_emptied_redis_learns_the_mark_anew(people, redis):
    sent_now()
    high_water.rise()
    forgotten(redis)
    high_water.rise()
    assert mark(redis) == high_water.microseconds(HighWater.objects.get().at)
    assert in_question() == [False]


def test_without_any_mark_a_database_that_stood_still_is_held(people, redis):
    """It may be a copy beside another Redis."""
    sent_now()
    high_water.rise()
    forgotten(redis)
    older(hours=1.1)
    swept()
    assert in_question() == [True]


def test_without_any_mark_an_outage_of_some_minutes_is_none(people, redis):
    sent_now()
    high_water.rise()
    forgotten(redis)
    older(hours=0.9)
    high_water.rise()
    assert in_question() == [False]


def test_with_redis_away_nothing_is_held_and_nothing_forgotten(people, redis, monkeypatch):
    """A mark that could not be compared must not make an old database seem new."""
    new = sent_now()
    high_water.rise()
    older()
    with monkeypatch.context() as away:
        away.setattr(bell, "is_away", lambda: True)
        assert expand.start(new.pk) == ["email"]
    assert in_question() == [False]
    high_water.rise()
    assert in_question() == [True]


def test_a_new_database_beside_an_old_redis_is_no_trap(people, redis):
    high_water.keep(high_water.microseconds(timezone.now() - HOUR))
    new = sent_now()
    assert expand.start(new.pk) == ["email"]
    slices.send_slice(new.pk, "email")
    assert list(states_of(new).values()) == ["sent"] * 3
    assert not HighWater.objects.get().found_at


def test_a_copy_from_before_there_was_a_mark_is_held(people, redis):
    sent_now()
    high_water.rise()
    older()
    HighWater.objects.all().delete()
    swept()
    assert in_question() == [True]
    assert HighWater.objects.get().database_at is None


@pytest.mark.once
def test_a_file_beside_sqlite_tells_it_when_redis_was_emptied_as_well(people, redis):
    if connection.vendor != "sqlite":
        pytest.skip("there is no place for a file")
    sent_now()
    high_water.rise()
    older(hours=0.5)
    redis.flushall()
    swept()
    assert in_question() == [True]


@pytest.mark.once
def test_the_file_is_not_copied_with_the_database():
    database = settings.DATABASES["default"]["NAME"]
    assert not settings.HIGH_WATER_FILE.name.startswith(str(database).rpartition("/")[2])


def test_quiet_hours_do_not_hide_it(people, monkeypatch):
    new = sent_now()
    high_water.rise()
    older()
    monkeypatch.setattr(quiet_hours, "ends", lambda at: timezone.now() + HOUR)
    assert expand.start(new.pk) == []
    assert in_question() == [True]
    assert Notice.objects.get().held_until is None


def test_the_sweep_looks_before_it_does_anything(people, monkeypatch):
    order = []
    monkeypatch.setattr(high_water, "rise", lambda: order.append("mark"))
    monkeypatch.setattr(recovery, "settle_expired", lambda: order.append("settle"))
    list(recovery.run(jobs.bells()))
    assert order == ["mark", "settle"]


def test_who_comes_second_the_first_time_keeps_no_mark_above_the_row(redis, monkeypatch):
    """Two workers of a new deployment, in the same moment: neither may hold what is new."""
    found_below = high_water.found_below

    def a_moment_later(known, now, lowest):
        HighWater.objects.create(pk=1, at=now - timedelta(seconds=1))
        return found_below(known, now, lowest)

    monkeypatch.setattr(high_water, "found_below", a_moment_later)
    high_water.rise()
    assert int(redis.get(high_water.KEY)) == high_water.microseconds(HighWater.objects.get().at)
