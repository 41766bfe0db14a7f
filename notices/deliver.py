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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import OperationalError, connection, transaction
from django.db.models import F, Min, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from notices import ending, messages
from notices.channels import provider
from notices.channels.base import Provider
from notices.errors import Refused, TryLater, Unknown
from notices.messages import Wording
from notices.models import Delivery, Notice, State, Try

LEASE = timedelta(seconds=30)  # longer than a provider may take over one message
SLICE = 0.5  # seconds: the longest that a code waits behind a notice
CLAIM = 50  # deliveries at a time
MAX_TRIES = 8
PAUSE = timedelta(seconds=10)  # before a channel that cannot be reached is tried again

TOO_LATE = gettext_noop("Its time was over before it could be sent.")
UNWANTED = {
    "email": gettext_noop("Does not want notices by email."),
    "sms": gettext_noop("Does not want notices by SMS."),
}


@dataclass(frozen=True)
class Outcome:
    """What became of one delivery, not yet recorded. `reason`: why it was not sent."""

    delivery: Delivery
    state: State
    reason: str = ""
    carrier: str = ""  # the provider's name
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
    row = Delivery.objects.filter(free(), pk=delivery_id)
    if delivery is None or settle_objection(delivery, row):
        return None
    wording = messages.compose(delivery)
    with provider(delivery.channel) as carrier:
        token = uuid4().hex
        if not mark(row, carrier, token):
            return None
        try:
            carrier.open()
        except TryLater as later:
            outcome = put_off(delivery, later, carrier)
        else:
            outcome = attempt(carrier, delivery, wording)
    record_patiently(outcome, token)
    return outcome.not_before


def settle_objection(delivery: Delivery, row: QuerySet[Delivery]) -> bool:
    """Settles what must not go any more: its time is over, or the person opted out since it was
    prepared. `row` is the delivery as long as it is ours to settle."""
    now = timezone.now()
    if delivery.expires_at and delivery.expires_at <= now:
        row.update(state=State.EXPIRED, reason=TOO_LATE, changed_at=now)
        return True
    user = delivery.user
    if delivery.message == messages.NOTICE and user and not user.wants(delivery.channel):
        row.update(state=State.SUPPRESSED, reason=UNWANTED[delivery.channel], changed_at=now)
        return True
    return False


# A slice of a notice

Send = Callable[[Sequence[Delivery], Provider, str, float], None]  # as send_claimed


def send_slice(notice_id: int, channel: str, send: Send | None = None) -> datetime | None:
    """Sends deliveries of a notice by one channel over one connection for about half a second,
    one at a time unless `send` does it otherwise.

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
            many = carrier.batch or CLAIM
            while time.monotonic() < until and (claimed := claim(notice, channel, token, many)):
                (send or send_claimed)(claimed, carrier, token, until)
        except TryLater:
            go_on = timezone.now() + PAUSE
    Delivery.objects.filter(token=token, state=State.QUEUED).update(token=None, lease_until=None)
    ending.cancel_queued(notice_id)
    ending.finish(notice_id)
    return go_on or next_due(notice_id, channel)


def claim(notice: Notice, channel: str, token: str, many: int = CLAIM) -> list[Delivery]:
    wanted: QuerySet[Delivery] = Delivery.objects.filter(
        free(), notice_id=notice.pk, channel=channel
    )
    wanted = wanted.select_related("user").order_by("id")
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            wanted = wanted.select_for_update(skip_locked=True, of=("self",))
        deliveries = list(wanted[:many])
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
            row = Delivery.objects.filter(pk=delivery.pk, state=State.QUEUED, token=token)
            if settle_objection(delivery, row):
                continue
            wording = messages.compose(delivery)
            carrier.open()
            with transaction.atomic():
                if before:
                    record(before, token)
                mine = mark(row, carrier, token)
            before = attempt(carrier, delivery, wording) if mine else None
    finally:
        if before:
            record_patiently(before, token)


def next_due(notice_id: int, channel: str) -> datetime | None:
    queued = Delivery.objects.filter(notice_id=notice_id, channel=channel, state=State.QUEUED)
    if queued.filter(free()).exists():
        return timezone.now()
    waiting = queued.filter(not_before__gt=timezone.now())
    first: datetime | None = waiting.aggregate(first=Min("not_before"))["first"]
    return first


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
        return Outcome(delivery, State.FAILED, refusal.reason, carrier.name)
    except Unknown as doubt:
        return in_doubt(delivery, doubt, carrier)
    except TryLater as later:
        return put_off(delivery, later, carrier)
    return Outcome(delivery, State.SENT, "", carrier.name, number)


def in_doubt(delivery: Delivery, doubt: Unknown, carrier: Provider) -> Outcome:
    if delivery.message in messages.HARMLESS_AGAIN:
        return put_off(delivery, TryLater(doubt.reason), carrier)
    return Outcome(delivery, State.UNCERTAIN, doubt.reason, carrier.name)


def put_off(delivery: Delivery, later: TryLater, carrier: Provider) -> Outcome:
    """Back to queued with exponential backoff and jitter, unless tries or time are used up."""
    tries = delivery.tries + 1
    if tries >= MAX_TRIES:
        reason = f"Given up after {tries} tries. {later.reason}"
        return Outcome(delivery, State.FAILED, reason, carrier.name)
    first = 2 if delivery.expires_at else 10
    wait = max(later.after or 0, min(first * 2**delivery.tries, 600) * random.uniform(0.8, 1.2))  # noqa: S311
    again = timezone.now() + timedelta(seconds=wait)
    if delivery.expires_at and again >= delivery.expires_at:
        return Outcome(delivery, State.EXPIRED, f"Its time is over. {later.reason}", carrier.name)
    return Outcome(delivery, State.QUEUED, later.reason, carrier.name, not_before=again)


def record_patiently(outcome: Outcome, token: str) -> None:
    """Records what only we know also when the database is away for a while."""
    until = time.monotonic() + LEASE.total_seconds() / 2
    while True:
        try:
            return record(outcome, token)
        except OperationalError:
            if time.monotonic() > until:
                raise
            connection.close()
            time.sleep(0.5)


def record(outcome: Outcome, token: str) -> None:
    """Stores what became of a delivery, if the token is still ours. A row that the sweep called
    uncertain in the meantime learns the truth."""
    ours = Delivery.objects.filter(
        pk=outcome.delivery.pk, token=token, state__in=(State.SENDING, State.UNCERTAIN)
    )
    stays = {} if outcome.state == State.UNCERTAIN else {"token": None}
    recorded = ours.update(
        state=outcome.state,
        reason=outcome.reason[:255],
        provider_ref=outcome.provider_ref[:100],
        not_before=outcome.not_before,
        changed_at=timezone.now(),
        lease_until=None,
        **stays,
    )
    notice_id = outcome.delivery.notice_id
    if recorded and notice_id and outcome.state == State.QUEUED:
        # The sweep may have called it uncertain, and the notice ended with that: it goes on.
        Notice.objects.filter(pk=notice_id, state=Notice.State.FINISHED).update(
            state=Notice.State.SENDING, finished_at=None
        )
    if recorded and outcome.state != State.SENT:
        Try.objects.create(
            delivery=outcome.delivery, provider=outcome.carrier, reason=outcome.reason[:255]
        )
