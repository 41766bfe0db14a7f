"""How often a notice is rung for: never more often than there is work, workers, and nothing there
already."""

import time
from datetime import timedelta

import django_rq
import pytest
from django.utils import timezone
from rq.registry import StartedJobRegistry

import jobs
from notices.delivery import expand, slices
from notices.models import Delivery, Notice, State
from queueing.redis import subjects
from tests.support.world import sent_now

LONG = timedelta(minutes=1)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def big(staff, redis):
    """120 people are worth three slices."""
    pasted = "\n".join(f"g{n}@example.com" for n in range(120))
    new = sent_now(staff, pasted=pasted)
    expand.start(new.pk)
    redis.flushdb()
    return new


def bulk():
    return django_rq.get_queue("bulk").get_job_ids()


def serving(monkeypatch, number):
    monkeypatch.setattr("queueing.enqueue.Worker.count", lambda **kwargs: number)


@pytest.mark.parametrize(("workers", "slices"), [(1, 1), (2, 2), (3, 3), (8, 3)])
def test_as_often_as_there_are_workers_and_work(big, monkeypatch, workers, slices):
    serving(monkeypatch, workers)
    jobs.resume_notice(big.pk, "email")
    assert len(bulk()) == slices
    assert {job_id.rpartition("-")[0] for job_id in bulk()} == {f"send_notice-{big.pk}-email"}


def test_what_waits_is_not_rung_for_again(big, monkeypatch):
    serving(monkeypatch, 2)
    for _ in range(3):
        jobs.resume_notice(big.pk, "email")
    assert len(bulk()) == 2


def ends(monkeypatch, notice):
    """A slice of it that has more to do, and does not go on with the next."""
    monkeypatch.setattr(slices, "send_slice", lambda *args: timezone.now())
    jobs.send_notice.__wrapped__(notice.pk, "email")


def runs(redis, notice, number, until):
    key = StartedJobRegistry(queue=django_rq.get_queue("bulk")).key
    for each in range(number):
        redis.zadd(key, {f"send_notice-{notice.pk}-email-{each}:x": until})


@pytest.mark.parametrize(
    ("waiting", "running", "further"),
    [(0, 1, 2), (0, 2, 1), (1, 1, 1), (1, 2, 0), (2, 1, 0), (0, 5, 1)],
    ids=["one died", "both run", "alone, one waits", "enough", "all wait", "many died"],
)
def test_a_slice_queues_the_next_and_those_that_lack(
    big, redis, monkeypatch, waiting, running, further
):
    serving(monkeypatch, 2)
    for _ in range(waiting):
        jobs.now(jobs.send_notice, big.pk, "email")
    runs(redis, big, running, time.time() + 90)
    runs(redis, Notice(pk=10 * big.pk), 5, time.time() + 90)  # is not about it
    ends(monkeypatch, big)
    assert len(bulk()) == waiting + further


def test_who_is_taken_for_dead_does_not_count(big, redis, monkeypatch):
    serving(monkeypatch, 2)
    runs(redis, big, 3, time.time() - 1)
    runs(redis, big, 1, time.time() + 90)
    ends(monkeypatch, big)
    assert len(bulk()) == 2


def test_the_sweep_leaves_alone_what_waits(big, redis, monkeypatch):
    """However long: each sweep would add to a queue that is longer than its interval."""
    serving(monkeypatch, 2)
    waiting = sent_now(None, pasted="b@example.com")
    code = Delivery.objects.create(message="code", channel="sms", address="+8613900000009")
    redis.flushdb()
    for _ in range(3):
        Notice.objects.update(active_at=None, start_at=timezone.now() - LONG)
        Delivery.objects.filter(pk=code.pk).update(changed_at=timezone.now() - LONG)
        jobs.sweep()
    found = subjects({"sms", "default"})
    assert found == {
        f"send_code-{code.pk}",
        f"start_notice-{waiting.pk}",
        f"resume_notice-{big.pk}-email",
    }
    assert django_rq.get_queue("default").count == 2
    assert django_rq.get_queue("sms").count == 1
    assert Delivery.objects.get(pk=code.pk).state == State.QUEUED


def test_a_notice_whose_job_was_lost_is_rung_for(big, monkeypatch):
    Notice.objects.update(active_at=None, start_at=timezone.now() - LONG)
    jobs.sweep()
    assert django_rq.get_queue("default").count == 1


# Several in one job


def test_a_job_does_the_next_of_its_kind_as_well(big, staff, redis):
    others = [sent_now(staff, pasted=f"h{n}@example.com") for n in range(5)]
    redis.flushdb()
    for notice in others[1:]:
        jobs.push(jobs.start_notice, notice.pk)
    jobs.start_notice(others[0].pk)
    states = Notice.objects.filter(pk__in=[each.pk for each in others]).values_list("state")
    assert set(states) == {("sending",)}
    assert django_rq.get_queue("default").count == 0
    assert len(redis.keys("rq:job:start_notice*")) == 0


def test_it_stops_where_another_kind_comes(big, redis):
    jobs.push(jobs.resume_notice, big.pk, "email")
    jobs.push(jobs.check_queue, 1)
    jobs.push(jobs.resume_notice, big.pk, "email")
    jobs.resume_notice(big.pk, "email")
    left = [each.rpartition("-")[0] for each in django_rq.get_queue("default").get_job_ids()]
    assert left == ["check_queue-1", f"resume_notice-{big.pk}-email"]


def test_it_stops_when_something_more_urgent_waits(big, redis):
    jobs.push(jobs.send_code, 1)
    jobs.push(jobs.resume_notice, big.pk, "email")
    jobs.resume_notice(big.pk, "email")
    assert django_rq.get_queue("default").count == 1


def test_what_fails_is_put_back_and_fails_under_its_own_name(big, redis, burst):
    jobs.push(jobs.start_notice, big.pk)
    failing = jobs.push(jobs.start_notice, "x")
    burst("default")
    queue = django_rq.get_queue("default")
    assert queue.failed_job_registry.get_job_ids() == [failing]
    assert queue.count == 0
