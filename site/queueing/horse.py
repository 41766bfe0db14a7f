"""A work-horse that stays: RQ forks one for each job, and a fork with its new connections takes
longer than sending a code.

The worker forks it at the first job, hands over each further one by a socket, and is told when it
is done. To RQ's own code the horse is one that exits after each job: `wait_for_horse` returns then,
and otherwise only when it died. So who supervises, kills, reports and stops is RQ as ever.

A horse that is there begins at once. What RQ notes in Redis of a job that begins the worker notes
meanwhile, and the horse waits for that before it notes the end.

What one job leaves behind does not reach the next: a horse in which anything is otherwise than
before its first job ends itself, and so does one whose job failed, or that has had its time.
"""

import json
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import close_old_connections, connections
from django.utils import timezone, translation
from rq.executions import Execution
from rq.job import JobStatus
from rq.worker import HerokuWorker
from rq.worker.base import logger

__all__ = ["WarmWorker"]

JOBS, SECONDS, GROWTH = 1000, 600, 64 << 20  # after so many, so long, so many bytes it is replaced
LINGER = 0.2  # seconds that a job's threads have to end after it
DONE, LAST = b".", b"x"  # said after a job; LAST: the horse ends now


@dataclass(frozen=True)
class Traces:
    """What a job can change for the next one, as far as it can be seen."""

    language: str | None = field(default_factory=translation.get_language)
    zone: str = field(default_factory=timezone.get_current_timezone_name)
    folder: str = field(default_factory=os.getcwd)
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    settings: dict[str, int] = field(
        default_factory=lambda: {
            name: id(getattr(settings, name)) for name in dir(settings) if name.isupper()
        }
    )
    threads: int = field(default_factory=threading.active_count)
    transactions: int = field(
        default_factory=lambda: sum(
            each.in_atomic_block for each in connections.all(initialized_only=True)
        )
    )


def memory() -> int:
    """Bytes that are resident."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # not Linux: the other bounds hold
        return 0


class Age:
    """Of a horse: when it is to be replaced."""

    def __init__(self) -> None:
        self.before, self.size = Traces(), memory()
        self.jobs, self.until = 0, time.monotonic() + SECONDS

    def is_over(self) -> bool:
        self.jobs += 1
        patience = time.monotonic() + LINGER
        for thread in threading.enumerate():
            if thread is not threading.current_thread():
                thread.join(max(0.0, patience - time.monotonic()))
        return (
            self.jobs >= JOBS
            or time.monotonic() > self.until
            or memory() > self.size + GROWTH
            or Traces() != self.before
        )


@contextmanager
def blocked() -> Iterator[None]:
    """Until the horse has its handlers, SIGRTMIN would kill it before it began."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGRTMIN})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGRTMIN})


class WarmWorker(HerokuWorker):
    horse: tuple[int, socket.socket] | None = None  # in the worker: its pid, and the way to it
    held: socket.socket | None = None  # in the horse: the way to its worker
    noted = False  # in the horse: that the worker has noted that the job began

    # In the worker

    def prepare_execution(self, job: Any) -> Execution:
        if settings.WORKER_HORSE == "fork":
            return super().prepare_execution(job)
        if not self.hand_over(job):
            self.fork_warm()
            self.hand_over(job)
        self.execution = None
        try:
            super().prepare_execution(job)
            self.prepare_job_execution(job)
        except Exception as problem:  # Redis is away; or it is no job, as the horse will find
            kind = type(problem).__name__
            self.log.warning("Worker %s: a job's start could not be noted (%s).", self.name, kind)
        if self.execution is None:
            self.execution = Execution(uuid4().hex, job.id, self.connection, self.name)
        if self.horse:
            with suppress(OSError):  # it died: that is seen when it is waited for
                self.horse[1].sendall(self.execution.composite_key.encode())
        return self.execution

    def fork_work_horse(self, job: Any, queue: Any) -> None:
        if settings.WORKER_HORSE == "fork":
            with blocked():
                super().fork_work_horse(job, queue)

    def hand_over(self, job: Any) -> bool:
        """False when there is no horse, or it is gone."""
        if self.horse is None:
            return False
        pid, way = self.horse
        with suppress(BlockingIOError):
            if way.recv(1, socket.MSG_DONTWAIT) != DONE:  # it was heard of already
                return self.forget_horse()
        try:
            way.sendall(json.dumps([job.id, job.origin]).encode())
        except OSError:
            return self.forget_horse()
        self._horse_pid = pid
        return True

    def forget_horse(self) -> bool:
        if self.horse:
            pid, way = self.horse
            way.close()
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
            self.horse = None
        return False

    def fork_warm(self) -> None:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with blocked():
            pid = os.fork()
            if pid == 0:
                ours.close()
                os.setpgrp()
                self.held = its
                self.main_work_horse(None, None)
        its.close()
        self.horse = (pid, ours)
        self.procline(f"Forked {pid} at {time.time()}")  # type: ignore[no-untyped-call]

    def wait_for_horse(self) -> Any:
        """Its end, or that of its job. RQ may interrupt this at any point and calls it again, so
        nothing is taken from the socket here."""
        if self.horse is None:
            return super().wait_for_horse()
        pid, way = self.horse
        with suppress(OSError):  # closed: this was interrupted when it had seen the end
            if way.recv(1, socket.MSG_PEEK) == DONE:
                return pid, os.EX_OK, None
        found = super().wait_for_horse()
        self.forget_horse()
        return found

    def teardown(self) -> None:
        if self.horse and not self.is_horse:
            self.horse[1].close()  # it reads the end, and ends
            self.forget_horse()
        super().teardown()  # type: ignore[no-untyped-call]

    # In the horse

    def main_work_horse(self, job: Any, queue: Any) -> None:
        if self.held is None:
            super().main_work_horse(job, queue)
            return
        status = os.EX_OK
        try:
            random.seed()
            self.setup_work_horse_signals()  # type: ignore[no-untyped-call]
            self._is_horse = True
            self.log = logger
            self.serve(self.held)
        except BaseException:
            status = 1
        os._exit(status)  # waits for no thread

    def serve(self, way: socket.socket) -> None:
        """Does each job that it is handed, until its time is over or the worker is gone."""
        age = Age()
        while order := way.recv(1 << 16):
            job_id, name = json.loads(order)
            close_old_connections()
            queue = next((each for each in self.queues if each.name == name), self.queues[0])
            job = self.job_class.fetch(job_id, connection=self.connection)
            version = self.get_redis_server_version()  # type: ignore[no-untyped-call]
            job.redis_server_version = version
            self.execution, self.noted = None, False
            well = self.perform_job(job, queue)
            if not well or age.is_over():
                connections.close_all()
                way.sendall(LAST)
                return
            way.sendall(DONE)

    def prepare_job_execution(self, job: Any, *args: Any) -> None:
        if self.held is None:
            super().prepare_job_execution(job, *args)
        else:  # the worker notes it
            job.worker_name, job._status = self.name, JobStatus.STARTED

    def handle_execution_ended(self, job: Any, *args: Any) -> None:
        if self.held and not self.noted:
            self.noted = True
            key = self.held.recv(1 << 16).decode()  # nothing when the worker is gone
            self.execution = Execution.from_composite_key(key, self.connection) if key else None
        super().handle_execution_ended(job, *args)
