"""The delivery engine: claim, mark, send, record. Knows nothing of queues.

1. A worker claims queued deliveries with a token and a lease; they stay queued.
2. Just before the request of one leaves, that one is marked SENDING, by the token.
3. No transaction is open while the provider is called.
4. What the provider answered is recorded by the same token, together with the mark of the next.

So a worker that dies leaves at most one delivery in doubt, and what it had claimed is free again
when the lease runs out. A worker that comes back late finds another token and changes nothing.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import connection, transaction
from django.db.models import F, Min, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from notices import messages
from notices.channels import provider
from notices.channels.base import Provider
from notices.errors import Refused, TryLater, Unknown
from notices.messages import Wording
from notices.models import OPEN, Delivery, Notice, State

LEASE = timedelta(seconds=30)  # longer than a provider may take over one message
SLICE = 1.0  # seconds: the longest that a code waits behind a notice
CLAIM = 50  # deliveries at a time
MAX_TRIES = 8
PAUSE = timedelta(seconds=10)  # before a channel that cannot be reached is tried again


@dataclass(frozen=True)
class Outcome:
    """What became of one delivery, not yet recorded."""

    delivery: Delivery
    state: State
    reason: str = ""
    provider_ref: str = ""
    not_before: datetime | None = None


def free() -> Q:
    """Queued, due, and in nobody's hands."""
    now = timezone.now()
    return Q(
        Q(lease_until=None) | Q(lease_until__lt=now),
        Q(not_before=None) | Q(not_before__lte=now),
        state=State.QUEUED,
    )


# One delivery


def send_one(delivery_id: int) -> datetime | None:
    """Sends one delivery, unless somebody else does or did; when to try again, if ever."""
    found = Delivery.objects.select_related("user", "verification", "notice")
    delivery = found.filter(free(), pk=delivery_id).first()
    if delivery is None or expired(delivery):
        return None
    wording = messages.compose(delivery)
    with provider(delivery.channel) as carrier:
        token = uuid4().hex
        if not mark(Delivery.objects.filter(free(), pk=delivery.pk), carrier, token):
            return None
        try:
            carrier.open()
        except TryLater as later:
            outcome = put_off(delivery, later)
        else:
            outcome = attempt(carrier, delivery, wording)
    record(outcome, token)
    return outcome.not_before


def expired(delivery: Delivery) -> bool:
    """Settles a delivery whose time is over, whether or not somebody else just did."""
    now = timezone.now()
    if delivery.expires_at is None or delivery.expires_at > now:
        return False
    Delivery.objects.filter(free(), pk=delivery.pk).update(
        state=State.EXPIRED,
        reason=gettext_noop("Its time was over before it could be sent."),
        changed_at=now,
    )
    return True


# A slice of a notice


def send_slice(notice_id: int, channel: str) -> datetime | None:
    """Sends deliveries of a notice by one channel over one connection for about a second.

    Returns when to go on: at once, later when all that is left must wait, or None when there is
    nothing left that another worker does not have in hand.
    """
    notice = Notice.objects.filter(pk=notice_id, state=Notice.State.SENDING).first()
    if notice is None:
        return None
    Notice.objects.filter(pk=notice_id).update(rung_at=timezone.now())
    token = uuid4().hex
    until = time.monotonic() + SLICE
    go_on: datetime | None = None
    with provider(channel) as carrier:
        try:
            while time.monotonic() < until and (claimed := claim(notice, channel, token)):
                send_claimed(claimed, carrier, token, until)
        except TryLater:
            go_on = timezone.now() + PAUSE
    Delivery.objects.filter(token=token, state=State.QUEUED).update(token=None, lease_until=None)
    cancel_queued(notice_id)
    finish(notice_id)
    return go_on or next_due(notice_id, channel)


def claim(notice: Notice, channel: str, token: str) -> list[Delivery]:
    wanted: QuerySet[Delivery] = Delivery.objects.filter(
        free(), notice_id=notice.pk, channel=channel
    ).order_by("id")
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            wanted = wanted.select_for_update(skip_locked=True)
        deliveries = list(wanted[:CLAIM])
        for delivery in deliveries:
            delivery.notice = notice  # one notice, one rendering
        Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries]).update(
            token=token, lease_until=timezone.now() + LEASE
        )
    return deliveries


