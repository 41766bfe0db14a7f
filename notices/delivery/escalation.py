"""An SMS to those whom the email of a notice did not reach in time, once.

A notice that may escalate ends as any other. When its minutes are over it goes back to sending if
anybody needs an SMS; from then on both are its channels.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_noop

from config import clock
from notices.audience import suppression
from notices.channels import CHANNELS, EMAIL, SMS
from notices.delivery import claims, expand, high_water, states
from notices.models import DEAD, Delivery, Notice, Receipt, State, Suppression

__all__ = ["due", "spare", "start"]

AHEAD = 1000  # more than all workers together send within a slice
ARRIVED = gettext_noop("The email arrived in the meantime.")
DEAD_WORDS = [suppression.WORDS[Suppression.Kind(kind)] for kind in DEAD]


def due() -> list[int]:
    """The notices whose time to escalate has come."""
    now = clock.now()
    # Not by state, and in this order: SQLite would read every notice that ever ended.
    waiting = Notice.objects.filter(
        escalate_minutes__isnull=False,
        escalated_at=None,
        finished_at__isnull=False,
        in_question_since=None,
    ).order_by("finished_at")
    return [
        notice.pk
        for notice in waiting.only("state", "finished_at", "escalate_minutes")
        if notice.state == Notice.State.FINISHED and time_of(notice) <= now
    ]


def time_of(notice: Notice) -> datetime:
    assert notice.finished_at
    assert notice.escalate_minutes
    return notice.finished_at + timedelta(minutes=notice.escalate_minutes)


def start(notice_id: int) -> bool:
    """Adds the SMS; whether there are any to send. Two at once add them once: the second finds the
    notice escalated."""
    high_water.rise()
    with transaction.atomic():
        notice = Notice.objects.select_for_update().get(pk=notice_id)
        if notice.pk not in due() or is_behind(notice):
            return False
        people = expand.everyone(notice, CHANNELS[SMS]).filter(
            Exists(not_reached(notice)), mobile__isnull=False
        )
        added = expand.insert(people)
        now = clock.now()
        if added:
            channels = [EMAIL, SMS]
            states.reopen(notice_id, escalated_at=now, channels=channels)
        else:
            Notice.objects.filter(pk=notice_id).update(escalated_at=now)
    return bool(added)


def is_behind(notice: Notice) -> bool:
    """Whether somebody reported in time what nobody has looked at yet; the sweep asks again."""
    unread = Receipt.objects.filter(channel=EMAIL, handled_at=None, looks=0)
    return unread.filter(at__lte=time_of(notice)).exists()


def spare(notice: Notice) -> None:
    """Takes back the SMS of those whose email arrived after all, of the queued ones whose turn is
    next: each slice asks, and to ask for all would take longer than the slice."""
    now = clock.now()
    arrived = Delivery.objects.filter(
        notice=notice, channel=EMAIL, user=OuterRef("user"), state=State.DELIVERED
    )
    due = claims.in_state(notice.pk, State.QUEUED, SMS).filter(
        Q(not_before=None) | Q(not_before__lte=now)
    )
    spared = Delivery.objects.filter(
        Exists(arrived), pk__in=due.values("pk")[:AHEAD], state=State.QUEUED
    )
    with transaction.atomic():
        states.stop(claims.unlocked(spared), State.CANCELLED, ARRIVED)


def not_reached(notice: Notice) -> QuerySet[Delivery]:
    """For a query of users: their emails that did not arrive, as far as anybody knows. That no
    receipt came says something only of a provider that sends receipts."""
    tells = Exists(Receipt.objects.filter(provider=OuterRef("provider")))
    return Delivery.objects.filter(
        Q(state__in=(State.BOUNCED, State.FAILED, State.UNCERTAIN))
        | Q(tells, state=State.SENT)
        | Q(state=State.SUPPRESSED, reason__in=DEAD_WORDS),
        notice=notice,
        channel=EMAIL,
        user=OuterRef("pk"),
    )
