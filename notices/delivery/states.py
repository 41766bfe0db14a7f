"""The only writer of a delivery's and a notice's state: each way from one state to another has a
name here, says from which states it goes, and which columns it sets and clears.

What a worker does to a delivery it does by its token; what others do, they do to rows that no
worker has, but for what a provider reports. Every transition answers how many rows it changed:
believe that, not what was read.

    queued --claim--> queued, with a token and a lease; --release--> queued, nobody's
    queued --mark--> sending --record--> sent, failed, uncertain, expired, or queued again
    queued --stop--> cancelled, suppressed, expired, failed, uncertain
    queued --put_off--> queued, later
    queued --accept_streamed--> sent, or --lose_streamed--> uncertain: in a stream the cursor moves
                                (advance) and not each row (stream.py)
    sending --rescue--> queued, or --lose--> uncertain: its worker died
    uncertain, failed, bounced, sent, delivered --resend--> queued: a person decided
    sent ... --report--> delivered, bounced: a provider reported (receipts/apply.py)

    notice: draft --save_draft--> draft --send_draft--> waiting; --discard_draft--> gone
    waiting, awaiting, changing --take_back--> draft
    waiting --await_approval--> awaiting --let_go--> waiting: a second person approved it
    waiting --prepare--> preparing --start_sending--> sending --finish--> finished
    waiting, awaiting --hold--> changing --let_go--> waiting: a person edits it
    preparing, sending --pause--> paused --resume--> as it was
    waiting, awaiting, changing, preparing, sending, paused --cancel--> cancelled
    waiting --expire--> expired
    finished --reopen--> sending
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import Any

from django.db import connection
from django.db.models import Case, CharField, Expression, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_noop

from config import clock
from notices.audience import suppression
from notices.delivery.limits import LEASE_SECONDS
from notices.models import (
    NOT_STARTED,
    RESENDABLE,
    UNFINISHED,
    Delivery,
    FailedAttempt,
    Notice,
    State,
    StreamCursor,
)
from notices.providers.base import Provider

__all__ = [
    "LEASE",
    "Outcome",
    "accept_streamed",
    "advance",
    "await_approval",
    "cancel",
    "claim",
    "discard_draft",
    "expire",
    "finish",
    "hold",
    "keep_attempt",
    "let_go",
    "lose",
    "lose_streamed",
    "mark",
    "pause",
    "prepare",
    "put_off",
    "record",
    "record_all",
    "release",
    "renew",
    "reopen",
    "report",
    "rescue",
    "resend",
    "resume",
    "save_draft",
    "send_draft",
    "start_sending",
    "stop",
    "take_back",
    "tell_streamed",
]

LEASE = timedelta(seconds=LEASE_SECONDS)
LOST = gettext_noop("The worker stopped while it was sending this. It may have arrived.")
IN_DOUBT = gettext_noop("No answer came back when it was sent. It may have arrived.")
FREE: dict[str, Any] = {"token": None, "lease_until": None}  # nobody's
DONE: dict[str, Any] = FREE | {"not_before": None, "doubt_until": None}
SENT: dict[str, Any] = DONE | {"state": State.SENT, "reason": ""}


@dataclass(frozen=True)
class Outcome:
    """What became of one delivery, not yet recorded. `reason`: why it was not sent."""

    delivery: Delivery
    state: State
    reason: str = ""
    provider: str = ""  # its name
    message_id: str = ""  # the provider's, or the request's under which it is to be asked again
    not_before: datetime | None = None
    doubt_until: datetime | None = None  # so long its provider alone may be asked again
    counts: bool = True  # as a try; not when the provider was away for everybody
    not_now: bool = False  # said the provider: another one may be asked
    together: int = 1  # deliveries of which one request was lost
    asked_at: datetime | None = None  # when that began; None: after the one before was answered
    suppress: str = ""  # the provider says so of the address: "dead" or "opted_out"


# By the worker that has the token


def claim(rows: QuerySet[Delivery], token: str, *, for_good: bool = False) -> int:
    """`for_good`: until it is released, and not until a lease is over."""
    until = None if for_good else clock.now() + LEASE
    return rows.filter(state=State.QUEUED).update(token=token, lease_until=until)


def release(token: str, but: int = 0) -> int:
    """Of what was claimed, what did not leave, `but` this one."""
    return Delivery.objects.filter(token=token, state=State.QUEUED).exclude(pk=but).update(**FREE)


def mark(rows: QuerySet[Delivery], provider: Provider, token: str, version: int = 0) -> int:
    """Says that the request is about to leave; rows that it does not count are not ours to send.
    The message id that another provider gave goes, or a report of this one would seem to be about
    an earlier try; not when that one may have the message. `version`: of the notice's text."""
    now = clock.now()
    keeps = Q(provider=provider.name) | Q(doubt_until__isnull=False)
    return rows.filter(state__in=(State.QUEUED, State.SENDING)).update(
        state=State.SENDING,
        token=token,
        lease_until=now + LEASE,
        tries=F("tries") + 1,
        provider=provider.name,
        version=version,
        provider_ref=Case(When(keeps, then=F("provider_ref")), default=Value("")),
        changed_at=now,
    )


