"""Our RQ: a worker that loses nothing at a deploy.

Settings name the classes of this package, so the plain commands (rqworker, rqworker-pool,
rqscheduler) and the dashboard use them.
"""

import gc
import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from importlib import import_module
from multiprocessing import parent_process
from typing import Any

from django_rq.queues import DjangoRQ
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rq import worker_registration
from rq.exceptions import StopRequested

from config import logs
from queueing import clocks, process
from queueing.horse import WarmWorker
from queueing.job import Job

__all__ = ["Queue", "Worker"]

HEARTBEAT_SECONDS = 2.5  # less than an idle worker waits for a job


class Quiet(logging.Filter):
    """Leaves out what RQ says of each job: when it takes it up, and that it is done. With a sweep
    every ten seconds that is all that there would be to see."""

    FUNCTIONS = ("dequeue_job_and_maintain_ttl", "perform_job", "handle_job_success")

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.INFO or record.funcName not in self.FUNCTIONS


def forgiving(method: Callable[..., Any]) -> Callable[..., None]:
    """What RQ only notes about itself: it quits when Redis, away or full, cannot note it."""

    @wraps(method)
    def note(worker: Any, *args: Any, **kwargs: Any) -> None:
        with suppress(RedisError):
            method(worker, *args, **kwargs)

    return note


class Queue(DjangoRQ):
    job_class = Job


class Worker(WarmWorker):
    """Stops without losing what it has popped, and signals nobody but its own work-horse."""

    imminent_shutdown_delay = 20  # Heroku kills 30 s after it asks
    max_connection_wait_time = 4.0  # between two looks whether Redis is back
    log_result_lifespan = False
    next_heartbeat = 0.0  # time.monotonic()

    check_for_suspension = forgiving(WarmWorker.check_for_suspension)
    run_maintenance_tasks = forgiving(WarmWorker.run_maintenance_tasks)
    set_state = forgiving(WarmWorker.set_state)
    set_current_job_working_time = forgiving(WarmWorker.set_current_job_working_time)
    maintain_heartbeats = forgiving(WarmWorker.maintain_heartbeats)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.log_job_description = False  # arguments stay out of the log
        if not logging.getLogger().isEnabledFor(logging.DEBUG) and not self.log.filters:
            self.log.addFilter(Quiet())
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
        self.next_heartbeat = 0.0  # who comes back is listed again at once
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

    def bootstrap(self, *args: Any, **kwargs: Any) -> None:
        """As soon as Redis is there: who quits is started again late, if at all."""
        away = False
        while True:
            try:
                if away:  # what it had noted of itself, though no answer came
                    self.connection.delete(self.key)
                super().bootstrap(*args, **kwargs)
            except RedisError as problem:
                if not away:
                    self.log.warning("Redis is away (%s); looking again.", type(problem).__name__)
                away = True
                time.sleep(1)
            else:
                return

    def _set_ip_address(self, connection: Any) -> None:
        self.ip_address = "unknown"
        with suppress(RedisError):
            super()._set_ip_address(connection)

    @forgiving
    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        beat = time.monotonic()
        if timeout is None and pipeline is None and beat < self.next_heartbeat:
            return  # RQ gives one with each pop: a code would wait for it
        super().heartbeat(timeout, pipeline)
        self.next_heartbeat = beat + HEARTBEAT_SECONDS
        if pipeline is None and not self.connection.sismember(self.redis_workers_keys, self.key):
            # Redis was emptied: without this the health page would say that nobody listens.
            self.connection.hset(self.key, mapping=self.serialize())
            self.set_state(self.get_state())
            worker_registration.register(self)

    def perform_job(self, job: Any, queue: Any) -> bool:
        clocks.look()  # in the work-horse
        with logs.about(job=job.id):
            return bool(super().perform_job(job, queue))

    def work(self, *args: Any, **kwargs: Any) -> bool:
        process.served = {queue.name for queue in self.queues}
        import_module("jobs").prepare_worker()
        # What is there now stays: no work-horse looks through it for garbage, which would also
        # give each a copy of its own.
        gc.freeze()
        return bool(super().work(*args, **kwargs))

    def request_stop_sigrtmin(self, signum: int, frame: Any) -> None:
        process.stopping = True
        super().request_stop_sigrtmin(signum, frame)  # type: ignore[no-untyped-call]

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
            super().teardown()
