"""The delivery engine: claim, mark, send, record. Knows nothing of queues.

1. A worker claims queued deliveries with a token and a lease; they stay queued.
2. Just before the request of one leaves, that one is marked SENDING, by the token.
3. No transaction is open while the provider is called.
4. What the provider answered is recorded by the same token, together with the mark of the next.

So a worker that dies leaves at most one delivery in doubt, and what it had claimed is free again
when the lease runs out. A worker that comes back late finds another token and changes nothing.
"""

import time
from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from notices.audience import suppression
from notices.content import messages
from notices.content.messages import Wording
from notices.delivery import claims, ending, states
from notices.delivery.retry import attempt, leave
from notices.delivery.states import Outcome, keep_try, mark, record, record_patiently
from notices.delivery.turn import Turn
from notices.models import Delivery, State
from notices.providers.base import Provider
from notices.providers.errors import Away, NotSent
from notices.providers.router import Route

SWITCHING = 15  # seconds after which a job asks no further provider

STILL_IN_DOUBT = gettext_noop(
    "No answer came back, and by now its provider would not know it again. It may have arrived."
)


# One delivery


def send_one(delivery_id: int) -> datetime | None:
    """Sends one delivery, unless somebody else does or did; when to try again, if ever."""
    row = Delivery.objects.filter(claims.free(), pk=delivery_id)
    delivery = claims.complete(row).first()
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
    """Settles what must not go any more. `row` is the delivery as long as it is ours to settle."""
    found = objection(delivery)
    if found:
        states.stop(row, *found)
    return found is not None


def objection(delivery: Delivery) -> tuple[State, str] | None:
    """What becomes of a delivery that must not go any more, and why: its time is over, the person
    opted out since it was prepared, or the address is dead. None, when it may go."""
    now = timezone.now()
    if delivery.doubt_until and delivery.doubt_until <= now:
        return State.UNCERTAIN, STILL_IN_DOUBT
    if delivery.expires_at and delivery.expires_at <= now:
        return State.EXPIRED, ending.TOO_LATE
    if reason := suppression.objection(delivery, delivery.message == messages.NOTICE):
        return State.SUPPRESSED, reason
    return None


# Of a notice, one at a time


def send_claimed(claimed: Sequence[Delivery], route: Route, token: str, turn: Turn) -> None:
    """Sends what was claimed by `token` until the turn is over. Raises Away when nobody can carry
    anything."""
    before: Outcome | None = None
    try:
        for delivery in claimed:
            if turn.is_over():
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