def record_all(outcomes: Sequence[Outcome], token: str) -> None:
    """As record() for each; those that were sent by one statement."""
    if ids := {one.delivery.pk: one.message_id for one in outcomes if one.state == State.SENT}:
        given = ByNumber({pk: text[:100] for pk, text in ids.items() if text})
        marked(token).filter(pk__in=ids).update(**SENT, provider_ref=given, changed_at=clock.now())
    for one in outcomes:
        if one.state != State.SENT:
            record(one, token)


class ByNumber(Expression):
    """A text for each row, by its number; else an empty one. Django's own Case and When take as
    long for hundreds as all else that is done for them."""

    def __init__(self, texts: dict[int, str]) -> None:
        super().__init__(output_field=CharField())
        self.texts = texts

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        if not self.texts:
            return "''", ()
        cases = "WHEN %s THEN %s " * len(self.texts)
        values: tuple[int | str, ...] = tuple(chain.from_iterable(self.texts.items()))
        return f"CASE {connection.ops.quote_name('id')} {cases}ELSE '' END", values


def marked(token: str) -> QuerySet[Delivery]:
    """Those of which the token's worker alone knows what became of them."""
    return Delivery.objects.filter(token=token, state__in=(State.SENDING, State.UNCERTAIN))


def record(outcome: Outcome, token: str) -> None:
    """Stores what became of a delivery, if the token is still ours. A row that the sweep called
    uncertain in the meantime learns the truth."""
    changes: dict[str, Any] = {} if outcome.state == State.UNCERTAIN else {"token": None}
    if not outcome.counts:
        changes["tries"] = F("tries") - 1
    recorded = (
        marked(token)
        .filter(pk=outcome.delivery.pk)
        .update(
            state=outcome.state,
            reason=outcome.reason[:255],
            provider_ref=outcome.message_id[:100],
            not_before=outcome.not_before,
            doubt_until=outcome.doubt_until,
            changed_at=clock.now(),
            lease_until=None,
            **changes,
        )
    )
    notice_id = outcome.delivery.notice_id
    if recorded and notice_id and outcome.state == State.QUEUED:
        # The sweep may have called it uncertain, and the notice ended with that: it goes on.
        reopen(notice_id)
    if recorded and (kind := suppression.KIND_OF_REFUSAL.get(outcome.suppress)):
        suppression.add(outcome.delivery.channel, outcome.delivery.address, kind, outcome.reason)
    if recorded and outcome.state != State.SENT:
        keep_attempt(outcome)


def keep_attempt(outcome: Outcome) -> None:
    """What a try answered. A provider that is away or busy says the same for hours: that is kept
    once."""
    if outcome.state != State.QUEUED or outcome.reason != outcome.delivery.reason:
        FailedAttempt.objects.create(
            delivery=outcome.delivery, provider=outcome.provider, reason=outcome.reason[:255]
        )


# Without its worker's answer


def stop(rows: QuerySet[Delivery], state: State, reason: str | None = None) -> int:
    """Of queued ones: nothing more is done about them. Without a reason they keep theirs. What its
    provider may have is uncertain, whatever stops it."""
    told = F("reason") if reason is None else Value(reason)
    of_doubt = told if state == State.UNCERTAIN else Value(IN_DOUBT)
    return rows.filter(state=State.QUEUED).update(
        state=Case(When(doubt_until=None, then=Value(state.value)), default=Value("uncertain")),
        reason=Case(When(doubt_until=None, then=told), default=of_doubt),
        changed_at=clock.now(),
        **DONE,
    )


