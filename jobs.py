"""Every function that a worker runs, and how it is queued: now or later.

A job's dotted path (`jobs.send_code`) is a wire format: what is deployed is never renamed. A job
is a thin door: it takes ids, calls one function that knows nothing of queues, and turns what that
answers into "later". The database is the truth; a job that is lost or rung twice does no harm.
"""

import logging
import math
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial, wraps
from typing import Any
from uuid import uuid4

import django_rq
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, transaction
from django.utils import timezone
from redis.exceptions import RedisError
from rq import Worker
from rq.job import Job

from notices.channels import CHANNELS, EMAIL, SMS
from notices.delivery import escalation, expand, recovery, retention, single, slices
from notices.providers import http, router
from notices.receipts import apply
from notices.schedules import occurrences
from queueing.redis import anything_on, bell, is_away, take_off, was_away

QUEUES: dict[str, str] = {}  # job name -> its queue: also the list of what a worker may run
PERIODIC = {"sweep": 10, "purge": 3600}  # job name -> seconds; the scheduler keeps them registered
SWEEP_HEARTBEAT = "bellhop:swept_at"  # Redis key: unix time of the last finished sweep
RECEIPTS_RUNG = "bellhop:receipts"  # Redis key: a job is queued that will see all that is stored

Function = Callable[..., Any]
log = logging.getLogger(__name__)


def job(queue: str) -> Callable[[Function], Function]:
    """Registers it for a queue. A database that is away is logged and no failure: the sweep rings
    again for what the job left. So what is on RQ's list of failed jobs is a bug."""

    def register(func: Function) -> Function:
        QUEUES[func.__name__] = queue

        @wraps(func)
        def run(*args: Any) -> Any:
            try:
                return func(*args)
            except OperationalError as problem:
                log.warning("%s: the database is away (%s).", func.__name__, type(problem).__name__)

        return run

    return register


# Queueing


def describe(func: Function, args: tuple[Any, ...]) -> str:
    return f"{func.__name__}({', '.join(map(str, args))})"


def push(func: Function, *args: Any, result_ttl: int = 0, queue: str | None = None) -> str | None:
    """Queues at once; the job's id, or None when Redis is away (the sweep will ring)."""
    try:
        wanted = django_rq.get_queue(queue or QUEUES[func.__name__], connection=bell())
        name = job_id(func, args, uuid4().hex) if func is send_code else None  # see unring
        path, words = f"jobs.{func.__name__}", describe(func, args)
        return wanted.enqueue_call(
            path, args, job_id=name, result_ttl=result_ttl, description=words
        ).id
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
            f"jobs.{func.__name__}",
            *args,
            queue_name=QUEUES[func.__name__],
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
    return job_id(func, args, math.ceil(when.timestamp()))


def job_id(func: Function, args: tuple[Any, ...], which: int | str) -> str:
    """What it is about can be read from it. `which` tells those for the same row apart."""
    return "-".join(map(str, (func.__name__, *args, which)))


def unring(delivery_ids: Collection[int]) -> None:
    """Takes back the bells of codes that are being sent; one that stays costs a worker a moment."""
    take_off(QUEUES["send_code"], tuple(f"send_code-{pk}-" for pk in delivery_ids))


def later(when: datetime, func: Function, *args: Any) -> None:
    """wake(), after the commit."""
    transaction.on_commit(partial(wake, when, func, *args), robust=True)


def more_urgent_waits() -> bool | None:
    """Whether a job waits for this worker on any queue but bulk; None when Redis is away."""
    return anything_on(set(QUEUES.values()) - {"bulk"})


def ring_for_receipts() -> None:
    """Has receipts applied that are stored. Ten thousand may come at once: they are rung for once,
    until that job starts. A Redis that is away holds up nobody; the sweep rings."""
    if is_away():
        return
    try:
        if bell().set(RECEIPTS_RUNG, 1, nx=True, ex=10):
            push(take_receipts)
    except (RedisError, OSError):
        was_away()


