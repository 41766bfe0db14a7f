"""The delivery engine: claim, mark, send, record. Knows nothing of queues.

1. A worker claims queued deliveries with a token and a lease; they stay queued.
2. Just before the request of one leaves, that one is marked SENDING, by the token.
3. No transaction is open while the provider is called.
4. What the provider answered is recorded by the same token, together with the mark of the next.

So a worker that dies leaves at most one delivery in doubt, and what it had claimed is free again
when the lease runs out. A worker that comes back late finds another token and changes nothing.
"""

import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from django.db import connection, transaction
from django.db.models import F, Min, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from notices import ending, escalation, messages, suppression
from notices.channels import Route
from notices.channels.base import Provider
from notices.errors import Away, NotSent
from notices.messages import Wording
from notices.models import Delivery, Notice, State
from notices.outcome import PAUSE, attempt, leave
from notices.record import LEASE, Outcome, keep_try, mark, record, record_patiently

SLICE = 0.5  # seconds: the longest that a code waits behind a notice
CLAIM = 50  # deliveries at a time
SWITCHING = 15  # seconds after which a job asks no further provider

STILL_IN_DOUBT = gettext_noop(
    "No answer came back, and by now its provider would not know it again. It may have arrived."
)


def free() -> Q:
    """Queued, due, and in nobody's hands."""
    now = timezone.now()
    return Q(
        Q(lease_until=None) | Q(lease_until__lt=now),
        Q(not_before=None) | Q(not_before__lte=now),
        state=State.QUEUED,
    )