def put_off(rows: QuerySet[Delivery], again: datetime, reason: str) -> int:
    """Of queued ones that nobody could be asked about: they wait, and it costs no try."""
    queued, now = rows.filter(state=State.QUEUED), clock.now()
    return queued.update(not_before=again, reason=reason, changed_at=now, **FREE)


def rescue(rows: QuerySet[Delivery], since: datetime) -> int:
    """Of those that a worker was sending when it died, and that may go again. `since`: when they
    were last touched, as the sweep shall see it."""
    late = rows.filter(state=State.SENDING, lease_until__lt=clock.now())
    return late.update(state=State.QUEUED, changed_at=since, **FREE)


def lose(rows: QuerySet[Delivery]) -> int:
    """Of the others. They keep the token: a worker that lives after all tells the truth."""
    now = clock.now()
    late = rows.filter(state=State.SENDING, lease_until__lt=now)
    return late.update(state=State.UNCERTAIN, reason=LOST, lease_until=None, changed_at=now)


def resend(rows: QuerySet[Delivery]) -> int:
    """A person decided it: as if it had never been tried. That its provider would have known it
    again until some moment is over, too, or the next slice would call it uncertain once more. What
    was answered clearly is another message to its provider."""
    again, now = rows.filter(state__in=RESENDABLE), clock.now()
    known = Case(When(state=State.UNCERTAIN, then=F("provider_ref")), default=Value(""))
    return again.update(
        state=State.QUEUED, tries=0, provider_ref=known, reason="", changed_at=now, **DONE
    )


def report(rows: QuerySet[Delivery], state: State, before: Collection[State], reason: str) -> int:
    """A provider reported, about those in one of the states `before`."""
    told = FREE | {"state": state, "reason": reason, "changed_at": clock.now()}
    return rows.filter(state__in=before).update(**told)


# In a stream (stream.py)

# Said before each message, and so by a bare statement: the ORM takes ten times as long.
ADVANCE = """UPDATE notices_slice SET at = %s, provider = %s, lease_until = %s WHERE token = %s
    AND EXISTS (SELECT 1 FROM notices_notice WHERE id = notice_id AND state = %s)"""


def advance(delivery: Delivery, provider: Provider, token: str) -> bool:
    """Says that the request for this row is about to leave; False when the notice was cancelled,
    or the sweep took the worker for dead."""
    until = lease_from(int(clock.unix()))
    sending = Notice.State.SENDING.value
    with connection.cursor() as cursor:
        cursor.execute(ADVANCE, [delivery.pk, provider.name, until, token, sending])
        return bool(cursor.rowcount)


def renew(token: str) -> None:
    """Its worker lives: it waits for an answer."""
    until = clock.now() + LEASE
    StreamCursor.objects.filter(token=token).update(lease_until=until)


@lru_cache(maxsize=1)
def lease_from(second: int) -> Any:
    """When a lease that begins then (unix time) is over, as the database takes it."""
    return connection.ops.adapt_datetimefield_value(datetime.fromtimestamp(second, UTC) + LEASE)


def accept_streamed(rows: QuerySet[Delivery], cursor: StreamCursor) -> int:
    return rows.filter(state=State.QUEUED).update(**tried_by(cursor), **SENT, provider_ref="")


def lose_streamed(rows: QuerySet[Delivery], cursor: StreamCursor) -> int:
    """Keeps the token, as `lose` does."""
    lost = {"state": State.UNCERTAIN, "reason": LOST}
    return rows.filter(state=State.QUEUED).update(**tried_by(cursor), **lost)


def tell_streamed(rows: QuerySet[Delivery]) -> int:
    """The sweep was quicker and called it uncertain; it was accepted."""
    sent = SENT | {"provider_ref": "", "changed_at": clock.now()}
    return rows.filter(state=State.UNCERTAIN).update(**sent)


def tried_by(cursor: StreamCursor) -> dict[str, Any]:
    tried = {"provider": cursor.provider, "tries": F("tries") + 1, "version": cursor.version}
    return tried | {"changed_at": clock.now()}