# Jobs


@job("sms")
def send_code(delivery_id: int) -> None:
    """One SMS that somebody is waiting for, and the others that wait meanwhile."""
    for pk, again in single.send(delivery_id, SMS, unring).items():
        if again <= timezone.now():
            now(send_code, pk)
        else:
            later(again, send_code, pk)


@job("email")
def send_email(delivery_id: int) -> None:
    """One email that a person's own action asked for."""
    for pk, again in single.send(delivery_id, EMAIL).items():
        later(again, send_email, pk)


@job("default")
def start_notice(notice_id: int) -> None:
    """Prepares the deliveries of a notice whose time has come and starts sending them."""
    for channel in expand.start(notice_id):
        resume_notice(notice_id, channel)


@job("default")
def resume_notice(notice_id: int, channel: str) -> None:
    """Has a notice sent by one channel, by all workers side by side."""
    try:
        workers = Worker.count(queue=django_rq.get_queue("bulk", connection=bell()))
    except (RedisError, OSError):
        return  # who cannot count cannot ring: the sweep will
    for _ in range(max(1, workers)):
        now(send_notice, notice_id, channel)


@job("default")
def escalate_notice(notice_id: int) -> None:
    """Adds an SMS for those whom a notice's email did not reach, and starts sending them."""
    if escalation.start(notice_id):
        resume_notice(notice_id, "sms")


@job("bulk")
def send_notice(notice_id: int, channel: str) -> None:
    """One slice of a notice. It ends when anything waits on another queue: a code never waits
    behind a notice."""
    again = slices.send_slice(notice_id, channel, more_urgent_waits)
    if again is None:
        return
    if again <= timezone.now():
        now(send_notice, notice_id, channel)
    else:
        # One wake-up for all workers that have to pause: they would pile up while a provider is
        # away for long.
        wake(again, resume_notice, notice_id, channel)


@job("default")
def take_receipts() -> None:
    """Applies what providers reported."""
    with suppress(RedisError, OSError):
        bell().delete(RECEIPTS_RUNG)  # first: who stores from now on rings again
    if apply.take():
        now(take_receipts)


@job("default")
def sweep() -> None:
    """Repairs what was interrupted, and rings again for what nobody is working on."""
    ours = bells()
    for func, args in recovery.run(ours):
        now(func, *args)
    for when, func, pk in recovery.wake_ups(ours):
        wake(when, func, pk)
    bell().set(SWEEP_HEARTBEAT, int(timezone.now().timestamp()), ex=3600)


@job("default")
def run_schedule(schedule_id: int) -> None:
    """Starts what is due of a schedule, and asks to be woken for its next instant."""
    notice, next_at = occurrences.run(schedule_id)
    if notice:
        now(start_notice, notice.pk)
    if next_at and next_at <= timezone.now():
        now(run_schedule, schedule_id)  # there were more than one turn can decide
    elif next_at:
        wake(next_at, run_schedule, schedule_id)


@job("default")
def purge() -> None:
    """Removes what nobody needs any more, and reckons schedules anew."""
    retention.run()
    occurrences.reckon_all()


def bells() -> recovery.Bells:
    singles = {SMS: send_code, EMAIL: send_email}
    return recovery.Bells(
        singles, start_notice, resume_notice, escalate_notice, run_schedule, take_receipts
    )


def prepare_worker() -> None:
    """What each work-horse would do anew: read whom TLS trusts, import the providers."""
    http.trusted()
    for channel in CHANNELS:
        with suppress(ImproperlyConfigured, ImportError):  # a system check tells it
            router.providers(channel)


# The health page puts this on every queue, whatever queue it is listed for here.
@job("default")
def check_queue(n: int) -> int:
    """The n-th Fibonacci number the slow way: 1 is quick, 35 keeps a worker busy for seconds."""
    return fibonacci(n)


def fibonacci(n: int) -> int:
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)
