"""What the probes found, in words: each part with its verdict and what to do about it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import DatabaseError
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from redis.exceptions import RedisError

from config import clock
from health import alerts, probes
from notices.channels import CHANNELS, masked
from notices.delivery import questions
from notices.models import FailedAttempt, HighWater, Notice
from notices.providers import breaker
from notices.templatetags.reasons import in_words

GOOD, WARN, BAD = "good", "warn", "bad"
VERDICTS: dict[str, str | Promise] = {
    GOOD: gettext_lazy("good"),
    WARN: gettext_lazy("attention"),
    BAD: gettext_lazy("down"),
}
START_WORKER = "python manage.py rqworker sms email default bulk"
DECIDE = "python manage.py restored"
FORGOTTEN = timedelta(minutes=10)
LATELY = 100  # failed attempts
START_SCHEDULER = "python manage.py rqscheduler"


@dataclass(frozen=True)
class Part:
    name: str
    verdict: str
    words: str
    advice: str = ""
    command: str = ""

    @property
    def verdict_word(self) -> str | Promise:
        return VERDICTS[self.verdict]


@dataclass
class Report:
    parts: list[Part] = field(default_factory=list)
    queues: list[probes.QueueState] = field(default_factory=list)

    @property
    def troubles(self) -> list[Part]:
        return [part for part in self.parts if part.verdict != GOOD]


def make() -> Report:
    """Looks at everything once. Nothing that is away raises: it becomes a part that is down."""
    report = Report([database(), *restored(), *forgotten(), *paused(), *untold()])
    try:
        state = probes.redis_state()
        report.queues = probes.queues()
    except (RedisError, OSError):
        report.parts.append(redis_away())
        return report
    report.parts += [redis(state), scheduler(state), sweep(state), workers(report.queues)]
    report.parts += [*map(channel, CHANNELS), *clocks()]
    return report


def database() -> Part:
    try:
        took = probes.database()
    except DatabaseError:
        advice = _("Look at DATABASE_URL and at the database's own log.")
        return Part(_("Database"), BAD, _("does not answer"), advice)
    words = _("answers in %(time)d ms") % {"time": max(1, round(took))}
    return Part(_("Database"), GOOD, words)


def restored() -> list[Part]:
    """Nothing, but for a database that was restored and of which something is still held."""
    try:
        held, mark = questions.any_open(), HighWater.objects.first()
    except DatabaseError:  # database() tells it
        return []
    if not held:
        return []
    if mark and mark.database_at and mark.known_at:
        words = _("was restored: it ended at %(database)s, and work was done until %(known)s") % {
            "database": date_format(timezone.localtime(mark.database_at), "Y-m-d H:i:s"),
            "known": date_format(timezone.localtime(mark.known_at), "Y-m-d H:i:s"),
        }
    else:
        words = _("was restored, or stood still for long; nobody knows what was done since")
    advice = _("What is unfinished in it may be done already, and is held. Decide below, or with:")
    return [Part(_("Restore"), BAD, words, advice, DECIDE)]


def forgotten() -> list[Part]:
    """Nothing, but for notices that somebody opened to change them, and whose time went by."""
    late = clock.now() - FORGOTTEN
    held = Notice.objects.filter(state=Notice.State.CHANGING, start_at__lt=late)
    try:
        number = held.count()
    except DatabaseError:  # database() tells it
        return []
    if not number:
        return []
    words = ngettext(
        "%(number)d is held since somebody changes it, and its time went by",
        "%(number)d are held since somebody changes them, and their time went by",
        number,
    ) % {"number": number}
    return [Part(_("Notices"), WARN, words, _("Open it and save it, or press “Go on”."))]


def paused() -> list[Part]:
    """Nothing, but for notices that paused themselves (notices/delivery/doubts.py)."""
    themselves = Notice.objects.filter(state=Notice.State.PAUSED).exclude(pause_reason="")
    try:
        number, last = themselves.count(), themselves.order_by("-paused_at").first()
    except DatabaseError:  # database() tells it
        return []
    if not last:
        return []
    words = ngettext("%(number)d paused itself.", "%(number)d paused themselves.", number)
    said = f"{words % {'number': number}} {plain(last.pause_reason)}"
    return [Part(_("Notices"), WARN, said, _("Look at its page, then press “Go on” there."))]


def untold() -> list[Part]:
    """Nothing, but for an alert that somebody of ALERT_URLS did not take."""
    try:
        alert = alerts.untaken() if settings.ALERT_URLS else None
    except DatabaseError:  # database() tells it
        return []
    if not alert or not alert.tried_at:
        return []
    words = _("not taken by number %(names)s of ALERT_URLS, at %(time)s: %(alert)s") % {
        "names": alert.problem,
        "time": date_format(timezone.localtime(alert.tried_at), "Y-m-d H:i"),
        "alert": alert.words,
    }
    advice = _("Mend it there or in ALERT_URLS, then press “Send a test” below.")
    return [Part(_("Alerts"), WARN, words, advice)]


def redis_away() -> Part:
    return Part(
        _("Redis"),
        BAD,
        _("does not answer; nothing can be said about queues, workers and the scheduler"),
        _("Start one with bin/up or redis-server, or set REDIS_URL to one that runs."),
    )


def redis(state: probes.RedisState) -> Part:
    used = filesizeformat(state.used)
    if state.limit:
        memory = _("%(used)s of %(limit)s used") % {
            "used": used, "limit": filesizeformat(state.limit),
        }  # fmt: skip
    else:
        memory = _("%(used)s used, no limit set") % {"used": used}
    words = f"{state.version}, {memory}, {state.policy}"
    if state.policy != "noeviction":
        advice = _("When full, it would throw jobs away. Set maxmemory-policy to noeviction.")
        return Part(_("Redis"), WARN, words, advice)
    if state.filled > 0.6:
        advice = _("It is filling up. Look for queues that nobody serves, or give it more memory.")
        return Part(_("Redis"), WARN, words, advice)
    return Part(_("Redis"), GOOD, words)


def scheduler(state: probes.RedisState) -> Part:
    if state.scheduled_at is not None:
        return Part(_("Scheduler"), GOOD, _("is running"))
    words = _("is not running; what is due later does not start")
    return Part(_("Scheduler"), BAD, words, _("Start one with:"), START_SCHEDULER)


def sweep(state: probes.RedisState) -> Part:
    if state.swept_ago is None:
        words, verdict = _("has not run within the last hour"), WARN
    else:
        verdict = WARN if state.swept_ago > probes.SWEEP_LATE else GOOD
        words = ngettext(
            "ran %(seconds)d second ago", "ran %(seconds)d seconds ago", state.swept_ago
        ) % {"seconds": state.swept_ago}
    if verdict == GOOD:
        return Part(_("Sweep"), GOOD, words)
    advice = _("It repairs what was interrupted, and needs the scheduler and a worker on default.")
    return Part(_("Sweep"), WARN, words, advice)


def workers(queues: list[probes.QueueState]) -> Part:
    alone = [queue.name for queue in queues if not queue.workers]
    if not alone:
        return Part(_("Workers"), GOOD, _("every queue is served"))
    words = _("nobody listens on %(queues)s") % {"queues": ", ".join(alone)}
    return Part(_("Workers"), BAD, words, _("Start one with:"), START_WORKER)


def clocks() -> list[Part]:
    advice = _("Messages go by the database's clock. Have the machine set its own (NTP).")
    return [
        Part(
            _("Clock"),
            WARN,
            _("that of %(machine)s differs by %(seconds)d seconds")
            % {"machine": machine, "seconds": seconds},
            advice,
        )
        for machine, seconds in probes.wrong_clocks().items()
    ]


def channel(name: str) -> Part:
    label, found = capfirst(str(CHANNELS[name].label)), probes.carriers(name)
    resting = [each for each, (state, _trouble) in found.items() if state == breaker.RESTING]
    troubles = [trouble for _state, trouble in found.values() if trouble]
    if not resting and not troubles:
        return Part(label, GOOD, well(found))
    verdict = WARN if max(len(resting), len(troubles)) < len(found) else BAD
    if not troubles:
        others, nobody = _("Others carry meanwhile."), _("Nothing is lost: it goes on after that.")
        return Part(label, verdict, rests(resting), others if verdict == WARN else nobody)
    words = " ".join(map(told, troubles))
    if all(trouble.until <= time.time() for trouble in troubles):  # nobody has tried since
        advice = _("Nobody has asked since: the next message does. Nothing is lost.")
        return Part(label, WARN, words, advice)
    advice = _("Nothing is lost: it goes on by itself when that is fixed.")
    return Part(label, verdict, words, advice)


def well(found: Mapping[str, tuple[str, object]]) -> str:
    words = _("%(providers)s: no trouble") % {"providers": ", ".join(found)}
    if tried := [each for each, (state, _trouble) in found.items() if state == breaker.TESTED]:
        again = _("%(providers)s failed much before; the next message tries again")
        words = f"{words}. {again % {'providers': ', '.join(tried)}}"
    return words


def rests(resting: list[str]) -> str:
    """With what they answered last, as the deliveries have it."""
    words = _("left alone for half a minute, because it failed much: %(providers)s") % {
        "providers": ", ".join(resting),
    }  # fmt: skip
    lately = FailedAttempt.objects.order_by("-pk").values_list("provider", "reason")[:LATELY]
    try:
        said = next((reason for provider, reason in lately if provider in resting), "")
    except DatabaseError:  # database() tells it
        said = ""
    if not said:
        return words
    return words + ". " + _("It said last: %(reason)s") % {"reason": plain(said)}


def told(trouble: breaker.Trouble) -> str:
    since = timezone.localtime(datetime.fromtimestamp(trouble.since, UTC))
    words = _("Since %(time)s.") % {"time": f"{since:%Y-%m-%d %H:%M}"}
    return f"{plain(trouble.reason)} {words}"


def plain(reason: str) -> str:
    """Without the address that it may name: all staff read this page."""
    return masked(in_words(reason))
