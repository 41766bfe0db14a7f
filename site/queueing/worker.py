"""Our RQ: a worker that loses nothing at a deploy, and the one clock.

Settings name these classes, so the plain commands (rqworker, rqworker-pool, rqscheduler) and the
dashboard use them. What may be on a queue is said in wire.py.
"""

import gc
import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import wraps
from importlib import import_module
from multiprocessing import parent_process
from typing import Any

from django_rq.queues import DjangoRQ, DjangoScheduler
from redis.exceptions import LockError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rq import worker_registration
from rq.exceptions import StopRequested
from rq.worker import HerokuWorker

from queueing import redis
from queueing.job import Job, NotAllowed, queue_of

SCHEDULER_HEARTBEAT = "bellhop:scheduled_at"  # Redis key: when a scheduler last looked; expires

log = logging.getLogger(__name__)


def forgiving(method: Callable[..., Any]) -> Callable[..., None]:
    """What RQ only notes about itself: it quits when Redis, away or full, cannot note it."""

    @wraps(method)
    def note(worker: Any, *args: Any, **kwargs: Any) -> None:
        with suppress(RedisError):
            method(worker, *args, **kwargs)

    return note


class Queue(DjangoRQ):
    job_class = Job


class Worker(HerokuWorker):
    """Stops without losing what it has popped, and signals nobody but its own work-horse."""

    imminent_shutdown_delay = 20  # Heroku kills 30 s after it asks
    max_connection_wait_time = 4.0  # between two looks whether Redis is back
    log_result_lifespan = False

    check_for_suspension = forgiving(HerokuWorker.check_for_suspension)
    run_maintenance_tasks = forgiving(HerokuWorker.run_maintenance_tasks)
    set_state = forgiving(HerokuWorker.set_state)
    set_current_job_working_time = forgiving(HerokuWorker.set_current_job_working_time)
    maintain_heartbeats = forgiving(HerokuWorker.maintain_heartbeats)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.log_job_description = False  # arguments stay out of the log
        for queue in self.queues:  # one connection, not one each: a small Redis allows 20 in all
            queue.connection = self.connection

    @property
    def dequeue_timeout(self) -> int:
        return 3  # an idle worker notices within 3 s that it was asked to stop

    def _start_scheduler(self, *args: Any, **kwargs: Any) -> None:
        """One clock: not RQ's, which rqworker-pool starts unasked, and which, when its worker is
        killed, holds on to the worker's connection and swallows the next job."""

    def _shutdown(self) -> None:
        # Raising here, as RQ does, could happen between the pop and the run: the job is lost.
        self._stop_requested = True

    def request_force_stop(self, signum: int, frame: Any) -> None:
        # Heroku may ask several times, and a pool passes each on as SIGINT. Only a person's second
        # Ctrl-C means "now, whatever is in hand".
        if signum == signal.SIGINT and parent_process() is None:
            super().request_force_stop(signum, frame)

    @property
    def should_run_maintenance_tasks(self) -> bool:
        # RQ asks this just before each pop, when nothing is in hand.
        if self._stop_requested:
            raise StopRequested
        return bool(super().should_run_maintenance_tasks)

    @property
    def exponential_backoff_factor(self) -> float:  # type: ignore[override]
        # RQ asks this between two looks whether Redis is back.
        if self._stop_requested:
            raise StopRequested
        return 2.0

    def dequeue_job_and_maintain_ttl(self, *args: Any, **kwargs: Any) -> Any:
        while True:
            try:
                return super().dequeue_job_and_maintain_ttl(*args, **kwargs)
            except (RedisTimeoutError, ResponseError):  # RQ would quit
                self.log.warning("Worker %s: Redis does not answer; asking again.", self.name)
                if self._stop_requested:
                    raise StopRequested from None
                time.sleep(1)

    def execute_job(self, job: Any, queue: Any) -> None:
        try:
            super().execute_job(job, queue)
        except RedisError as problem:  # RQ would quit; the database knows how far the work is
            kind = type(problem).__name__
            self.log.warning("Worker %s: a job could not be noted (%s).", self.name, kind)
            with suppress(RedisError):
                job.delete()  # or it would stay in a full Redis for ever

    @forgiving
    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        super().heartbeat(timeout, pipeline)
        if pipeline is None and not self.connection.sismember(self.redis_workers_keys, self.key):
            # Redis was emptied: without this the health page would say that nobody listens.
            self.connection.hset(self.key, mapping=self.serialize())
            self.set_state(self.get_state())
            worker_registration.register(self)

    def work(self, *args: Any, **kwargs: Any) -> bool:
        redis.served = {queue.name for queue in self.queues}
        # Whom TLS trusts, read once: it would cost each work-horse 20 ms.
        import_module("notices.providers.http").trusted()
        # What is there now stays: no work-horse looks through it for garbage, which would also
        # give each a copy of its own.
        gc.freeze()
        return bool(super().work(*args, **kwargs))

    def fork_work_horse(self, job: Any, queue: Any) -> None:
        # Until the horse has its handlers, SIGRTMIN would kill it before it began.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGRTMIN})
        super().fork_work_horse(job, queue)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGRTMIN})

    def setup_work_horse_signals(self) -> None:
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGRTMIN})

    def kill_horse(self, sig: signal.Signals = signal.SIGKILL) -> None:
        # RQ signals the horse's group, which just after the fork is still the worker's own.
        if self.horse_pid:
            with suppress(ProcessLookupError):
                os.kill(self.horse_pid, sig)

    def teardown(self) -> None:
        with suppress(RedisError, OSError):  # Redis may be what is gone
            super().teardown()  # type: ignore[no-untyped-call]


class Scheduler(DjangoScheduler):
    """rq-scheduler that outlives bad entries, an empty Redis and Redis outages."""

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
        if not self.connection.expire(self.key, int(self._interval) + 10):
            self.register_birth()

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
