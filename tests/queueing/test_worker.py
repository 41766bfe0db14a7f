"""The worker and the pool as processes: how they stop, what they say, what they outlive."""

import gc
import os
import signal
import threading
import time

import django_rq
import pytest
from rq import Worker
from rq.job import Job
from rq.worker import HerokuWorker

import jobs
from config.redis import connect
from notices.providers import connection
from tests.support.processes import READY, OwnRedis, Process, eventually, running

pytestmark = pytest.mark.once

SLOW = 37  # as an argument of check_queue: busy for some seconds


def status(redis, job_id):
    return redis.hget(f"rq:job:{job_id}", "status")


def start_slow(redis, n=SLOW):
    """Queues a job that takes seconds; waits until a worker is at it."""
    job_id = django_rq.get_queue("default").enqueue("jobs.check_queue", n, result_ttl=60).id
    eventually(lambda: status(redis, job_id) == b"started")
    return job_id


def test_what_every_work_horse_needs_is_there_before_the_first(redis, monkeypatch):
    seen = []

    def work(self):
        seen.append((connection.trusted.cache_info().currsize, gc.get_freeze_count() > 0))

    gc.unfreeze()
    connection.trusted.cache_clear()
    monkeypatch.setattr(HerokuWorker, "work", work)
    django_rq.get_worker("default").work()
    gc.unfreeze()
    assert seen == [(1, True)]


@pytest.mark.parametrize(
    ("queues", "waits"), [(("sms", "default", "bulk"), True), (("bulk",), False), ((), True)]
)
def test_a_slice_ends_for_what_its_own_worker_can_do(redis, queues, waits):
    if queues:
        django_rq.get_worker(*queues).work(burst=True, logging_level="WARNING")
    gc.unfreeze()
    assert jobs.more_urgent_waits() is False
    django_rq.get_queue("sms").enqueue("jobs.send_code", 7)
    assert jobs.more_urgent_waits() is waits


@pytest.mark.parametrize(
    "command",
    [("rqworker", "default"), ("rqworker", "sms", "email", "default", "bulk"),
     ("rqworker-pool", "default", "--num-workers", "2")],
    ids=["one queue", "all queues", "pool"],
)  # fmt: skip
def test_an_idle_worker_stops_within_five_seconds(redis, command):
    with running(*command) as worker:
        time.sleep(0.5)
        assert worker.stop(6) == 0
        assert "Traceback" not in worker.output()
    assert Worker.count(connection=redis) == 0


@pytest.mark.parametrize("signals", [1, 2])
@pytest.mark.parametrize("command", ["rqworker", "rqworker-pool"])
def test_a_worker_asked_to_stop_finishes_its_job(redis, command, signals):
    with running(command, "default") as worker:
        job_id = start_slow(redis)
        for number in range(signals):
            time.sleep(1.2 * number)  # RQ ignores a second request only within a second
            worker.signal()
        assert worker.wait() == 0
        assert "Traceback" not in worker.output()
    assert status(redis, job_id) == b"finished"
    assert Job.fetch(job_id, connection=redis).return_value() == 24157817


def test_a_signal_to_the_whole_dyno_lets_the_job_finish(redis):
    with running("rqworker", "default") as worker:
        job_id = start_slow(redis)
        os.killpg(worker.pid, signal.SIGTERM)
        assert worker.wait() == 0
    assert status(redis, job_id) == b"finished"


def test_a_second_ctrl_c_means_now(redis):
    with running("rqworker", "default") as worker:
        start_slow(redis, 38)
        worker.signal(signal.SIGINT)
        time.sleep(1.2)
        worker.signal(signal.SIGINT)
        assert worker.wait(3) == 0
        assert "Traceback" not in worker.output()


def test_a_stop_at_the_wrong_moment_loses_no_job(redis):
    """Signals at many moments of a stream of quick jobs: each job is done or still queued."""
    queue = django_rq.get_queue("default")
    ids = [queue.enqueue("jobs.check_queue", 1, result_ttl=600).id for _ in range(400)]
    for delay in (0, 0.03, 0.05, 0.08, 0.12, 0.15):
        with running("rqworker", "sms", "default") as worker:
            time.sleep(delay)
            assert worker.stop() == 0
            assert "Traceback" not in worker.output()
    waiting = set(queue.get_job_ids())
    done = {job_id for job_id in ids if status(redis, job_id) == b"finished"}
    assert done, "nothing ran at all"
    assert waiting | done == set(ids)


def test_what_is_done_every_ten_seconds_is_told_at_debug_only(redis):
    for level, told in (("INFO", False), ("DEBUG", True)):
        job = django_rq.get_queue("default").enqueue("jobs.check_queue", 7, result_ttl=60)
        with running("rqworker", "default", LOG_LEVEL=level) as worker:
            eventually(lambda: status(redis, job.id) == b"finished")  # noqa: B023
            assert worker.stop() == 0
            assert "Listening on" in worker.output()
            assert (job.id in worker.output(), "Job OK" in worker.output()) == (told, told)


