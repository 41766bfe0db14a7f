"""One and the same job through everything that touches a queue: JSON all the way, ours only."""

import base64
import json
import os
import pickle
import zlib

import django_rq
import pytest
from django.core.cache import cache
from django.db import OperationalError, ProgrammingError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from django_rq.jobs import get_job_class
from redis.exceptions import RedisError
from rq.registry import FailedJobRegistry, FinishedJobRegistry, StartedJobRegistry

import jobs
from config import migrations
from queueing import redis as bell
from queueing.job import Job, NotAllowed
from tests.support.processes import eventually, running

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def raw(redis, job_id):
    """Everything that Redis holds of a job, as bytes."""
    stored = redis.hgetall(f"rq:job:{job_id}")
    if data := stored.get(b"data"):
        stored[b"data"] = zlib.decompress(data)
    for number, (_, entry) in enumerate(redis.xrange(f"rq:results:{job_id}")):
        stored[b"result %d" % number] = base64.b64decode(entry.get(b"return_value", b""))
    return stored


def assert_json(redis, job_id, result=None):
    stored = raw(redis, job_id)
    assert json.loads(stored[b"data"]) == ["jobs.check_queue", None, [7], {}]
    assert json.loads(stored.get(b"meta", b"{}")) == {}
    if result is not None:
        assert json.loads(stored[b"result 0"]) == result


LONG_AGO = "2026-01-01T00:00:00.000000Z"
calls: list[object] = []


def note_call(*args, **kwargs):
    calls.append(args)


def finished(queue):
    return lambda: FinishedJobRegistry(queue=queue).get_job_ids()


