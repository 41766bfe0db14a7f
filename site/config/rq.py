"""Our RQ: what is on a queue is JSON, names a function of jobs.py, and survives a deploy.

Settings name these classes, so the plain commands (rqworker, rqworker-pool, rqscheduler) and the
dashboard use them. Whoever can write to Redis must not be able to run code of their own.
"""

import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django_rq.queues import DjangoRQ, DjangoScheduler
from redis import Redis
from redis.exceptions import RedisError, ResponseError
from rq import job as rq_job
from rq import serializers
from rq.exceptions import StopRequested
from rq.worker import HerokuWorker

# Some of RQ's registries ignore every setting and take the default serializer, which is pickle:
# bytes that somebody planted in Redis would be executed by whoever lists them.
serializers.DefaultSerializer.dumps = staticmethod(serializers.JSONSerializer.dumps)
serializers.DefaultSerializer.loads = staticmethod(serializers.JSONSerializer.loads)

FAILURE_TTL = 24 * 3600  # seconds a failed job stays for a developer to look at

log = logging.getLogger(__name__)


def queue_of(func_name: str | None) -> str | None:
    """The queue of a function of jobs.py by its dotted path; None when no such job exists."""
    module, _, name = (func_name or "").partition(".")
    return import_module("jobs").QUEUES.get(name) if module == "jobs" else None


def require_redis() -> None:
    """Raises CommandError with the address and the way to start one when Redis is not there."""
    try:
        Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2).ping()
    except (RedisError, OSError) as problem:
        where = settings.REDIS_URL.rpartition("@")[2]  # the part before @ is a password
        raise CommandError(
            f"No Redis answers at {where} ({type(problem).__name__}). Start one with bin/up "
            "or redis-server, or set REDIS_URL to one that runs."
        ) from None


class NotAllowed(Exception):
    """Somebody queued a function that is not a job of ours. It was not run."""


class Job(rq_job.Job):
    """JSON only, functions of jobs.py only. Callbacks and webhooks in the hash are ignored."""

    def __init__(self, id: str | None = None, connection: Any = None, serializer: Any = None):  # noqa: A002
        super().__init__(id, connection, serializers.JSONSerializer)

    @classmethod
    def create(cls, func: Any, *args: Any, **kwargs: Any) -> "Job":
        if kwargs.get("failure_ttl") is None:  # RQ's own default is a year
            kwargs["failure_ttl"] = FAILURE_TTL
        return super().create(func, *args, **kwargs)

    @property
    def func(self) -> Callable[..., Any]:
        name = self.func_name
        if queue_of(name) is None or self.instance:
            raise NotAllowed(f"{name!r} is not a job of jobs.py and was not run.")
        return getattr(import_module("jobs"), name.removeprefix("jobs."))

    def restore(self, raw_data: Any) -> None:
        super().restore(raw_data)
        self.webhooks = []
        self._success_callback_name = self._success_callback = None
        self._failure_callback_name = self._failure_callback = None
        self._stopped_callback_name = self._stopped_callback = None


class Queue(DjangoRQ):
    job_class = Job


class Worker(HerokuWorker):
    """Stops without losing what it has popped, and signals nobody but its own work-horse."""

    imminent_shutdown_delay = 20  # Heroku kills 30 s after it asks

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.log_job_description = False  # arguments stay out of the log

    @property
    def dequeue_timeout(self) -> int:
        return 3  # an idle worker notices within 3 s that it was asked to stop

    def _shutdown(self) -> None:
        # Raising here, as RQ does, could happen between the pop and the run: the job is lost.
        self._stop_requested = True
        if self.scheduler:
            self.stop_scheduler()

    @property
    def should_run_maintenance_tasks(self) -> bool:
        # RQ asks this just before each pop, when nothing is in hand.
        if self._stop_requested:
            raise StopRequested
        return bool(super().should_run_maintenance_tasks)

    def kill_horse(self, sig: signal.Signals = signal.SIGKILL) -> None:
        # RQ signals the horse's group, which just after the fork is still the worker's own.
        with suppress(ProcessLookupError):
            os.kill(self.horse_pid, sig)


class Scheduler(DjangoScheduler):
    """rq-scheduler that outlives bad entries, an empty Redis and Redis outages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock = self.connection.lock(
            self.scheduler_lock_key, timeout=self._interval + 10, blocking=False
        )

    def acquire_lock(self) -> bool:
        self._lock_acquired = self._lock.acquire()
        return self._lock_acquired

    def remove_lock(self) -> None:
        if self._lock_acquired:
            self._lock_acquired = False
            self._lock.release()

    def heartbeat(self) -> None:
        if not self.connection.expire(self.key, int(self._interval) + 10):
            self.register_birth()

    def keep_periodic_jobs(self) -> None:
        """Puts the periodic jobs back when they are gone (first start, emptied Redis)."""
        for name, seconds in import_module("jobs").PERIODIC.items():
            if name not in self or not self.job_class.exists(name, self.connection):
                self.schedule(
                    datetime.now(UTC) + timedelta(seconds=seconds),
                    f"jobs.{name}",
                    id=name,
                    interval=seconds,
                    description=f"{name} every {seconds} s",
                    queue_name=queue_of(f"jobs.{name}"),
                )

    def enqueue_jobs(self) -> list[Any]:
        due = self.connection.zrangebyscore(self.scheduled_jobs_key, 0, int(time.time()))
        for job_id in (entry.decode() for entry in due):
            try:
                self.enqueue_entry(job_id)
            except ResponseError:
                self.drop(job_id)
            except RedisError:
                raise
            except Exception:
                self.drop(job_id)
        return due

    def enqueue_entry(self, job_id: str) -> None:
        job = self.job_class.fetch(job_id, connection=self.connection)
        if job.origin != queue_of(job.func_name):
            raise NotAllowed
        waiting = self.get_queue_for_job(job).get_job_position(job_id) is not None
        if waiting and (interval := job.meta.get("interval")):
            # No worker took the last one yet: a second entry would only be in the way.
            next_time = int(time.time()) + interval
            self.connection.zadd(self.scheduled_jobs_key, {job_id: next_time})
        else:
            self.enqueue_job(job)

    def drop(self, job_id: str) -> None:
        log.exception("A scheduled entry is not a job of ours and was dropped.")
        self.connection.zrem(self.scheduled_jobs_key, job_id)

    def _install_signal_handlers(self) -> None:
        def stop(signum: int, frame: Any) -> None:
            raise SystemExit(0)

        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)

    def tick(self) -> None:
        self.heartbeat()
        if self.acquire_lock():
            try:
                self.keep_periodic_jobs()
                self.enqueue_jobs()
            finally:
                self.remove_lock()

    def run(self, burst: bool = False) -> None:
        self._install_signal_handlers()
        log.info("Scheduler started: looks every %s s.", self._interval)
        away = False
        try:
            while True:
                started = time.monotonic()
                try:
                    self.tick()
                    if away:
                        log.info("Redis is back.")
                    away = False
                except (RedisError, OSError) as problem:
                    if not away:
                        log.warning("Redis is away (%s); will look again.", type(problem).__name__)
                    away = True
                if burst:
                    break
                time.sleep(max(0.0, self._interval - (time.monotonic() - started)))
        finally:
            with suppress(RedisError, OSError):
                self.remove_lock()
                self.register_death()
            log.info("Scheduler stopped.")
