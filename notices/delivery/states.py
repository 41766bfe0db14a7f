"""What became of a delivery, and how it is kept: by the token of the worker that has it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import OperationalError, connection
from django.db.models import Case, CharField, F, Q, QuerySet, Value, When
from django.utils import timezone

from notices.audience import suppression
from notices.models import Delivery, Notice, State, Try
from notices.providers.base import Provider

LEASE = timedelta(seconds=30)  # longer than a provider may take over one message
SENT: dict[str, Any] = {
    "state": State.SENT, "reason": "", "not_before": None, "doubt_until": None, "token": None,
    "lease_until": None,
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What became of one delivery, not yet recorded. `reason`: why it was not sent."""

    delivery: Delivery
    state: State
    reason: str = ""
    carrier: str = ""  # the provider's name
    provider_ref: str = ""
    not_before: datetime | None = None
    doubt_until: datetime | None = None  # so long its provider alone may be asked again
    counts: bool = True  # as a try; not when the provider was away for everybody
    not_now: bool = False  # said the provider: another one may be asked
    suppress: str = ""  # the provider says so of the address: "dead" or "opted_out"


def mark(row: QuerySet[Delivery], carrier: Provider, token: str) -> bool:
    """Says that the request is about to leave; False when the row is not ours to send. The number
    that another provider gave it goes, or a report of this one would seem to be about an earlier
    try; not when that one may have the message."""
    now = timezone.now()
    keeps = Q(provider=carrier.name) | Q(doubt_until__isnull=False)
    return bool(
        row.update(
            state=State.SENDING,
            token=token,
            lease_until=now + LEASE,
            tries=F("tries") + 1,
            provider=carrier.name,
            provider_ref=Case(When(keeps, then=F("provider_ref")), default=Value("")),
            changed_at=now,
        )
    )


def record_patiently(outcome: Outcome, token: str) -> None:
    patiently(partial(record, outcome, token))


def patiently(keep: Callable[[], None]) -> None:
    """Keeps what only we know also when the database is away for a while."""
    until = time.monotonic() + LEASE.total_seconds() / 2
    while True:
        try:
            return keep()
        except OperationalError:
            if time.monotonic() > until:
                raise
            connection.close()
            time.sleep(0.5)


def record_all(outcomes: Sequence[Outcome], token: str) -> None:
    """As record() for each; those that were sent by one statement."""
    if refs := {one.delivery.pk: one.provider_ref for one in outcomes if one.state == State.SENT}:
        numbers = (When(pk=pk, then=Value(ref[:100])) for pk, ref in refs.items() if ref)
        ours(token).filter(pk__in=refs).update(
            **SENT,
            provider_ref=Case(*numbers, default=Value(""), output_field=CharField()),
            changed_at=timezone.now(),
        )
    for one in outcomes:
        if one.state != State.SENT:
            record(one, token)


def ours(token: str) -> QuerySet[Delivery]:
    """Those of which we alone know what became of them."""
    return Delivery.objects.filter(token=token, state__in=(State.SENDING, State.UNCERTAIN))


def record(outcome: Outcome, token: str) -> None:
    """Stores what became of a delivery, if the token is still ours. A row that the sweep called
    uncertain in the meantime learns the truth."""
    changes: dict[str, Any] = {} if outcome.state == State.UNCERTAIN else {"token": None}
    if not outcome.counts:
        changes["tries"] = F("tries") - 1
    row = ours(token).filter(pk=outcome.delivery.pk)
    recorded = row.update(
        state=outcome.state,
        reason=outcome.reason[:255],
        provider_ref=outcome.provider_ref[:100],
        not_before=outcome.not_before,
        doubt_until=outcome.doubt_until,
        changed_at=timezone.now(),
        lease_until=None,
        **changes,
    )
    notice_id = outcome.delivery.notice_id
    if recorded and notice_id and outcome.state == State.QUEUED:
        # The sweep may have called it uncertain, and the notice ended with that: it goes on.
        Notice.objects.filter(pk=notice_id, state=Notice.State.FINISHED).update(
            state=Notice.State.SENDING, finished_at=None
        )
    if recorded and (kind := suppression.KIND_OF_REFUSAL.get(outcome.suppress)):
        suppression.add(outcome.delivery.channel, outcome.delivery.address, kind, outcome.reason)
    if recorded and outcome.state != State.SENT:
        keep_try(outcome)


def keep_try(outcome: Outcome) -> None:
    """What a try answered. A provider that is away says the same for hours: that is kept once."""
    if outcome.counts or outcome.reason != outcome.delivery.reason:
        Try.objects.create(
            delivery=outcome.delivery, provider=outcome.carrier, reason=outcome.reason[:255]
        )