class Bomb:
    """Unpickling this makes a file, which then proves that somebody did."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.fixture
def bomb(tmp_path):
    """A pickle that would make the file `bomb.path`."""
    made = Bomb(tmp_path / "boom")
    pickle.loads(pickle.dumps(made))
    assert made.path.exists(), "the bomb itself must work, or the tests prove nothing"
    made.path.unlink()
    return made


def plant(redis, queue="default", job_id="planted", **fields):
    """Puts a job into Redis by hand, as somebody would who can write to it."""
    data = json.dumps(["jobs.check_queue", None, [7], {}]).encode()
    redis.hset(
        f"rq:job:{job_id}",
        mapping={
            "data": zlib.compress(data), "origin": queue, "status": "queued",
            "created_at": LONG_AGO, "enqueued_at": LONG_AGO, **fields,
        },
    )  # fmt: skip
    redis.sadd("rq:queues", f"rq:queue:{queue}")
    redis.rpush(f"rq:queue:{queue}", job_id)


def call(name, *args, instance=None):
    return zlib.compress(json.dumps([name, instance, args, {}]).encode())


def failure(redis, job_id="planted"):
    entries = redis.xrange(f"rq:results:{job_id}")
    assert entries, "it has no result at all"
    return zlib.decompress(base64.b64decode(entries[-1][1][b"exc_string"])).decode()


@pytest.mark.parametrize(
    "command",
    [
        ("rqworker", "default"),
        ("rqworker", "sms", "email", "default", "bulk"),
        ("rqworker-pool", "default", "--num-workers", "2"),
    ],
    ids=["worker of one queue", "worker of all queues", "pool"],
)
def test_a_job_is_json_from_queue_to_result(redis, command):
    queue = django_rq.get_queue("default")
    job_id = queue.enqueue("jobs.check_queue", 7, result_ttl=60).id
    assert_json(redis, job_id)
    with running(*command):
        eventually(finished(queue))
    assert_json(redis, job_id, result=13)


def test_a_delayed_job_is_json_from_the_clock_to_the_worker(redis):
    scheduler, queue = django_rq.get_scheduler(), django_rq.get_queue("default")
    job = scheduler.enqueue_at(
        timezone.now(), "jobs.check_queue", 7, queue_name="default", job_result_ttl=60
    )
    assert_json(redis, job.id)
    with running("rqscheduler"):
        eventually(lambda: queue.get_job_ids())
        assert_json(redis, job.id)
    with running("rqworker", "default"):
        eventually(finished(queue))
    assert_json(redis, job.id, result=13)


@pytest.mark.parametrize("field", ["data", "meta", "result"])
@pytest.mark.parametrize("command", ["rqworker", "rqworker-pool"])
def test_a_planted_pickle_is_not_executed_by_a_worker(redis, bomb, command, field):
    planted = pickle.dumps(bomb)
    plant(redis, **{field: zlib.compress(planted) if field == "data" else planted})
    queue = django_rq.get_queue("default")
    failed = FailedJobRegistry(queue=queue)
    with running(command, "default") as worker:
        eventually(lambda: failed.get_job_ids() or finished(queue)())
    assert not bomb.path.exists()
    if field == "data":
        assert "DeserializationError" in failure(redis)
        assert "Traceback" in worker.output()
    assert raw(redis, "planted").get(b"meta") in (None, planted if field == "meta" else None)


def test_a_planted_pickle_is_not_executed_by_the_scheduler(redis, bomb):
    for field in ("data", "meta", "result"):
        plant(redis, job_id=field, **{field: pickle.dumps(bomb)})
        redis.zadd("rq:scheduler:scheduled_jobs", {field: 1})
    redis.delete("rq:queue:default")
    with running("rqscheduler"):
        eventually(lambda: redis.zcount("rq:scheduler:scheduled_jobs", 0, 1) == 0)
    assert not bomb.path.exists()
    assert b"data" not in redis.lrange("rq:queue:default", 0, -1)


def test_a_planted_pickle_is_not_executed_by_the_cache(redis, bomb):
    cache.set("planted", 1)
    key = next(key for key in redis.keys("*planted*"))
    redis.set(key, pickle.dumps(bomb))
    with pytest.raises(ValueError):  # noqa: PT011
        cache.get("planted")
    assert not bomb.path.exists()


REFUSED = {
    "the shell": ("os.system", ["touch {path}"], None),
    "a process": ("subprocess.check_call", [["touch", "{path}"]], None),
    "a helper of jobs": ("jobs.bell", [], None),
    "the queueing itself": ("jobs.now", ["jobs.sweep"], None),
    "the registration": ("jobs.job", ["sms"], None),
    "a dunder": ("jobs.__import__", ["os"], None),
    "a job's attribute": ("jobs.check_queue.__call__", [3], None),
    "what jobs imports": ("jobs.router", [], None),
    "deeper in what jobs imports": ("jobs.router.import_string", [], None),
    "a method of an instance": ("jobs.check_queue", [3], "instance"),
    "no text": (17, [], None),
    "a list": (["jobs.check_queue"], [3], None),
    "nothing": (None, [], None),
    "a bare name": ("check_queue", [3], None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_worker_refuses_what_is_not_a_job(redis, burst, tmp_path, name):
    function, args, instance = REFUSED[name]
    args = json.loads(json.dumps(args).replace("{path}", str(tmp_path / "boom")))
    plant(redis, data=call(function, *args, instance=instance))
    burst("default")
    assert not (tmp_path / "boom").exists()
    assert "NotAllowed" in failure(redis)


def test_a_real_worker_refuses_the_shell_and_goes_on(redis, tmp_path):
    plant(redis, data=call("os.system", f"touch {tmp_path / 'boom'}"))
    queue = django_rq.get_queue("default")
    good = queue.enqueue("jobs.check_queue", 7, result_ttl=60).id
    with running("rqworker", "default"):
        eventually(lambda: good in finished(queue)())
    assert not (tmp_path / "boom").exists()
    assert "NotAllowed" in failure(redis)


def test_what_does_not_read_as_a_call_fails_the_job(redis, burst):
    for data in (b"", b"{}", b"[]", b"null", b"[1,2,3]", b"\xff\x00", b"not json"):
        redis.flushall()
        plant(redis, data=zlib.compress(data))
        burst("default")
        assert "DeserializationError" in failure(redis), data


def test_callbacks_and_webhooks_in_a_hash_are_ignored(redis, burst, monkeypatch):
    monkeypatch.setattr("rq.webhook.Webhook.send", note_call)
    hooks = [{"url": "http://127.0.0.1:1/", "job_status": "finished"},
             {"url": "http://127.0.0.1:1/", "job_status": "failed"}]  # fmt: skip
    hook = "tests.queueing.test_jobs.note_call"
    names = {f"{when}_callback_name": hook for when in ("success", "failure", "stopped")}
    for function in ("jobs.check_queue", "os.system"):
        redis.flushall()
        plant(redis, data=call(function, 7), webhooks=json.dumps(hooks), **names)
        burst("default")
        assert redis.exists("rq:results:planted")
    assert calls == []


@pytest.mark.parametrize("job_class", ["queueing.job.Job", "rq.job.Job"])
def test_every_job_class_reads_no_callback_and_runs_nothing_else(redis, job_class):
    plant(
        redis,
        data=call("os.system", "true"),
        failure_callback_name="tests.queueing.test_jobs.note_call",
    )
    fetched = get_job_class(job_class).fetch("planted", connection=redis, serializer=None)
    assert fetched.failure_callback is None
    with pytest.raises(NotAllowed):
        _ = fetched.func


def test_an_argument_that_is_not_json_is_refused_when_queueing(redis):
    with pytest.raises(TypeError):
        django_rq.get_queue("default").enqueue("jobs.check_queue", object())
    assert redis.llen("rq:queue:default") == 0


def test_a_database_that_is_away_fails_no_job(redis, burst, monkeypatch):
    def away(*args):
        raise OperationalError("database is locked")

    monkeypatch.setattr("notices.delivery.slices.send_slice", away)
    queue = django_rq.get_queue("bulk")
    queue.enqueue("jobs.send_notice", 7, "email")
    burst("bulk")
    assert (queue.count, queue.failed_job_registry.count) == (0, 0)


def test_a_redis_that_is_away_fails_no_job(redis, burst, monkeypatch):
    def away(*args):
        raise RedisError("such as: another password")

    monkeypatch.setattr("notices.delivery.recovery.run", away)
    queue = django_rq.get_queue("default")
    queue.enqueue("jobs.sweep")
    burst("default")
    assert (queue.count, queue.failed_job_registry.count) == (0, 0)


@pytest.mark.parametrize("behind", [True, False], ids=["migrations wait", "a bug"])
def test_a_database_that_waits_for_migrations_fails_no_job(redis, burst, monkeypatch, behind):
    def lacks(*args):
        raise ProgrammingError('column "new" does not exist')

    monkeypatch.setattr("notices.delivery.recovery.run", lacks)
    monkeypatch.setattr("config.migrations.wait", lambda: behind)
    queue = django_rq.get_queue("default")
    queue.enqueue("jobs.sweep")
    burst("default")
    assert queue.failed_job_registry.count == (not behind)


def test_no_migration_waits_here():
    assert not migrations.wait()


@pytest.mark.django_db(transaction=True)
def test_a_migration_that_was_not_run_waits():
    recorder, [last] = MigrationRecorder(connection), leaves("notices")
    recorder.record_unapplied(*last)
    try:
        assert migrations.wait()
    finally:
        recorder.record_applied(*last)


def leaves(app):
    return MigrationLoader(connection).graph.leaf_nodes(app)


def test_a_worker_that_was_killed_is_no_bug(redis):
    """RQ calls its job abandoned, and would list it among those that failed."""
    queue = django_rq.get_queue("default")
    job = queue.enqueue("jobs.check_queue", 1)
    queue.remove(job.id)
    redis.hset(job.key, "status", "started")
    redis.zadd("rq:wip:default", {f"{job.id}:1": 1})
    StartedJobRegistry(queue=queue).cleanup()
    assert queue.failed_job_registry.count == 0
    assert not redis.exists(job.key)
    assert not redis.exists("rq:wip:default")


def test_a_redis_that_is_emptied_under_a_job_fails_none(redis, burst, monkeypatch):
    monkeypatch.setattr("notices.delivery.recovery.run", lambda *args: [redis.flushall()][:0])
    queue = django_rq.get_queue("default")
    queue.enqueue("jobs.sweep")
    burst("default")
    assert queue.failed_job_registry.count == 0


@pytest.mark.parametrize(
    ("last", "is_bug"),
    [
        ("redis.exceptions.TimeoutError: Timeout reading from socket", False),
        ("redis.exceptions.ReadOnlyError: You can't write against a read only replica.", False),
        ("ValueError: redis.exceptions", True),
    ],
)
def test_a_job_that_ended_and_could_not_be_noted_is_no_bug(redis, last, is_bug):
    queue = django_rq.get_queue("default")
    job = queue.enqueue("jobs.check_queue", 1)
    with redis.pipeline() as pipeline:
        job._handle_failure(f"Traceback …\n  raise\n{last}\n", pipeline)
        pipeline.execute()
    assert queue.failed_job_registry.count == is_bug
    assert redis.exists(job.key) == is_bug


def test_redis_that_was_away_is_not_asked_again_at_once(settings, monkeypatch):
    """Every look would take a slice a second."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(bell, "away_until", 0.0)
    assert jobs.more_urgent_waits() is None
    monkeypatch.setattr(bell, "connection", None)
    assert jobs.more_urgent_waits() is None
    jobs.unring([7])


def test_redis_that_stops_to_answer_fails_no_job(redis, monkeypatch):
    """A notice goes on with the sweep: nothing is a bug that a developer must look at."""

    def away(**kwargs):
        raise RedisError

    monkeypatch.setattr("queueing.enqueue.Worker.count", away)
    jobs.resume_notice(7, "sms")
    assert django_rq.get_queue("bulk").count == 0


def test_a_failed_job_is_kept_for_an_hour(redis, burst):
    job_id = django_rq.get_queue("default").enqueue("jobs.check_queue", "not a number").id
    burst("default")
    assert 3600 - 60 < redis.ttl(f"rq:job:{job_id}") <= 3600


def test_every_job_of_ours_is_json_whatever_serializer_is_asked_for(redis):
    for asked in (pickle, "pickle", "rq.serializers.PickleSerializer", None):
        job = Job("any", connection=redis, serializer=asked)
        assert job.serializer.dumps({"a": 1}) == b'{"a": 1}'
