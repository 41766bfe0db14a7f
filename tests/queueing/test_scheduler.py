"""The one clock as a process: punctual, alone, and hard to stop by accident."""

import json
import os
import pickle
import signal
import time
import zlib
from datetime import timedelta

import django_rq
import pytest
from django.utils import timezone
from redis.exceptions import ResponseError

import jobs
from queueing.scheduler import SCHEDULER_HEARTBEAT
from tests.queueing.test_jobs import call, plant
from tests.support.processes import OwnRedis, eventually, running

pytestmark = pytest.mark.once

SCHEDULED = "rq:scheduler:scheduled_jobs"
DUE = 1  # the first second of 1970


def delayed(redis, seconds, n=1):
    """A check_queue to be rung after that many seconds; its job id."""
    scheduler = django_rq.get_scheduler(connection=redis)
    when = timezone.now() + timedelta(seconds=seconds)
    return scheduler.enqueue_at(when, "jobs.check_queue", n, queue_name="default").id


def queued(redis, queue="default"):
    return [entry.decode() for entry in redis.lrange(f"rq:queue:{queue}", 0, -1)]


def schedule_by_hand(redis, entry, **fields):
    plant(redis, job_id=entry, **fields)
    redis.lrem("rq:queue:default", 0, entry)
    redis.zadd(SCHEDULED, {entry: DUE})


def test_a_due_job_is_rung_on_the_stroke_of_its_second(redis):
    with running("rqscheduler"):
        eventually(lambda: redis.exists(SCHEDULER_HEARTBEAT))
        late = []
        for _ in range(5):
            due = int(time.time()) + 2
            job_id = delayed(redis, due - time.time())
            eventually(lambda: job_id in queued(redis))  # noqa: B023
            late.append(time.time() - due)
        assert min(late) > -0.1
        assert sorted(late)[2] < 0.5, "the median: a slow machine may miss a stroke"


@pytest.mark.django_db(transaction=True)
def test_later_rings_after_the_moment_and_never_before(redis):
    when = timezone.now() + timedelta(seconds=1.7)
    jobs.later(when, jobs.send_code, 5)
    with running("rqscheduler"):
        eventually(lambda: queued(redis, "sms"))
        assert when <= timezone.now() <= when + timedelta(seconds=2.5)


def test_a_job_goes_on_the_queue_of_its_function(redis):
    scheduler = django_rq.get_scheduler(connection=redis)
    for name, queue in jobs.QUEUES.items():
        scheduler.enqueue_at(timezone.now(), f"jobs.{name}", queue_name=queue)
    with running("rqscheduler"):
        eventually(lambda: redis.zcount(SCHEDULED, 0, time.time()) == 0)
    for queue in set(jobs.QUEUES.values()):
        wanted = sum(1 for of in jobs.QUEUES.values() if of == queue)
        assert len(queued(redis, queue)) == wanted


def test_bad_entries_are_dropped_and_the_others_go_on(redis, tmp_path):
    boom = tmp_path / "boom"
    schedule_by_hand(redis, "shell", data=call("os.system", f"touch {boom}"))
    schedule_by_hand(redis, "helper", data=call("jobs.bell"))
    schedule_by_hand(redis, "retired", data=call("jobs.send_telegram"))
    schedule_by_hand(redis, "number", data=call(17))
    schedule_by_hand(redis, "pickled", data=pickle.dumps(["jobs.check_queue"]))
    schedule_by_hand(redis, "elsewhere", origin="bulk", data=call("jobs.check_queue", 1))
    schedule_by_hand(redis, "noqueue", origin="nowhere")
    schedule_by_hand(redis, "broken", timeout="soon")
    schedule_by_hand(redis, "emptied", data=zlib.compress(b"[]"))
    redis.set("rq:job:text", "not a hash")
    redis.zadd(SCHEDULED, {"text": DUE, "gone": DUE, "not an id": DUE, b"\xff\xfe": DUE, "": DUE})
    good = delayed(redis, 0)
    with running("rqscheduler") as scheduler:
        eventually(lambda: good in queued(redis))
        eventually(lambda: redis.zcount(SCHEDULED, 0, time.time()) == 0)
        assert scheduler.output().count("was dropped") == 14
        assert scheduler.stop() == 0
    assert queued(redis) == [good]
    assert not boom.exists()


def test_a_class_named_by_an_entry_is_not_imported(redis):
    schedule_by_hand(
        redis, "named", meta=json.dumps({"queue_class_name": "this.THIS"}), data=call("jobs.sweep")
    )
    with running("rqscheduler") as scheduler:
        eventually(lambda: "named" in queued(redis))
        assert "Zen" not in scheduler.output()


