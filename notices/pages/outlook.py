"""When a notice would begin, how long it takes, what goes out beside it, and whether all that sends
is well."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _
from limits import parse_many
from redis.exceptions import RedisError

from config import clock
from health import probes
from notices.channels import CHANNELS
from notices.delivery import lifecycle, quiet_hours
from notices.models import Delivery, Notice, Schedule
from notices.pages.survey import Survey
from notices.providers.router import providers

__all__ = ["beside", "outlook", "over"]

NEAR = timedelta(hours=1)
SHOWN = 5  # notices and schedules that are planned at that time
MOST = 100_000  # deliveries of an earlier notice, to learn how quick it was
LEAST = timedelta(seconds=5)  # that one took: a shorter one says nothing


@dataclass(frozen=True)
class Outlook:
    """`planned`: as it was chosen, else at once. `held_until`: the end of the quiet hours that hold
    it. `took`: about, None when nothing is known. `troubles`: sentences."""

    planned: datetime | None
    begins: datetime
    held_until: datetime | None
    took: timedelta | None
    troubles: list[str]
    is_over: str  # why it cannot begin at all, else empty

    @property
    def minutes(self) -> int | None:
        return None if self.took is None else max(1, -(-int(self.took.total_seconds()) // 60))


def outlook(notice: Notice, found: Survey, *, anyway: bool = False) -> Outlook:
    """`anyway`: also in the quiet hours."""
    now = clock.now()
    begins = max(notice.planned_for or now, now + lifecycle.UNDO)
    held = quiet_hours.held_from(begins, in_quiet_hours=notice.in_quiet_hours)
    each = [seconds(name, found.messages(name)) for name in notice.channels]
    known = [one for one in each if one is not None]
    return Outlook(
        notice.planned_for,
        begins if anyway else held or begins,
        held,
        timedelta(seconds=max(known)) if known and len(known) == len(each) else None,
        troubles(notice),
        over(notice),
    )


def over(notice: Notice) -> str:
    """Why its time does not fit, in a sentence."""
    if notice.planned_for and notice.planned_for <= clock.now():
        return _("Its time is over. Choose another, or send it now.")
    if notice.not_after:
        try:
            quiet_hours.check(
                notice.not_after, notice.planned_for, in_quiet_hours=notice.in_quiet_hours
            )
        except quiet_hours.NeverStarts:
            return _("It would begin after the time after which it must not. Choose another.")
    return ""


def seconds(channel: str, number: int) -> float | None:
    """For so many messages: as its provider allows, else as the last notice by it went."""
    if not number:
        return 0
    try:
        rates = [each.rate for each in providers(channel) if each.rate]
    except ImproperlyConfigured:
        return None
    limited = 0.0
    if rates:
        limited = max(number * rate.get_expiry() / rate.amount for rate in parse_many(rates[0]))
    rate = lately(channel)
    return max(limited, number / rate) if rate else limited or None


def lately(channel: str) -> float | None:
    """Messages a second of the last notice by this channel that took a while."""
    finished = Notice.objects.filter(state=Notice.State.FINISHED, started_at__isnull=False)
    for last in finished.only("channels", "started_at", "finished_at")[:20]:
        assert last.started_at
        assert last.finished_at
        took = last.finished_at - last.started_at
        if channel in last.channels and took >= LEAST and last.paused_at is None:
            rows = Delivery.objects.filter(notice=last, channel__range=(channel, channel))
            return rows[:MOST].count() / took.total_seconds() or None
    return None


@dataclass(frozen=True)
class Beside:
    at: datetime
    what: Notice | Schedule


def beside(notice: Notice, begins: datetime) -> list[Beside]:
    """What else goes out then, or is planned within an hour."""
    near = (begins - NEAR, begins + NEAR)
    waiting = Notice.objects.filter(state__in=(Notice.State.WAITING, Notice.State.CHANGING))
    sending = Notice.objects.filter(state__in=(Notice.State.PREPARING, Notice.State.SENDING))
    rows = [*waiting.filter(start_at__range=near).exclude(pk=notice.pk)[:SHOWN]]
    if begins <= clock.now() + NEAR:
        rows += sending[:SHOWN]
    found = [Beside(each.start_at, each) for each in rows]
    active = Schedule.objects.filter(state=Schedule.State.ACTIVE, next_at__range=near)
    found += [Beside(each.next_at, each) for each in active[:SHOWN] if each.next_at]
    return sorted(found, key=lambda each: each.at)[: 2 * SHOWN]


def troubles(notice: Notice) -> list[str]:
    """What keeps it from beginning or going on."""
    try:
        state, queues = probes.redis_state(), probes.queues()
        clocks = probes.wrong_clocks()
    except (RedisError, OSError):
        return [_("Redis does not answer: it begins when it does.")]
    found = []
    if any(not queue.workers for queue in queues if queue.name in ("default", "bulk")):
        found.append(_("No worker runs: it begins when one does."))
    if state.scheduled_at is None:
        found.append(_("The scheduler does not run: it begins when it does."))
    if clocks:
        found.append(_("The clock of a machine is wrong: it may begin early or late."))
    return found + [sentence for name in notice.channels if (sentence := trouble(name))]


def trouble(channel: str) -> str:
    label = CHANNELS[channel].label
    try:
        found = probes.carriers(channel)
    except ImproperlyConfigured:
        return _("%(channel)s: no provider is set.") % {"channel": label}
    if all(trouble for _state, trouble in found.values()):
        words = _("%(channel)s: its provider is in trouble. It goes on when that is fixed.")
        return words % {"channel": label}
    return ""
