"""The work-horse that stays: what it is kept for, what ends it, and what does not reach the next
job."""

import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import django_rq
import psutil
import pytest

from tests.support.processes import Process, eventually, running

pytestmark = pytest.mark.django_db(transaction=True)

LEFT = ["a language", "a time zone", "a variable", "a setting", "a folder", "a transaction",
        "a thread", "much memory"]  # fmt: skip


class Careless(Process):
    script = Path(__file__).with_name("careless.py")


@contextmanager
def careless(**environment):
    worker = Careless("rqworker", "default", **environment)
    try:
        worker.wait_for("Listening on")
        yield worker
    finally:
        worker.kill()


def asked(function, *args, seconds=20):
    """What a job returns; None when it fails."""
    job = django_rq.get_queue("default").enqueue(f"jobs.{function}", *args, result_ttl=60)
    eventually(lambda: not job.exists(job.id, job.connection) or job.get_status() in
               ("finished", "failed"), seconds)  # fmt: skip
    return job.return_value() if job.exists(job.id, job.connection) else None


def test_one_horse_does_job_after_job(redis):
    with careless() as worker:
        found = [asked("tell") for _ in range(5)]
        assert {each["pid"] for each in found} == {
            p.pid for p in psutil.Process(worker.pid).children()
        }
        assert found[0] == found[4]


def test_a_horse_has_had_its_time_after_so_many(redis):
    with careless(HORSE_JOBS="3"):
        found = [asked("tell")["pid"] for _ in range(7)]
    assert [found.count(pid) for pid in dict.fromkeys(found)] == [3, 3, 1]


def test_rq_s_own_way_is_a_horse_for_each(redis):
    with careless(WORKER_HORSE="fork"):
        assert len({asked("tell")["pid"] for _ in range(3)}) == 3


@pytest.mark.parametrize("what", LEFT)
def test_what_a_job_leaves_does_not_reach_the_next(redis, what):
    with careless():
        before = asked("tell")
        assert asked("leave", what) == before["pid"]
        after = asked("tell")
        assert after.pop("pid") != before.pop("pid")
        assert after == before


@pytest.mark.parametrize("what", ["an error", "a death"])
def test_a_horse_that_failed_or_died_is_replaced(redis, what):
    with careless():
        before = asked("tell")
        assert asked("leave", what) is None
        after = asked("tell")
        assert after.pop("pid") != before.pop("pid")
        assert after == before


def test_a_connection_that_was_closed_is_opened_anew(redis):
    with careless():
        asked("leave", "a closed connection")
        assert asked("tell") is not None


def test_a_horse_that_dies_between_two_jobs_costs_neither(redis):
    with careless():
        first = asked("tell")["pid"]
        os.kill(first, signal.SIGKILL)
        eventually(lambda: psutil.Process(first).status() == psutil.STATUS_ZOMBIE, 20)
        assert asked("tell")["pid"] != first


def test_a_horse_does_not_outlive_its_worker(redis):
    with running("rqworker", "default") as worker:
        asked("check_queue", 1)
        (horse,) = psutil.Process(worker.pid).children()
        worker.popen.kill()
        worker.popen.wait()
        eventually(lambda: not psutil.pid_exists(horse.pid) or horse.status() == "zombie", 5)


def test_an_idle_horse_ends_with_its_worker(redis):
    with running("rqworker", "default") as worker:
        asked("check_queue", 1)
        (horse,) = psutil.Process(worker.pid).children()
        began = time.monotonic()
        assert worker.stop(6) == 0
        assert time.monotonic() - began < 6
        assert not psutil.pid_exists(horse.pid)
        assert "Traceback" not in worker.output()
