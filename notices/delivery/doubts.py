"""A notice pauses itself when nobody knows any more what becomes of its messages: each further one
would be uncertain, too, and only a person may send those again."""

import logging
from collections.abc import Sequence

from notices.delivery import claims, states
from notices.delivery.states import Outcome
from notices.models import Delivery, State

__all__ = ["pause"]

IN_A_ROW = 5
# What an answer came for, or is still under way.
OTHERS = (State.SENDING, State.SENT, State.DELIVERED, State.BOUNCED, State.FAILED)
log = logging.getLogger(__name__)


def pause(outcomes: Sequence[Outcome]) -> None:
    """Pauses the notice of these outcomes, which are recorded, if of so many requests in a row
    nobody knows what became, for the same reason, and not all were under way at once."""
    for one in outcomes:
        if one.state == State.UNCERTAIN and one.delivery.notice_id and is_one_of_many(one):
            if states.pause(one.delivery.notice_id, one.reason):
                log.warning("Notice %d paused: %s", one.delivery.notice_id, one.reason)
            return


def is_one_of_many(one: Outcome) -> bool:
    last = one.delivery
    assert last.notice_id
    alike = claims.in_state(last.notice_id, State.UNCERTAIN, last.channel).filter(
        pk__lte=last.pk, reason=one.reason[:255]
    )
    many = IN_A_ROW * one.together
    found = list(alike.order_by("-channel", "-id").values_list("pk", "changed_at")[:many])
    if len(found) < many or between(last, found[-1][0]):
        return False
    # Those that were open side by side have one cause, after which another provider may carry.
    return one.asked_at is None or min(known_at for _pk, known_at in found) < one.asked_at


def between(last: Delivery, first: int) -> bool:
    """Whether of those from `first` on, in the order in which they are sent, any is not uncertain.
    In a stream what was accepted stays queued until the end of the slice."""
    assert last.notice_id
    rows = [claims.in_state(last.notice_id, state, last.channel) for state in OTHERS]
    rows.append(claims.in_state(last.notice_id, State.QUEUED, last.channel).exclude(token=None))
    return any(each.filter(pk__gt=first, pk__lt=last.pk).exists() for each in rows)