def test_arguments_and_descriptions_stay_out_of_the_log(redis):
    queue = django_rq.get_queue("default")
    queue.enqueue("jobs.check_queue", 7, description="a secret 13800138000")
    queue.enqueue("jobs.check_queue", "13900139000", description="another secret")
    with running("rqworker", "default", LOG_LEVEL="DEBUG") as worker:
        eventually(lambda: "Job OK" in worker.output() and "TypeError" in worker.output())
        assert worker.stop() == 0
        assert "secret" not in worker.output()
        assert "13800138000" not in worker.output()
        assert "13900139000" not in worker.output()


def test_a_worker_is_listed_again_after_redis_was_emptied(redis):
    with running("rqworker", "default"):
        assert Worker.count(connection=redis) == 1
        redis.flushall()
        eventually(lambda: Worker.count(connection=redis) == 1, 6)
        assert Worker.all(connection=redis)[0].queue_names() == ["default"]


def test_a_worker_outlives_redis(tmp_path):
    own = OwnRedis(tmp_path)
    try:
        with running("rqworker", "sms", "default", REDIS_URL=own.url) as worker:
            own.kill()
            worker.wait_for("could not connect")
            own.start()
            client = own.client()
            queue = django_rq.get_queue("default", connection=client)
            job = queue.enqueue("jobs.check_queue", 7, result_ttl=60)
            eventually(lambda: job.get_status() == "finished", 20)
            assert Worker.count(connection=client) == 1
            assert worker.stop() == 0
    finally:
        own.kill()


def test_a_worker_stops_while_redis_is_away(tmp_path):
    own = OwnRedis(tmp_path)
    try:
        with running("rqworker", "sms", "default", REDIS_URL=own.url) as worker:
            own.kill()
            worker.wait_for("could not connect")
            assert worker.stop(25) == 0
            assert "Traceback" not in worker.output()
    finally:
        own.kill()


def test_a_worker_outlives_a_redis_that_hangs(tmp_path):
    own = OwnRedis(tmp_path)
    try:
        with running(
            "rqworker", "sms", "default", REDIS_URL=f"{own.url}?socket_timeout=4"
        ) as worker:
            os.kill(own.popen.pid, signal.SIGSTOP)
            worker.wait_for("Redis does not answer", 90)
            os.kill(own.popen.pid, signal.SIGCONT)
            queue = django_rq.get_queue("default", connection=own.client())
            job = queue.enqueue("jobs.check_queue", 7, result_ttl=60)
            eventually(lambda: job.get_status() == "finished", 20)
    finally:
        os.kill(own.popen.pid, signal.SIGCONT)
        own.kill()


def test_the_pool_starts_no_second_clock(redis):
    with running("rqworker-pool", "default", "--num-workers", "2"):
        time.sleep(1)
        assert not redis.keys("rq:scheduler*")


COMMANDS = pytest.mark.parametrize(
    "command", [("rqworker", "default"), ("rqworker-pool", "default", "--num-workers", "3"),
                ("rqscheduler",)], ids=lambda command: command[0],
)  # fmt: skip


@COMMANDS
def test_without_redis_a_command_says_where_it_looked_and_waits(command):
    process = Process(*command, REDIS_URL="redis://somebody:hunter2@127.0.0.1:1/0?password=hunter3")
    process.wait_for("No Redis answers at 127.0.0.1:1")
    process.wait_for("Looking again")
    assert process.stop(3) == 0
    said = process.output()
    assert "bin/up" in said
    assert "Traceback" not in said
    assert "hunter" not in said
    assert "somebody" not in said


@COMMANDS
def test_a_command_that_starts_while_redis_is_away_begins_when_it_is_back(tmp_path, command):
    own = OwnRedis(tmp_path)
    own.kill()
    process = Process(*command, REDIS_URL=own.url)
    try:
        process.wait_for("Looking again")
        own.start()
        wanted = 3 if command[0] == "rqworker-pool" else 1
        eventually(lambda: process.output().count(READY[command[0]]) == wanted, 20)
        assert process.stop() == 0
        assert "Traceback" not in process.output()
    finally:
        process.kill()
        own.kill()


def test_a_worker_outlives_a_redis_that_goes_while_it_starts(tmp_path):
    own = OwnRedis(tmp_path)
    client = connect(own.url)
    try:
        own.kill()
        worker = django_rq.get_worker("default")
        worker.connection = client
        start = threading.Thread(target=worker.bootstrap)
        start.start()
        time.sleep(0.5)
        own.start()
        client.hset(worker.key, "birth", "noted, though the answer got lost")
        start.join(10)
        assert not start.is_alive()
        assert Worker.count(connection=client) == 1
        worker.unsubscribe()
    finally:
        own.kill()


@pytest.mark.parametrize("command", ["rqworker", "rqworker-pool"])
def test_a_queue_that_does_not_exist_is_told_by_name(command):
    process = Process(command, "default", "slow")
    assert process.wait(8) == 1
    assert "There is no queue called slow" in process.output()
    assert "sms email default bulk" in process.output()
    assert "Traceback" not in process.output()
