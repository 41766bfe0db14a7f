"""How a job is queued: now or later. A job is known by the name of its function in jobs.py; its id
says what it is about, its description the same in words. Both hold ids of rows and no more."""

import math
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

import django_rq
from django.db import transaction
from redis.exceptions import RedisError
from rq import Worker
from rq.job import Job

from config import logs
from queueing.job import NotAllowed, queue_of
from queueing.redis import bell, job_id

__all__ = ["forget", "later", "now", "push", "run_next", "subject", "wake", "workers"]

Function = Callable[..., Any]


def path(func: Function) -> str:
    return f"jobs.{func.__name__}"


def queue_name(func: Function) -> str:
    name = queue_of(path(func))
    assert name, "not a job"
    return name


def describe(func: Function, args: tuple[Any, ...]) -> str:
    return f"{func.__name__}({', '.join(map(str, args))})"


def subject(func: Function, args: tuple[Any, ...]) -> str:
    """What a job is about; its id begins with it."""
    return "-".join(map(str, (func.__name__, *args)))


def push(func: Function, *args: Any, result_ttl: int = 0, queue: str | None = None) -> str | None:
    """Queues at once; the job's id, or None when Redis is away (the sweep will ring)."""
    try:
        wanted = django_rq.get_queue(queue or queue_name(func), connection=bell())
        name = job_id(subject(func, args), uuid4().hex)
        words = describe(func, args)
        with bell().pipeline() as at_once:  # by itself it asks twice
            wanted.enqueue_call(
                path(func),
                args,
                job_id=name,
                result_ttl=result_ttl,
                description=words,
                pipeline=at_once,
            )
            at_once.execute()
        return name
    except (RedisError, OSError):
        return None


def now(func: Function, *args: Any) -> None:
    """Queues after the commit."""
    transaction.on_commit(partial(push, func, *args), robust=True)


def wake(when: datetime, func: Function, *args: Any) -> bool:
    """Has it queued not before `when` (aware); False when Redis is away (the sweep will ring).
    rq-scheduler is the only clock.

    Once for a row and a moment, however often it is asked for. The moment is part of the id: a job
    that asks for its own next turn still bears the id of this one."""
    # It cuts to whole seconds, which would ring too early.
    at = datetime.fromtimestamp(math.ceil(when.timestamp()), UTC)
    try:
        django_rq.get_scheduler(connection=bell()).enqueue_at(
            at,
            path(func),
            *args,
            queue_name=queue_name(func),
            job_id=wake_id(when, func, args),
            job_result_ttl=0,
            job_description=describe(func, args),
        )
    except (RedisError, OSError):
        return False
    return True


def forget(when: datetime, func: Function, *args: Any) -> None:
    """Takes a wake-up back; one that stays does no harm."""
    with suppress(RedisError, OSError):
        scheduler = django_rq.get_scheduler(connection=bell())
        scheduler.cancel(wake_id(when, func, args))
        bell().delete(Job.key_for(wake_id(when, func, args)))


def wake_id(when: datetime, func: Function, args: tuple[Any, ...]) -> str:
    return job_id(subject(func, args), math.ceil(when.timestamp()))


def later(when: datetime, func: Function, *args: Any) -> None:
    """wake(), after the commit."""
    transaction.on_commit(partial(wake, when, func, *args), robust=True)


def run_next(func: Function) -> bool:
    """Runs the job that comes next on the function's queue, if it is for the same function. What
    fails is put back, to fail by itself and under its own name."""
    try:
        queue = django_rq.get_queue(queue_name(func), connection=bell())
        (name,) = queue.get_job_ids(0, 1) or [""]
        if not name.startswith(f"{func.__name__}-"):
            return False
        with bell().pipeline() as at_once:
            at_once.lrem(queue.key, 1, name)
            at_once.hgetall(Job.key_for(name))
            ours, fields = at_once.execute()
        if not (ours and fields):
            return False
        job = Job(name, connection=bell())
        job.restore(fields)
    except (RedisError, OSError):
        return False
    try:
        if job.func_name != path(func):
            raise NotAllowed
        with logs.about(job=name):
            func(*job.args)
    except Exception:
        queue.push_job_id(name, at_front=True)
        return False
    with suppress(RedisError, OSError):
        bell().delete(job.key)
    return True


def workers(name: str) -> int:
    """How many serve a queue, at least 1; 0 when Redis is away: the sweep will ring."""
    try:
        return max(1, Worker.count(queue=django_rq.get_queue(name, connection=bell())))
    except (RedisError, OSError):
        return 0
