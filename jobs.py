"""Every function that a worker runs, and how it is queued: now or later.

A job's dotted path (`jobs.send_code`) is a wire format: what is deployed is never renamed. A job
is a thin door: it takes ids, calls one function that knows nothing of queues, and turns what that
answers into "later". The database is the truth; a job that is lost or rung twice does no harm.
"""

import logging
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial, wraps
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import ProgrammingError
from redis.exceptions import RedisError

from config import clock, migrations
from config.database import AWAY
from health import alerts
from notices.channels import CHANNELS, EMAIL, SMS
from notices.delivery import erasure, escalation, expand, recovery, retention, single, slices
from notices.providers import connection, ping, router
from notices.receipts import apply
from notices.schedules import occurrences
from queueing import process
from queueing.enqueue import forget as forget  # "as": others queue by way of this module
from queueing.enqueue import later as later
from queueing.enqueue import now as now
from queueing.enqueue import push as push
from queueing.enqueue import run_next, subject, workers
from queueing.enqueue import wake as wake
from queueing.redis import (
    SWEEP_HEARTBEAT,
    anything_on,
    bell,
    is_away,
    jobs_about,
    subjects,
    take_off,
    was_away,
)
from signup.uploads import steps as uploads

QUEUES: dict[str, str] = {}  # job name -> its queue: also the list of what a worker may run
SEVERAL = 1.0  # seconds
PERIODIC = {"sweep": 10, "purge": 3600}  # job name -> seconds; the scheduler keeps them registered
PURGE_SECONDS = 60
HEARTBEAT = "bellhop:heartbeat"  # Redis key: HEARTBEAT_URL was asked a moment ago
HEARTBEAT_SECONDS = 55
RECEIPTS_RUNG = "bellhop:receipts"  # Redis key: a job is queued that will see all that is stored

Function = Callable[..., Any]
log = logging.getLogger(__name__)


def job(queue: str, seconds: float = 0) -> Callable[[Function], Function]:
    """Registers it for a queue. A database or a Redis that is away, or lacks migrations, is logged
    and no failure: the sweep rings again for what the job left. So what is on RQ's list of failed
    jobs is a bug.

    `seconds`: so long it does the next ones of its kind as well, as long as they come next: where
    there are very many, a fork for each would take longer than what they do."""

    def register(func: Function) -> Function:
        QUEUES[func.__name__] = queue

        @wraps(func)
        def run(*args: Any) -> Any:
            try:
                return func(*args)
            except AWAY as problem:
                log.warning("%s: the database is away (%s).", func.__name__, type(problem).__name__)
            except RedisError as problem:
                log.warning("%s: Redis is away (%s).", func.__name__, type(problem).__name__)
            except ProgrammingError:
                if not migrations.wait():
                    raise
                log.warning("%s: the database waits for `manage.py migrate`.", func.__name__)

        @wraps(func)
        def run_several(*args: Any) -> None:
            until = time.monotonic() + seconds
            run(*args)
            while time.monotonic() < until and not (process.stopping or anything_on(before(queue))):
                if not run_next(run):
                    break

        return run_several if seconds else run

    return register


def before(queue: str) -> set[str]:
    """The queues from which workers take first; the settings have them in that order."""
    names = list(settings.RQ_QUEUES)
    return set(names[: names.index(queue)])


# Queueing


def unring(delivery_ids: Collection[int]) -> None:
    """Takes back the bells of codes that are being sent; one that stays costs a worker a moment."""
    take_off(QUEUES["send_code"], tuple(f"send_code-{pk}-" for pk in delivery_ids))


def more_urgent_waits() -> bool | None:
    """Whether a job waits for this worker on any queue but bulk, or it was asked to stop; None when
    Redis is away."""
    return process.stopping or anything_on(before("bulk"))


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
    try_again(send_code, single.send(delivery_id, SMS, unring, process.is_stopping))


@job("email")
def send_email(delivery_id: int) -> None:
    """One email that a person's own action asked for."""
    try_again(send_email, single.send(delivery_id, EMAIL))


@job("bulk", SEVERAL)
def send_in_bulk(delivery_id: int, channel: str) -> None:
    """One message of a program that nobody waits for, and others, until a more urgent job waits."""
    again = single.send(delivery_id, channel, stops=more_urgent_waits, bulk=True)
    try_again(send_in_bulk, again, channel)


def try_again(func: Function, again: dict[int, datetime], *args: str) -> None:
    for pk, when in again.items():
        (now if when <= clock.now() else partial(later, when))(func, pk, *args)