def test_entries_stay_when_redis_is_full(redis):
    job_id = delayed(redis, 0)
    redis.config_set("maxmemory", 1)
    try:
        with running("rqscheduler") as scheduler:
            scheduler.wait_for("Redis is away")
            assert redis.zscore(SCHEDULED, job_id) is not None
            redis.config_set("maxmemory", 0)
            eventually(lambda: job_id in queued(redis))
    finally:
        redis.config_set("maxmemory", 0)


def test_an_entry_stays_when_redis_fills_up_while_it_is_moved(redis, monkeypatch):
    job_id = delayed(redis, 0)
    scheduler = django_rq.get_scheduler(connection=redis)

    def full(entry):
        raise ResponseError("command not allowed when used memory > 'maxmemory'.")

    monkeypatch.setattr(scheduler, "enqueue_entry", full)
    with pytest.raises(ResponseError):
        scheduler.enqueue_jobs()
    assert redis.zscore(SCHEDULED, job_id) is not None


def test_a_scheduler_leaves_the_work_to_the_one_that_is_at_it(redis):
    job_id = delayed(redis, 0)
    redis.set("rq:scheduler_lock", "another")
    with running("rqscheduler"):
        eventually(lambda: redis.exists(SCHEDULER_HEARTBEAT))
        time.sleep(1.2)
        assert queued(redis) == []
        redis.delete("rq:scheduler_lock")
        eventually(lambda: job_id in queued(redis))


def test_the_periodic_jobs_are_registered_again_after_redis_was_emptied(redis):
    with running("rqscheduler"):
        eventually(lambda: redis.zscore(SCHEDULED, "sweep"))
        redis.flushall()
        for name in jobs.PERIODIC:
            eventually(lambda: redis.zscore(SCHEDULED, name), 4)  # noqa: B023
        assert redis.exists("rq:job:sweep")
        redis.delete("rq:job:sweep")
        eventually(lambda: redis.exists("rq:job:sweep"), 4)


def test_the_sweep_does_not_pile_up_without_a_worker(redis):
    with running("rqscheduler"):
        for _ in range(3):
            eventually(lambda: redis.zscore(SCHEDULED, "sweep"))
            redis.zadd(SCHEDULED, {"sweep": DUE})
            eventually(lambda: redis.zscore(SCHEDULED, "sweep") > DUE, 4)
    assert queued(redis) == ["sweep"]
    assert redis.zscore(SCHEDULED, "sweep") > time.time()


def test_the_scheduler_outlives_redis(tmp_path):
    own = OwnRedis(tmp_path)
    try:
        with running("rqscheduler", REDIS_URL=own.url) as scheduler:
            eventually(lambda: own.client().zscore(SCHEDULED, "sweep"))
            own.kill()
            scheduler.wait_for("Redis is away")
            own.start()
            scheduler.wait_for("Redis is back")
            eventually(lambda: own.client().zscore(SCHEDULED, "sweep"))
            job_id = delayed(own.client(), 1)
            eventually(lambda: job_id in queued(own.client()))
            assert scheduler.output().count("Redis is away") == 1
            assert scheduler.stop() == 0
            assert "Traceback" not in scheduler.output()
    finally:
        own.kill()


def test_the_scheduler_stops_while_redis_is_away(tmp_path):
    own = OwnRedis(tmp_path)
    try:
        with running("rqscheduler", REDIS_URL=own.url) as scheduler:
            own.kill()
            scheduler.wait_for("Redis is away")
            assert scheduler.stop() == 0
            assert "Traceback" not in scheduler.output()
    finally:
        own.kill()


def test_two_schedulers_ring_once(redis):
    with running("rqscheduler"), running("rqscheduler"):
        ids = [delayed(redis, 1 + number % 3) for number in range(120)]
        eventually(lambda: redis.zcount(SCHEDULED, 0, time.time() + 4) == 0)
        time.sleep(1.2)
    rung = [job_id for job_id in queued(redis) if job_id != "sweep"]
    assert sorted(rung) == sorted(ids)


def test_another_scheduler_takes_over_from_a_killed_one(redis):
    with running("rqscheduler") as first, running("rqscheduler"):
        eventually(lambda: redis.zscore(SCHEDULED, "sweep"))
        os.kill(first.pid, signal.SIGKILL)
        job_id = delayed(redis, 1)
        eventually(lambda: job_id in queued(redis), 14)  # a lock left behind lasts 11 s


def test_the_scheduler_stops_at_once_and_quietly(redis):
    for delay in (0, 0.3, 0.6, 0.9):
        with running("rqscheduler") as scheduler:
            time.sleep(delay)
            assert scheduler.stop(3) == 0
            assert "Traceback" not in scheduler.output()
        assert not redis.exists("rq:scheduler_lock")


def test_the_scheduler_tells_when_it_last_looked(redis):
    with running("rqscheduler"):
        eventually(lambda: redis.get(SCHEDULER_HEARTBEAT))
        assert time.time() - int(redis.get(SCHEDULER_HEARTBEAT)) < 3
