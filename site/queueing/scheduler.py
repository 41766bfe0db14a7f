"""The one clock: rq-scheduler that outlives bad entries, an empty Redis and Redis outages."""

import logging
import signal
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

from django_rq.queues import DjangoScheduler
from redis.exceptions import LockError, RedisError, ResponseError

from queueing.job import NotAllowed, queue_of

__all__ = ["SCHEDULER_HEARTBEAT", "Scheduler"]

SCHEDULER_HEARTBEAT = "bellhop:scheduled_at"  # Redis key: when a scheduler last looked; expires
log = logging.getLogger(__name__)


class Scheduler(DjangoScheduler):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.log = log  # rq-scheduler's own prints every line twice
        self._lock = self.connection.lock(
            self.scheduler_lock_key, timeout=self._interval + 10, blocking=False
        )

    def acquire_lock(self) -> bool:
        self._lock_acquired = bool(self._lock.acquire())
        return self._lock_acquired

    def remove_lock(self) -> None:
        if self._lock_acquired:
            self._lock_acquired = False
            with suppress(LockError):  # it ran out: somebody else may hold it now
                self._lock.release()

    def heartbeat(self) -> None:
        # Not register_birth, which quits where its name is known already: what it was about to note
        # when Redis stood still is noted a moment later.
        with self.connection.pipeline() as note:
            note.hsetnx(self.key, "birth", time.time())
            note.expire(self.key, int(self._interval) + 10)
            note.execute()

    def keep_periodic_jobs(self) -> None:
        """Puts the periodic jobs back when they are gone (first start, emptied Redis), or put off
        by a clock that was ahead."""
        for name, seconds in import_module("jobs").PERIODIC.items():
            due = self.connection.zscore(self.scheduled_jobs_key, name)
            far = due is None or due > time.time() + seconds + 1
            if far or not self.job_class.exists(name, self.connection):
                self.schedule(
                    datetime.now(UTC) + timedelta(seconds=seconds / 2),
                    f"jobs.{name}",
                    id=name,
                    interval=seconds,
                    description=f"{name} every {seconds} s",
                    queue_name=queue_of(f"jobs.{name}"),
                )

    def enqueue_jobs(self) -> list[Any]:
        due: list[bytes] = self.connection.zrangebyscore(
            self.scheduled_jobs_key, 0, int(time.time())
        )
        for entry in due:
            try:
                self.enqueue_entry(entry.decode())
            except ResponseError as problem:
                if not str(problem).startswith("WRONGTYPE"):  # such as: Redis is full
                    raise
                self.drop(entry)
            except RedisError:
                raise
            except Exception:
                self.drop(entry)
        return due

    def get_queue_for_job(self, job: Any) -> Any:
        # rq-scheduler would import whatever class the job's meta names.
        return self.queue_class(job.origin, connection=self.connection, job_class=self.job_class)

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

    def drop(self, entry: bytes) -> None:
        log.exception("A scheduled entry is not a job of ours and was dropped.")
        self.connection.zrem(self.scheduled_jobs_key, entry)

    def _install_signal_handlers(self) -> None:
        def stop(signum: int, frame: Any) -> None:
            raise SystemExit(0)

        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)

    def tick(self) -> None:
        self.heartbeat()
        self.connection.set(SCHEDULER_HEARTBEAT, int(time.time()), ex=int(self._interval) + 10)
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
                # On the stroke of the second, when what is due in whole seconds is due.
                time.sleep(self._interval - time.time() % self._interval)
        finally:
            with suppress(RedisError, OSError):
                self.remove_lock()
                self.register_death()
            log.info("Scheduler stopped.")
