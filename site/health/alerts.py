"""Tells whoever is on call (ALERT_URLS): once when something begins, once when it has ended.

The sweep judges; a job sends. What comes back within GONE never ended, and nobody is told of the
same thing twice within AGAIN: what flaps cannot become a storm. What changed since the last look
goes in one message.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max, Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from config import clock
from health import services
from health.conditions import HEALTH, Condition, conditions
from health.models import Alert

GONE, AGAIN = timedelta(minutes=2), timedelta(hours=1)
STILL = timedelta(minutes=1)  # since it was seen, or it is not told
LEASE = timedelta(minutes=2)  # in which one worker sends, and no other
LONGEST = timedelta(minutes=15)  # between two tries
GIVEN_UP, KEPT = timedelta(days=1), timedelta(days=90)
TEST = "test"


def judge(found: Iterable[Condition] | None = None) -> bool:
    """Notes what holds now and what has ended. Whether somebody has to be told."""
    if not settings.ALERT_URLS:
        return False
    now = clock.now()
    with translation.override(settings.ALERT_LANGUAGE):
        holding = {each.key: each for each in (conditions() if found is None else found)}
    known = {alert.key: alert for alert in Alert.objects.filter(ended_at=None)}
    for key, condition in holding.items():
        if key in known:
            Alert.objects.filter(pk=known[key].pk).update(seen_at=now, words=condition.words[:400])
        else:
            begin(condition, now)
    over = [alert.pk for key, alert in known.items() if key not in holding]
    Alert.objects.filter(pk__in=over, seen_at__lte=now - GONE).update(ended_at=now)
    return due(now).exists()


def begin(condition: Condition, now: datetime) -> None:
    earlier = Alert.objects.filter(key=condition.key)
    last = earlier.aggregate(last=Max("told_at"))["last"]
    tell_at = now + timedelta(seconds=condition.after)
    alert = Alert(
        key=condition.key,
        words=condition.words[:400],
        advice=condition.advice[:400],
        path=condition.path[:100],
        began_at=now,
        seen_at=now,
        tell_at=max(tell_at, last + AGAIN) if last else tell_at,
        try_at=now,
    )
    try:
        with transaction.atomic():
            alert.save()
    except IntegrityError:
        pass  # another sweep was quicker


def due(now: datetime) -> QuerySet[Alert]:
    """What is to be told, and nobody is telling."""
    begun = Q(told_at=None, ended_at=None, tell_at__lte=now, seen_at__gt=now - STILL)
    ended = Q(told_at__isnull=False, ended_at__isnull=False, end_told_at=None)
    tested = Q(key=TEST, told_at=None)
    young = Q(ended_at=None) | Q(ended_at__gt=now - GIVEN_UP)
    return Alert.objects.filter(begun | ended | tested, young, try_at__lte=now)


def test() -> None:
    """Has a message sent that says nothing more than that it came."""
    now = clock.now()
    with translation.override(settings.ALERT_LANGUAGE):
        words = _("This is a test of the alerts. Nothing is wrong.")
    Alert.objects.create(
        key=TEST, words=words, path=HEALTH, began_at=now, seen_at=now, tell_at=now, ended_at=now,
        end_told_at=now, try_at=now,
    )  # fmt: skip


def tell() -> None:
    """Sends what is to be told, in one message. What nobody takes is tried again by the sweep."""
    now = clock.now()
    with transaction.atomic():
        alerts = list(due(now).select_for_update(skip_locked=True).order_by("pk")[:50])
        mine = Alert.objects.filter(pk__in=[alert.pk for alert in alerts])
        mine.update(try_at=now + LEASE, tried_at=now)
    if not alerts:
        return
    with translation.override(settings.ALERT_LANGUAGE):
        refused = services.send(title(alerts), "\n\n".join(map(text, alerts)))
    everywhere = len(refused) == len(settings.ALERT_URLS)
    for alert in alerts:
        ours = Alert.objects.filter(pk=alert.pk)
        problem = ", ".join(refused)[:200]
        if everywhere:
            pause = min(timedelta(seconds=30 * 2 ** min(alert.tries, 10)), LONGEST)
            ours.update(problem=problem, tries=alert.tries + 1, try_at=now + pause)
        elif alert.told_at:
            ours.update(problem=problem, tries=0, end_told_at=now)
        else:
            ours.update(problem=problem, tries=0, try_at=now, told_at=now)


def title(alerts: list[Alert]) -> str:
    if all(alert.ended_at and alert.key != TEST for alert in alerts):
        return _("Bellhop: it is over")
    return _("Bellhop needs somebody") if any(alert.key != TEST for alert in alerts) else "Bellhop"


def text(alert: Alert) -> str:
    lines = [alert.words, alert.advice]
    if alert.told_at:
        lines = [_("Over: %(words)s") % {"words": alert.words}]
    if settings.PUBLIC_URL and alert.path:
        lines.append(f"{settings.PUBLIC_URL}{alert.path}")
    return "\n".join(filter(None, lines))


def untaken() -> Alert | None:
    """The last that was sent, if somebody did not take it."""
    last = Alert.objects.exclude(tried_at=None).order_by("-tried_at", "-pk").first()
    return last if last and last.problem else None


def forget() -> None:
    Alert.objects.filter(ended_at__lt=clock.now() - KEPT).delete()
