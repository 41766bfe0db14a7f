"""What somebody has to look at, found in the same facts that the health page shows."""

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config import clock, migrations
from health import probes
from notices.channels import CHANNELS, masked
from notices.models import Delivery, Notice, Occurrence, Schedule, State
from notices.providers import breaker

HEALTH = "/health/"
# What a provider says when nobody but us can mend it; as it is kept, in English.
FOR_A_PERSON = re.compile(r"certificate|account")
WAITED = timedelta(seconds=30)  # by a code
LATE = timedelta(minutes=2)  # a schedule
LATELY = timedelta(hours=1)
FEW = 20  # failures that say nothing of a notice yet
REDIS_FULL, DISK_LEFT = 0.8, 500 * 1024 * 1024
MIGRATIONS_SECONDS = 60  # for which the answer holds
checked = (0.0, False)  # time.monotonic(), and whether some are pending


@dataclass(frozen=True)
class Condition:
    """`after`: seconds that it lasts before somebody is told."""

    key: str
    words: str
    advice: str
    path: str = HEALTH
    after: int = 0


def conditions() -> Iterator[Condition]:
    """Raises RedisError or DatabaseError when it cannot look."""
    yield from engine()
    yield from redis()
    yield from providers()
    yield from codes()
    yield from schedules()
    yield from notices()
    yield from disk()
    yield from behind()


def engine() -> Iterator[Condition]:
    state = probes.redis_state()
    if state.scheduled_at is None:
        advice = _("Start it: python manage.py rqscheduler")
        yield Condition("scheduler", _("The scheduler is not running."), advice, after=60)
    if state.swept_ago is None or state.swept_ago > 2 * probes.SWEEP_LATE:
        advice = _("It repairs what was interrupted. Look at the scheduler and at the workers.")
        yield Condition("sweep", _("The sweep has not run for minutes."), advice, after=60)
    for queue in probes.queues():
        if not queue.workers:
            words = _("No worker serves the queue %(queue)s.") % {"queue": queue.name}
            advice = _("Start one: python manage.py rqworker sms email default bulk")
            yield Condition(f"queue:{queue.name}", words, advice, after=60)
    if number := probes.failed_jobs():
        words = ngettext("%(number)d job failed.", "%(number)d jobs failed.", number)
        advice = _("That is a bug. The queues in the admin show its traceback.")
        path = "/admin/django_rq/dashboard/"
        yield Condition("jobs", words % {"number": number}, advice, path)


def redis() -> Iterator[Condition]:
    if (state := probes.redis_state()).filled > REDIS_FULL:
        words = _("Redis is %(percent)d%% full.") % {"percent": 100 * state.filled}
        advice = _("Look for queues that nobody serves, or give it more memory.")
        yield Condition("redis", words, advice)


def providers() -> Iterator[Condition]:
    for channel in CHANNELS:
        for name, (state, trouble) in probes.carriers(channel).items():
            if trouble:
                words = f"{name}: {masked(_(trouble.reason))}"
                advice = _("Look at our account there and at its address in the settings.")
                after = 0 if FOR_A_PERSON.search(trouble.reason) else 300
                yield Condition(f"provider:{name}", words, advice, after=after)
            elif state == breaker.RESTING:
                words = _("%(provider)s fails much, and is left alone for 30 seconds at a time.")
                advice = _("Look at its own status page. Nothing is lost: it is tried again.")
                yield Condition(f"provider:{name}", words % {"provider": name}, advice, after=300)


def codes() -> Iterator[Condition]:
    now = clock.now()
    alone = Delivery.objects.filter(notice=None, state=State.QUEUED, is_bulk=False)
    due = alone.filter(Q(not_before=None) | Q(not_before__lte=now - WAITED) | Q(tries__gt=0))
    for name, channel in CHANNELS.items():
        first = due.filter(channel=name).order_by("id").values_list("created_at", flat=True).first()
        if first and first < now - WAITED:
            words = _("A message that somebody waits for (%(channel)s) has waited for over 30 s.")
            advice = _("Look at the workers and at the provider.")
            yield Condition(f"code:{name}", words % {"channel": channel.label}, advice)


def schedules() -> Iterator[Condition]:
    now = clock.now()
    advice = _("Its page says why. “Run now” makes up for it.")
    missed = Occurrence.objects.filter(
        state=Occurrence.State.MISSED, decided_at__gt=now - LATELY
    ).values_list("schedule_id", flat=True)
    late = Schedule.objects.filter(
        state=Schedule.State.ACTIVE, next_at__lt=now - LATE, in_question_since=None
    )
    for schedule in Schedule.objects.filter(Q(pk__in=missed) | Q(pk__in=late.values("pk")))[:FEW]:
        words = _("The schedule “%(subject)s” missed its time.") % {"subject": schedule.subject}
        yield Condition(f"schedule:{schedule.pk}", words, advice, schedule.get_absolute_url())


def notices() -> Iterator[Condition]:
    """One question as long as little fails: only then all of a notice is counted."""
    going = Q(state=Notice.State.SENDING) | Q(finished_at__gt=clock.now() - LATELY)
    subjects = dict(Notice.objects.filter(going).values_list("pk", "subject"))
    wrong = Delivery.objects.filter(notice__in=subjects, state__in=[State.FAILED, State.UNCERTAIN])
    counted = wrong.values("notice").annotate(failed=Count("pk")).filter(failed__gte=FEW)
    for pk, failed in counted.order_by().values_list("notice", "failed"):
        went = [State.SENT, State.DELIVERED, State.BOUNCED]
        asked = failed + Delivery.objects.filter(notice=pk, state__in=went).count()
        if 100 * failed > settings.ALERT_FAILED_PERCENT * asked:
            words = _("Of the notice “%(subject)s” %(percent)d%% failed.") % {
                "subject": subjects[pk], "percent": 100 * failed / asked,
            }  # fmt: skip
            advice = _("Its page says why. Pause it there if others will fail, too.")
            yield Condition(f"notice:{pk}", words, advice, reverse("notice", args=[pk]))


def disk() -> Iterator[Condition]:
    if connection.vendor != "sqlite":
        return
    free = shutil.disk_usage(Path(settings.DATABASES["default"]["NAME"]).parent).free
    if free < DISK_LEFT:
        words = _("The disk of the database is nearly full.")
        yield Condition("disk", words, _("Make room: without it nothing is sent."))


def behind() -> Iterator[Condition]:
    global checked
    if time.monotonic() > checked[0]:
        checked = time.monotonic() + MIGRATIONS_SECONDS, migrations.wait()
    if checked[1]:
        words = _("The database waits for its migrations.")
        yield Condition("migrations", words, _("Run: python manage.py migrate"), after=300)
