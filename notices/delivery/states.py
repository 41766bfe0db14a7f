"""The only writer of a delivery's and a notice's state: each way from one state to another has a
name here, says from which states it goes, and which columns it sets and clears.

What a worker does to a delivery it does by its token; what others do, they do to rows that nobody
is sending. Every transition answers how many rows it changed: believe that, not what was read.

    queued --mark--> sending --record--> sent, failed, uncertain, expired, or queued again
    queued --stop--> cancelled, suppressed, expired, failed, uncertain
    queued --put_off--> queued, later
    queued --accept_streamed--> sent, or --lose_streamed--> uncertain (stream.py: no mark before)
    sending --rescue--> queued, or --lose--> uncertain: its worker died
    uncertain --resend--> queued: a person decided
    sent ... --report--> delivered, bounced: a provider reported (receipts/apply.py)

    notice: waiting --prepare--> preparing --start_sending--> sending --finish--> finished
    waiting, preparing, sending --cancel--> cancelled; waiting --expire--> expired
    finished --reopen--> sending
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import OperationalError, connection
from django.db.models import Case, CharField, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_noop

from notices.audience import suppression
from notices.models import UNFINISHED, Delivery, Notice, Slice, State, Try
from notices.providers.base import Provider

LEASE = timedelta(seconds=30)  # longer than a provider may take over one message
log = logging.getLogger(__name__)
LOST = gettext_noop("The worker stopped while it was sending this. It may have arrived.")
FREE: dict[str, Any] = {"token": None, "lease_until": None}  # nobody's
DONE: dict[str, Any] = FREE | {"not_before": None, "doubt_until": None}
SENT: dict[str, Any] = DONE | {"state": State.SENT, "reason": ""}


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
    if outcomes and log.isEnabledFor(logging.DEBUG):
        counts = Counter(one.state.value for one in outcomes)
        log.debug("Recorded: %s.", ", ".join(f"{n} {state}" for state, n in counts.items()))


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
        reopen(notice_id)
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


# Without its worker's answer


def stop(rows: QuerySet[Delivery], state: State, reason: str | None = None) -> int:
    """Of queued ones: nothing more is done about them. Without a reason they keep theirs."""
    changes = {} if reason is None else {"reason": reason}
    queued = rows.filter(state=State.QUEUED)
    return queued.update(state=state, changed_at=timezone.now(), **DONE, **changes)


def put_off(rows: QuerySet[Delivery], again: datetime, reason: str) -> int:
    """Of queued ones that nobody could be asked about: they wait, and it costs no try."""
    queued, now = rows.filter(state=State.QUEUED), timezone.now()
    return queued.update(not_before=again, reason=reason, changed_at=now, **FREE)


def rescue(rows: QuerySet[Delivery], since: datetime) -> int:
    """Of those that a worker was sending when it died, and that may go again. `since`: when they
    were last touched, as the sweep shall see it."""
    return late(rows).update(state=State.QUEUED, changed_at=since, **FREE)


def lose(rows: QuerySet[Delivery]) -> int:
    """Of the others. They keep the token: a worker that lives after all tells the truth."""
    now = timezone.now()
    return late(rows).update(state=State.UNCERTAIN, reason=LOST, lease_until=None, changed_at=now)


def late(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    return rows.filter(state=State.SENDING, lease_until__lt=timezone.now())


def resend(rows: QuerySet[Delivery]) -> int:
    """A person decided it: as if it had never been tried. That its provider would have known it
    again until some moment is over, too, or the next slice would call it uncertain once more."""
    uncertain, now = rows.filter(state=State.UNCERTAIN), timezone.now()
    return uncertain.update(state=State.QUEUED, tries=0, changed_at=now, **DONE)


def report(rows: QuerySet[Delivery], state: State, before: Collection[State], reason: str) -> int:
    """A provider reported, about those in one of the states `before`."""
    known, now = rows.filter(state__in=before), timezone.now()
    return known.update(state=state, reason=reason, changed_at=now, **FREE)


# In a stream, where the slice keeps the place and not each row (stream.py)


def accept_streamed(rows: QuerySet[Delivery], slice_: Slice) -> int:
    queued = rows.filter(state=State.QUEUED)
    return queued.update(**tried_by(slice_), **SENT, provider_ref="")


def lose_streamed(rows: QuerySet[Delivery], slice_: Slice) -> int:
    """Keeps the token, as `lose` does."""
    queued = rows.filter(state=State.QUEUED)
    return queued.update(**tried_by(slice_), state=State.UNCERTAIN, reason=LOST)


def tell_streamed(rows: QuerySet[Delivery]) -> int:
    """The sweep was quicker and called it uncertain; it was accepted."""
    uncertain, now = rows.filter(state=State.UNCERTAIN), timezone.now()
    return uncertain.update(**SENT, provider_ref="", changed_at=now)


def tried_by(slice_: Slice) -> dict[str, Any]:
    now = timezone.now()
    return {"provider": slice_.provider, "tries": F("tries") + 1, "changed_at": now}


# A notice


def accept(notice: Notice) -> None:
    """A new one, which waits for its time. Does not save."""
    notice.state = Notice.State.WAITING


def prepare(due: QuerySet[Notice]) -> int:
    now, before = timezone.now(), (Notice.State.WAITING, Notice.State.PREPARING)
    return due.filter(state__in=before).update(
        state=Notice.State.PREPARING, started_at=Coalesce("started_at", now), rung_at=now
    )


def start_sending(notice_id: int) -> int:
    preparing = Notice.objects.filter(pk=notice_id, state=Notice.State.PREPARING)
    return preparing.update(state=Notice.State.SENDING, rung_at=timezone.now())


def finish(notices: QuerySet[Notice]) -> int:
    sending = notices.filter(state=Notice.State.SENDING)
    return sending.update(state=Notice.State.FINISHED, finished_at=timezone.now())


def reopen(notice_id: int, **changes: Any) -> int:
    """Something of it goes again, or an SMS follows. `changes`: of the notice besides."""
    finished = Notice.objects.filter(pk=notice_id, state=Notice.State.FINISHED)
    return finished.update(state=Notice.State.SENDING, finished_at=None, **changes)


def expire(due: QuerySet[Notice]) -> int:
    """Its time is over before anything of it began."""
    now = timezone.now()
    over = due.filter(state=Notice.State.WAITING, not_after__lte=now)
    return over.update(state=Notice.State.EXPIRED, finished_at=now)


def cancel(notice_id: int) -> int:
    unfinished = Notice.objects.filter(pk=notice_id, state__in=UNFINISHED)
    return unfinished.update(state=Notice.State.CANCELLED, finished_at=timezone.now())