@job("default", SEVERAL)
def start_notice(notice_id: int) -> None:
    """Prepares the deliveries of a notice whose time has come, in turns, and starts sending."""
    channels = expand.start(notice_id, more_urgent_waits)
    if channels is None:
        push(start_notice, notice_id, queue="bulk")  # by turns with what is being sent
    for channel in channels or ():
        resume_notice(notice_id, channel)


@job("default", SEVERAL)
def resume_notice(notice_id: int, channel: str) -> None:
    """Has a notice sent by one channel, by as many workers side by side as there is work for."""
    waiting, _running = slices_of(notice_id, channel)
    ring_for_slices(notice_id, channel, workers("bulk") - waiting)


def slices_of(notice_id: int, channel: str) -> tuple[int, int]:
    """How many wait, and how many run or died a moment ago. Who cannot count takes its own for the
    only one."""
    about = subject(send_notice, (notice_id, channel))
    return jobs_about(about, QUEUES["send_notice"]) or (0, 1)


def ring_for_slices(notice_id: int, channel: str, most: int) -> None:
    for _ in range(slices.worth(notice_id, channel, most) if most > 1 else most):
        now(send_notice, notice_id, channel)


@job("default")
def escalate_notice(notice_id: int) -> None:
    """Adds an SMS for those whom a notice's email did not reach, and starts sending them."""
    if escalation.start(notice_id):
        resume_notice(notice_id, "sms")


@job("bulk", SEVERAL)
def send_notice(notice_id: int, channel: str) -> None:
    """One slice of a notice. It ends when anything waits on another queue: a code never waits
    behind a notice."""
    again = slices.send_slice(notice_id, channel, more_urgent_waits)
    if again is None:
        return
    if again <= clock.now():
        # In its own place; and in that of one whose worker died, or for a worker that is new. RQ
        # does not know of those that run after another in the same job: they count as all.
        most, (waiting, running) = workers("bulk"), slices_of(notice_id, channel)
        others = min(running or most, most) - 1
        ring_for_slices(notice_id, channel, most - waiting - others)
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
def take_upload(upload_id: int) -> None:
    """Reads, checks or adds the people of a file, in turns."""
    if uploads.work(upload_id, more_urgent_waits):
        now(take_upload, upload_id)


@job("default")
def erase_person(erasure_id: int) -> None:
    """Goes on when nothing is on its way to them any more; until then the sweep rings."""
    erasure.finish(erasure_id)


@job("default")
def sweep() -> None:
    """Repairs what was interrupted, and rings again for what nobody is working on."""
    ours, waiting = bells(), subjects(set(QUEUES.values()))
    for func, args in recovery.run(ours, lambda func, args: subject(func, args) in waiting):
        now(func, *args)
    for when, func, pk in recovery.wake_ups(ours):
        wake(when, func, pk)
    bell().set(SWEEP_HEARTBEAT, int(clock.now().timestamp()), ex=3600)
    if settings.HEARTBEAT_URL and bell().set(HEARTBEAT, 1, nx=True, ex=HEARTBEAT_SECONDS):
        now(ask_heartbeat)
    if alerts.judge():
        now(tell_alerts)


@job("default")
def tell_alerts() -> None:
    """Tells whoever is on call what began and what ended."""
    alerts.tell()


@job("default")
def ask_heartbeat() -> None:
    """Tells whoever watches from outside that the sweep runs."""
    if problem := ping.ask(settings.HEARTBEAT_URL):
        log.warning("HEARTBEAT_URL: %s", problem)


@job("default", SEVERAL)
def run_schedule(schedule_id: int) -> None:
    """Starts what is due of a schedule, and asks to be woken for its next instant."""
    notice, next_at = occurrences.run(schedule_id)
    if notice:
        now(start_notice, notice.pk)
    if next_at and next_at <= clock.now():
        now(run_schedule, schedule_id)  # there were more than one turn can decide
    elif next_at:
        wake(next_at, run_schedule, schedule_id)


@job("default")
def purge() -> None:
    """Removes what nobody needs any more, for a minute at a time, and reckons schedules anew."""
    until = time.monotonic() + PURGE_SECONDS
    if not retention.run(lambda: time.monotonic() < until and not more_urgent_waits()):
        later(clock.now() + timedelta(seconds=10), purge)
    occurrences.reckon_all()
    alerts.forget()


def bells() -> recovery.Bells:
    singles = {SMS: send_code, EMAIL: send_email}
    return recovery.Bells(
        singles, send_in_bulk, start_notice, resume_notice, send_notice, escalate_notice,
        run_schedule, take_receipts, take_upload, erase_person,
    )  # fmt: skip


def prepare_worker() -> None:
    """What each work-horse would do anew: read whom TLS trusts, import the providers, have room for
    what it opens."""
    connection.make_room(settings.IN_FLIGHT)
    connection.trusted()
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
