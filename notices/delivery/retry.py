"""What a provider's answer means for a delivery: sent, never, later, or in doubt."""

import random
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import QuerySet

from config import clock
from notices.content import messages
from notices.delivery import states
from notices.delivery.limits import NEXT_PROVIDER_SECONDS, PAUSE_SECONDS
from notices.delivery.states import Outcome
from notices.models import Delivery, State
from notices.providers.base import Provider, Recognising
from notices.providers.errors import Away, NotSent, Refused, TryLater

__all__ = ["decide", "leave"]

PATIENCE = timedelta(days=1)  # a server that has no room now has some tomorrow
FIRST_BACKOFF = 2  # seconds, for what somebody waits for; a notice begins with a pause
LONGEST_BACKOFF = 1800  # seconds


def decide(answer: str | NotSent, delivery: Delivery, provider: Provider, able: int) -> Outcome:
    """`answer`: the provider's id of the message, or why it did not go. `able`: how many providers
    may be asked to carry it."""
    match answer:
        case str():
            return Outcome(delivery, State.SENT, "", provider.name, answer)
        case Refused():
            # What was asked in doubt may have gone the first time.
            doubtful = delivery.doubt_until and delivery.message not in messages.REPEATABLE
            state, message_id = (
                (State.UNCERTAIN, delivery.provider_ref) if doubtful else (State.FAILED, "")
            )
            reason, suppress = answer.reason, answer.suppress
            return Outcome(delivery, state, reason, provider.name, message_id, suppress=suppress)
        case TryLater() if not delivery.doubt_until:
            return try_later(delivery, answer, provider, able)
    return in_doubt(delivery, answer, provider, able)


def in_doubt(delivery: Delivery, doubt: NotSent, provider: Provider, able: int) -> Outcome:
    """It may have been accepted: to ask again is harmless, or the provider would notice, or
    nobody may."""
    request_id = doubt.request_id or (delivery.provider_ref if delivery.doubt_until else "")
    later = TryLater(doubt.reason, getattr(doubt, "after", None), request_id=request_id)
    if delivery.message in messages.REPEATABLE:
        return try_later(delivery, later, provider, able)
    known_until = delivery.doubt_until
    if not known_until and isinstance(provider, Recognising):
        known_until = provider.recognises_until()
    again = try_later(delivery, later, provider, 1)
    if request_id and known_until and again.not_before and again.not_before < known_until:
        return replace(again, doubt_until=known_until)
    return Outcome(delivery, State.UNCERTAIN, doubt.reason, provider.name, request_id)


def try_later(delivery: Delivery, later: TryLater, provider: Provider, able: int) -> Outcome:
    """Back to queued, unless its time is over, or it was tried for a day. A notice goes to each of
    the `able` providers in turn before there is exponential backoff, with jitter; a single
    delivery has been to all of them by now."""
    counts = not isinstance(later, Away)
    rounds, turn = divmod(delivery.tries + counts, able)
    is_notice, wait = delivery.message == messages.NOTICE, later.after or 0.0
    first = PAUSE_SECONDS if is_notice else FIRST_BACKOFF
    jitter = random.uniform(0.8, 1.2)  # noqa: S311
    if delivery.notice_id and able > 1 and (turn or not counts):
        wait = NEXT_PROVIDER_SECONDS * jitter
    else:
        backoff = min(first * 2 ** min(max(0, rounds - 1), 16), LONGEST_BACKOFF)
        wait = max(wait, backoff * jitter)
    again = clock.now() + timedelta(seconds=wait)
    if counts and again > delivery.created_at + PATIENCE:
        reason = f"Given up after {delivery.tries + 1} tries. {later.reason}"
        return Outcome(delivery, State.FAILED, reason, provider.name, not_now=True)
    if delivery.expires_at and again >= delivery.expires_at:
        reason = f"Its time is over. {later.reason}"
        return Outcome(delivery, State.EXPIRED, reason, provider.name, not_now=True)
    return Outcome(
        delivery,
        State.QUEUED,
        later.reason,
        provider.name,
        later.request_id,
        not_before=again,
        counts=counts,
        not_now=True,
    )


def leave(delivery: Delivery, row: QuerySet[Delivery], nobody: NotSent) -> datetime | None:
    """What becomes of a delivery that no provider could be asked about; when to try again. It
    costs no try. `row` is the delivery as long as it is ours to settle."""
    now, again = clock.now(), None
    if not isinstance(nobody, TryLater):
        state = State.UNCERTAIN if delivery.doubt_until else State.FAILED
    else:
        again = now + timedelta(seconds=nobody.after or PAUSE_SECONDS)
        late = delivery.expires_at is not None and again >= delivery.expires_at
        state, again = (State.EXPIRED, None) if late else (State.QUEUED, again)
    if again:
        states.put_off(row, again, nobody.reason)
    else:
        states.stop(row, state, nobody.reason)
    return again
