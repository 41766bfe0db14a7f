"""How a notice ends: nothing of it is open any more, somebody cancelled it, or its time is over."""

import logging
import time

from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery

from notices.channels import CHANNELS
from notices.delivery import claims, states
from notices.models import OPEN, Notice, State, StreamCursor

__all__ = ["cancel_queued", "expire_queued", "finish", "stop_queued"]

CHUNK = 5000  # deliveries settled in one transaction
log = logging.getLogger(__name__)


def finish(notice_id: int, *channels: str) -> bool:
    """Ends a notice of which nothing is open any more; whether it did. `channels`: where something
    is likeliest to be left."""
    # All of this is cheap, and mostly says no; the last statement decides.
    for channel in channels or CHANNELS:
        if claims.further(notice_id, channel).values("pk")[:1]:
            return False
    queued, sending = (claims.in_state(notice_id, state).values("pk")[:1] for state in OPEN)
    notice = Notice.objects.alias(queued=Subquery(queued), sending=Subquery(sending))
    over = notice.filter(queued=None, sending=None, pk=notice_id)
    if not (over.exists() and states.finish(over)):
        return False
    log.info("Notice %d is finished.", notice_id)
    return True


def cancel_queued(notice_id: int, seconds: float = 5) -> int:
    """Settles what is still queued of a notice that was cancelled, and says how many. After
    `seconds` it leaves the rest to the sweep."""
    if not Notice.objects.filter(pk=notice_id, state=Notice.State.CANCELLED).exists():
        return 0
    return stop_queued(notice_id, State.CANCELLED, None, seconds)


def stop_queued(notice_id: int, state: State, reason: str | None, seconds: float = 5) -> int:
    """Settles what is queued, for some seconds: a million take half a minute. What a stream has
    claimed has perhaps left: its worker stops, and settles it first."""
    # No join: PostgreSQL would not look again at a row that is being sent meanwhile. And no
    # waiting for such a row, which waits for one of ours: a worker settles it after its slice.
    streamed = StreamCursor.objects.filter(notice_id=notice_id, token=OuterRef("token"))
    queued = claims.in_state(notice_id, State.QUEUED).filter(~Exists(streamed))
    until, settled = time.monotonic() + seconds, 0
    while True:
        with transaction.atomic():
            chunk = states.stop(claims.unlocked(queued, CHUNK), state, reason)
        settled += chunk
        if chunk < CHUNK or time.monotonic() > until:
            return settled


def expire_queued(notice_id: int) -> None:
    """Settles a chunk of what is still queued of a notice whose time is over."""
    queued = claims.in_state(notice_id, State.QUEUED).filter(token=None)
    with transaction.atomic():
        states.stop(claims.unlocked(queued, CHUNK), State.EXPIRED, claims.TOO_LATE)