def complete(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """With all that sending a single one needs to know."""
    return rows.select_related("user", "verification", "notice").annotate(
        suppressed_as=suppression.kind_against("address")
    )


# One delivery


def send_one(delivery_id: int) -> datetime | None:
    """Sends one delivery, unless somebody else does or did; when to try again, if ever."""
    row = Delivery.objects.filter(free(), pk=delivery_id)
    delivery = complete(row).first()
    if delivery is None or settle_objection(delivery, row):
        return None
    wording = messages.compose(delivery)
    with Route(delivery.channel) as route:
        try:
            carrier = route.choose(delivery, wording)
        except NotSent as nobody:
            return leave(delivery, row, nobody)
        token = uuid4().hex
        if not mark(row, carrier, token):
            return None
        outcome = send_by_any(route, carrier, delivery, wording, token)
    record_patiently(outcome, token)
    return outcome.not_before


def send_by_any(
    route: Route, carrier: Provider, delivery: Delivery, wording: Wording, token: str
) -> Outcome:
    """Asks one provider after the other for as long as they say "not now": the last answer."""
    until = time.monotonic() + SWITCHING
    passed: list[str] = []
    while True:
        outcome = attempt(route, carrier, delivery, wording)
        passed.append(carrier.name)
        if not outcome.not_now or time.monotonic() > until:
            return outcome
        further = turn_to_another(route, outcome, wording, passed, token)
        if further is None:
            return outcome
        carrier = further


def turn_to_another(
    route: Route, outcome: Outcome, wording: Wording, passed: Sequence[str], token: str
) -> Provider | None:
    """The next provider for what was not taken now, marked as on its way to it; None when there is
    none, or it is no longer ours."""
    delivery = outcome.delivery
    row = Delivery.objects.filter(pk=delivery.pk, token=token, state=State.SENDING)
    try:
        further = route.choose(delivery, wording, passed)
    except NotSent:
        return None
    with transaction.atomic():
        keep_try(outcome)
        if not outcome.counts:
            row.update(tries=F("tries") - 1)
        if not mark(row, further, token):
            return None
    delivery.tries += outcome.counts
    return further


def settle_objection(delivery: Delivery, row: QuerySet[Delivery]) -> bool:
    """Settles what must not go any more: its time is over, the person opted out since it was
    prepared, or the address is dead. `row` is the delivery as long as it is ours to settle."""
    now = timezone.now()
    if delivery.doubt_until and delivery.doubt_until <= now:
        row.update(state=State.UNCERTAIN, reason=STILL_IN_DOUBT, doubt_until=None, changed_at=now)
        return True
    if delivery.expires_at and delivery.expires_at <= now:
        row.update(state=State.EXPIRED, reason=ending.TOO_LATE, changed_at=now)
        return True
    if reason := suppression.objection(delivery, delivery.message == messages.NOTICE):
        row.update(state=State.SUPPRESSED, reason=reason, changed_at=now)
        return True
    return False


# A slice of a notice

Send = Callable[[Sequence[Delivery], Route, str, float], None]  # as send_claimed


def send_slice(notice_id: int, channel: str, send: Send | None = None) -> datetime | None:
    """Sends deliveries of a notice by one channel over one connection for about half a second,
    one at a time unless `send` does it otherwise.

    Returns when to go on: at once, later when all that is left must wait, or None when there is
    nothing left that another worker does not have in hand.
    """
    notice = Notice.objects.filter(pk=notice_id, state=Notice.State.SENDING).first()
    if notice is None:
        return None
    if held_until := ending.hold(Notice.objects.filter(pk=notice_id)):
        return held_until
    if notice.not_after and notice.not_after <= timezone.now():
        ending.expire_queued(notice_id)
    Notice.objects.filter(pk=notice_id).update(rung_at=timezone.now())
    if notice.escalated_at:
        escalation.spare(notice)
    token = uuid4().hex
    until = time.monotonic() + SLICE
    go_on: datetime | None = None
    with Route(channel) as route:
        many = route.batch or CLAIM
        while time.monotonic() < until and (claimed := claim(notice, channel, token, many)):
            try:
                (send or send_claimed)(claimed, route, token, until)
            except Away as away:
                pause = away.after or PAUSE
                if pause > 1:
                    go_on = on_the_grid(timezone.now() + timedelta(seconds=pause))
                    break
                # Its rate is used up. The scheduler's second would be longer than that.
                time.sleep(max(0, min(pause, until - time.monotonic())))
                free_claimed(token)
    free_claimed(token)
    ending.cancel_queued(notice_id)
    ending.finish(notice_id)
    return go_on or next_due(notice_id, channel)


def on_the_grid(moment: datetime) -> datetime:
    """The next full ten seconds: who has to pause comes back together."""
    return datetime.fromtimestamp(math.ceil(moment.timestamp() / PAUSE) * PAUSE, UTC)


def free_claimed(token: str) -> None:
    Delivery.objects.filter(token=token, state=State.QUEUED).update(token=None, lease_until=None)


def claim(notice: Notice, channel: str, token: str, many: int = CLAIM) -> list[Delivery]:
    wanted: QuerySet[Delivery] = Delivery.objects.filter(
        free(), notice_id=notice.pk, channel=channel
    )
    wanted = wanted.select_related("user")
    wanted = wanted.annotate(suppressed_as=suppression.kind_against("address"))
    deliveries = hold(wanted, token, many)
    for delivery in deliveries:
        delivery.notice = notice  # one notice, one rendering
    return deliveries


def hold(wanted: QuerySet[Delivery], token: str, many: int) -> list[Delivery]:
    """Makes the first that nobody else is about to make theirs ours, until the lease is over."""
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            wanted = wanted.select_for_update(skip_locked=True, of=("self",))
        deliveries: list[Delivery] = list(wanted.order_by("id")[:many])
        Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries]).update(
            token=token, lease_until=timezone.now() + LEASE
        )
    return deliveries


def send_claimed(claimed: Sequence[Delivery], route: Route, token: str, until: float) -> None:
    """Sends until the slice's time is over. Raises Away when nobody can carry anything."""
    before: Outcome | None = None
    try:
        for delivery in claimed:
            if time.monotonic() > until:
                break
            row = Delivery.objects.filter(pk=delivery.pk, state=State.QUEUED, token=token)
            if settle_objection(delivery, row):
                continue
            wording = messages.compose(delivery)
            try:
                carrier = route.choose(delivery, wording)
            except Away:
                raise
            except NotSent as nobody:
                leave(delivery, row, nobody)
                continue
            with transaction.atomic():
                if before:
                    record(before, token)
                mine = mark(row, carrier, token)
            before = attempt(route, carrier, delivery, wording) if mine else None
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
