"""Sending again what was sent, or was not: a person decides, who was told what it means. The row is
the same one: what became of it before stays among its failed attempts.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_noop

import jobs
from config import clock
from notices.delivery import states
from notices.models import RESENDABLE, Delivery, FailedAttempt, Notice, State
from signup import security
from signup.models import User

__all__ = ["AT_MOST", "SAFE", "Closed", "Group", "Twice", "Wanted", "groups", "is_closed", "send"]

CHUNK = 1000  # deliveries in one transaction
AT_MOST = 20_000  # that one press sends: the page waits for it
SHOWN = 50  # reasons, the most frequent ones
SAFE = (State.FAILED, State.BOUNCED)  # who got nothing of it, as far as anybody knows
# Kept as the reason, with who did it behind.
HISTORY = {
    State.FAILED: gettext_noop("It had failed, and was sent again."),
    State.BOUNCED: gettext_noop("It had come back, and was sent again."),
    State.UNCERTAIN: gettext_noop("It may have arrived, and was sent again."),
    State.SENT: gettext_noop("It had been sent, and was sent again."),
    State.DELIVERED: gettext_noop("It had arrived, and was sent again."),
}


class Closed(Exception):  # noqa: N818  an answer
    """Nothing of this notice goes any more."""


class Twice(Exception):  # noqa: N818  an answer
    """So many people may get it twice, and nobody has said that this is meant."""

    def __init__(self, number: int) -> None:
        self.number = number


@dataclass(frozen=True)
class Wanted:
    """What is meant: each of the `states`, of the (state, reason)s, and of the numbers. `until`:
    when those that the person saw had changed last; what changed later, perhaps since it was sent
    again, is another decision."""

    states: Collection[str] = ()
    reasons: Collection[tuple[str, str]] = ()
    deliveries: Collection[int] = ()
    until: datetime | None = None

    def rows(self, notice: Notice) -> QuerySet[Delivery]:
        meant = Q(state__in=self.states) | Q(
            pk__in=[each for each in self.deliveries if each < 2**63]
        )
        for state, reason in self.reasons:
            meant |= Q(state=state, reason=reason)
        rows = notice.deliveries.filter(meant, state__in=RESENDABLE).exclude(address="")
        return rows.filter(changed_at__lte=self.until) if self.until else rows


@dataclass(frozen=True)
class Group:
    """Deliveries that ended alike."""

    state: State
    reason: str
    number: int


def groups(notice: Notice) -> list[Group]:
    """What went wrong, the most frequent first."""
    wrong = (*SAFE, State.UNCERTAIN)
    rows = notice.deliveries.filter(state__in=wrong).order_by().values_list("state", "reason")
    found = rows.annotate(number=Count("pk")).order_by("-number", "state", "reason")[:SHOWN]
    return [Group(State(state), reason, number) for state, reason, number in found]


def is_closed(notice: Notice) -> bool:
    begun = (Notice.State.SENDING, Notice.State.PAUSED, Notice.State.FINISHED)
    late = notice.not_after is not None and notice.not_after <= clock.now()
    return notice.state not in begun or late or notice.text_removed_at is not None


def send(notice: Notice, by: User | None, wanted: Wanted, *, twice: bool = False) -> int:
    """Lets it go once more; how many that is, AT_MOST. Who is suppressed is not told. `twice`: who
    decides knows that some may get it twice. Raises Closed, and Twice unless that was said."""
    if is_closed(Notice.objects.get(pk=notice.pk)):
        raise Closed
    rows = wanted.rows(notice)
    if not twice and (number := rows.exclude(state__in=SAFE)[: AT_MOST + 1].count()):
        raise Twice(number)
    channels: set[str] = set()
    sent = 0
    for chunk in chunks(notice.pk, rows, by):
        sent += len(chunk)
        channels |= {each.channel for each in chunk}
    if sent:
        security.tell("notice-resent", notice=notice.pk, number=sent)
    for channel in channels:
        jobs.now(jobs.resume_notice, notice.pk, channel)
    return sent


def chunks(notice_id: int, rows: QuerySet[Delivery], by: User | None) -> Iterator[list[Delivery]]:
    """Lets some go at a time."""
    last = 0
    for _round in range(AT_MOST // CHUNK):
        with transaction.atomic():
            further = rows.filter(pk__gt=last).order_by("pk").select_for_update(of=("self",))
            chunk = list(further[:CHUNK])
            FailedAttempt.objects.bulk_create(
                attempt for each in chunk for attempt in history(each, by)
            )
            states.resend(Delivery.objects.filter(pk__in=[each.pk for each in chunk]))
            if chunk:
                states.reopen(notice_id)
        if not chunk:
            return
        yield chunk
        last = chunk[-1].pk


def history(delivery: Delivery, by: User | None) -> Iterator[FailedAttempt]:
    """What became of it; with who decided, and what its provider called it, behind the words
    (templatetags/reasons.py)."""
    if delivery.state == State.BOUNCED:  # said by a receipt, which is not kept as long
        yield FailedAttempt(
            delivery=delivery, provider=delivery.provider, reason=delivery.reason[:255]
        )
    words = HISTORY[State(delivery.state)]
    told = (str(by or ""), delivery.provider, delivery.provider_ref)
    behind = ", ".join(text for text in told if text)
    reason = f"{words[:-1]} ({behind})." if behind else words
    yield FailedAttempt(delivery=delivery, reason=reason)