def send_claimed(claimed: Sequence[Delivery], carrier: Provider, token: str, until: float) -> None:
    """Sends until the slice's time is over. Raises TryLater when the channel cannot be reached."""
    before: Outcome | None = None
    try:
        for delivery in claimed:
            if time.monotonic() > until:
                break
            wording = messages.compose(delivery)
            carrier.open()
            with transaction.atomic():
                if before:
                    record(before, token)
                row = Delivery.objects.filter(pk=delivery.pk, state=State.QUEUED, token=token)
                mine = mark(row, carrier, token)
            before = attempt(carrier, delivery, wording) if mine else None
    finally:
        if before:
            record(before, token)


def next_due(notice_id: int, channel: str) -> datetime | None:
    queued = Delivery.objects.filter(notice_id=notice_id, channel=channel, state=State.QUEUED)
    if queued.filter(free()).exists():
        return timezone.now()
    waiting = queued.filter(not_before__gt=timezone.now())
    first: datetime | None = waiting.aggregate(first=Min("not_before"))["first"]
    return first


def cancel_queued(notice_id: int) -> int:
    """Settles what is still queued of a notice that was cancelled, and says how many."""
    return Delivery.objects.filter(
        notice_id=notice_id, notice__state=Notice.State.CANCELLED, state=State.QUEUED
    ).update(state=State.CANCELLED, changed_at=timezone.now())


def finish(notice_id: int) -> None:
    """Ends a notice of which nothing is open any more."""
    opened = Delivery.objects.filter(notice_id=notice_id, state__in=OPEN)
    if not opened.exists():
        Notice.objects.filter(pk=notice_id, state=Notice.State.SENDING).update(
            state=Notice.State.FINISHED, finished_at=timezone.now()
        )


# Mark, send, record


def mark(row: QuerySet[Delivery], carrier: Provider, token: str) -> bool:
    """Says that the request is about to leave; False when the row is not ours to send."""
    now = timezone.now()
    return bool(
        row.update(
            state=State.SENDING,
            token=token,
            lease_until=now + LEASE,
            tries=F("tries") + 1,
            provider=carrier.name,
            changed_at=now,
        )
    )


def attempt(carrier: Provider, delivery: Delivery, wording: Wording) -> Outcome:
    try:
        number = carrier.send(delivery, wording)
    except Refused as refusal:
        return Outcome(delivery, State.FAILED, refusal.reason)
    except Unknown as doubt:
        return in_doubt(delivery, doubt.reason)
    except TryLater as later:
        return put_off(delivery, later)
    return Outcome(delivery, State.SENT, provider_ref=number)


def in_doubt(delivery: Delivery, reason: str) -> Outcome:
    if delivery.message in messages.HARMLESS_AGAIN:
        return put_off(delivery, TryLater(reason))
    return Outcome(delivery, State.UNCERTAIN, reason)


def put_off(delivery: Delivery, later: TryLater) -> Outcome:
    """Back to queued with exponential backoff and jitter, unless tries or time are used up."""
    tries = delivery.tries + 1
    if tries >= MAX_TRIES:
        return Outcome(delivery, State.FAILED, f"Given up after {tries} tries. {later.reason}")
    first = 2 if delivery.expires_at else 10
    wait = max(later.after or 0, min(first * 2**delivery.tries, 600) * random.uniform(0.8, 1.2))  # noqa: S311
    again = timezone.now() + timedelta(seconds=wait)
    if delivery.expires_at and again >= delivery.expires_at:
        return Outcome(delivery, State.EXPIRED, f"Its time is over. {later.reason}")
    return Outcome(delivery, State.QUEUED, later.reason, not_before=again)


def record(outcome: Outcome, token: str) -> None:
    """Stores what became of a delivery, if the token is still ours. A row that the sweep called
    uncertain in the meantime learns the truth."""
    in_doubt = outcome.state == State.UNCERTAIN
    Delivery.objects.filter(
        pk=outcome.delivery.pk, token=token, state__in=(State.SENDING, State.UNCERTAIN)
    ).update(
        state=outcome.state,
        reason=outcome.reason[:255],
        provider_ref=outcome.provider_ref[:100],
        not_before=outcome.not_before,
        changed_at=timezone.now(),
        lease_until=None,
        **({} if in_doubt else {"token": None}),
    )