# A notice


def draft(notice_id: int, version: int) -> QuerySet[Notice]:
    """Nothing, when somebody else saved, sent or discarded it since."""
    return Notice.objects.filter(pk=notice_id, draft_version=version, state=Notice.State.DRAFT)


def save_draft(notice_id: int, version: int, **changes: Any) -> int:
    saved = {"draft_version": F("draft_version") + 1, "saved_at": clock.now()}
    return draft(notice_id, version).update(**changes, **saved)


def send_draft(notice_id: int, version: int, **changes: Any) -> int:
    """What it lacks is written by `changes`, or in the same transaction (lifecycle.accept)."""
    return draft(notice_id, version).update(state=Notice.State.WAITING, **changes)


def take_back(notice_id: int, **changes: Any) -> int:
    """It has not started, and is a draft again: whoever sends it checks it anew."""
    before = Notice.objects.filter(pk=notice_id, state__in=NOT_STARTED, in_question_since=None)
    saved = {"draft_version": F("draft_version") + 1, "saved_at": clock.now()}
    return before.update(state=Notice.State.DRAFT, checked_version=0, **changes, **saved)


def discard_draft(notice_id: int, version: int) -> int:
    return draft(notice_id, version).delete()[0]


def hold(notice_id: int) -> int:
    """Somebody changes it: it does not start before it is let go."""
    before = (Notice.State.WAITING, Notice.State.AWAITING)
    waiting = Notice.objects.filter(pk=notice_id, state__in=before)
    return waiting.update(state=Notice.State.CHANGING)


def let_go(notice_id: int, **changes: Any) -> int:
    before = (Notice.State.CHANGING, Notice.State.AWAITING)
    held = Notice.objects.filter(pk=notice_id, state__in=before)
    return held.update(state=Notice.State.WAITING, **changes)


def await_approval(due: QuerySet[Notice]) -> int:
    """Nobody starts it, or rings for it, before it is let go."""
    return due.filter(state=Notice.State.WAITING).update(state=Notice.State.AWAITING)


def prepare(due: QuerySet[Notice]) -> int:
    now, before = clock.now(), (Notice.State.WAITING, Notice.State.PREPARING)
    return due.filter(state__in=before).update(
        state=Notice.State.PREPARING, started_at=Coalesce("started_at", now), active_at=now
    )


def start_sending(notice_id: int) -> int:
    preparing = Notice.objects.filter(pk=notice_id, state=Notice.State.PREPARING)
    return preparing.update(state=Notice.State.SENDING, active_at=clock.now())


def finish(notices: QuerySet[Notice]) -> int:
    sending = notices.filter(state=Notice.State.SENDING)
    return sending.update(state=Notice.State.FINISHED, finished_at=clock.now())


def pause(notice_id: int, reason: str = "") -> int:
    """A stream sees it before the next message leaves, requests at the end of their slice."""
    begun = (Notice.State.PREPARING, Notice.State.SENDING)
    return Notice.objects.filter(pk=notice_id, state__in=begun).update(
        paused_from=F("state"),
        state=Notice.State.PAUSED,
        paused_at=clock.now(),
        pause_reason=reason[:255],
    )


def resume(notice_id: int) -> int:
    paused = Notice.objects.filter(pk=notice_id, state=Notice.State.PAUSED)
    return paused.update(state=F("paused_from"), paused_from=None, active_at=clock.now())


def reopen(notice_id: int, **changes: Any) -> int:
    """Something of it goes again, or an SMS follows. `changes`: of the notice besides."""
    finished = Notice.objects.filter(pk=notice_id, state=Notice.State.FINISHED)
    return finished.update(state=Notice.State.SENDING, finished_at=None, **changes)


def expire(due: QuerySet[Notice]) -> int:
    """Its time is over before anything of it began."""
    over = due.filter(state=Notice.State.WAITING, not_after__lte=clock.now())
    return over.update(state=Notice.State.EXPIRED, finished_at=clock.now())


def cancel(notice_id: int) -> int:
    unfinished = Notice.objects.filter(pk=notice_id, state__in=UNFINISHED)
    return unfinished.update(state=Notice.State.CANCELLED, finished_at=clock.now())
