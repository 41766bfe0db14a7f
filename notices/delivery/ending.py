"""How a notice ends, or stands still: nothing is open any more, somebody cancelled it, its time is
over, or it is quiet at the moment."""

import logging
import time
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext_noop

from notices.delivery import quiet_hours, states
from notices.models import OPEN, Delivery, Notice, Slice, State

CHUNK = 5000
log = logging.getLogger(__name__)
TOO_LATE = gettext_noop("Its time was over before it could be sent.")


def cancel_queued(notice_id: int, seconds: float = 5) -> int:
    """Settles what is still queued of a notice that was cancelled, and says how many. After
    `seconds` it leaves the rest to the sweep: a million take half a minute. What a slice holds has
    perhaps left: its worker stops, and settles it first."""
    if not Notice.objects.filter(pk=notice_id, state=Notice.State.CANCELLED).exists():
        return 0
    # No join: PostgreSQL would not look again at a row that is being sent meanwhile. And no
    # waiting for such a row, which waits for one of ours: a worker settles it after its slice.
    held = Slice.objects.filter(notice_id=notice_id, token=OuterRef("token"))
    queued = in_state(notice_id, State.QUEUED).filter(~Exists(held))
    until, settled = time.monotonic() + seconds, 0
    while True:
        with transaction.atomic():
            chunk = states.stop(unlocked(queued, CHUNK), State.CANCELLED)
        settled += chunk
        if chunk < CHUNK or time.monotonic() > until:
            return settled


def in_state(notice_id: int, state: State, channel: str = "") -> QuerySet[Delivery]:
    """Those of a notice, by one channel or all. Asked like this, only its index has them in order:
    else PostgreSQL, where it expects many, reads the table from its beginning until it has met
    enough. With "=" for a channel the order would be that of the number alone."""
    rows = Delivery.objects.filter(notice_id=notice_id, state=state).order_by("channel", "id")
    return rows.filter(channel__range=(channel, channel)) if channel else rows


def expire_queued(notice_id: int) -> None:
    """Settles a chunk of what is still queued of a notice whose time is over."""
    queued = in_state(notice_id, State.QUEUED).filter(token=None)
    with transaction.atomic():
        states.stop(unlocked(queued, CHUNK), State.EXPIRED, TOO_LATE)


def unlocked(rows: QuerySet[Delivery], most: int | None = None) -> QuerySet[Delivery]:
    """Of the rows those that nobody else is writing to."""
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True)
    elif most is None:
        return rows
    # A list and no subquery: PostgreSQL may run that once for each row, and skips those that it
    # has locked before, so that there is no limit any more.
    return Delivery.objects.filter(pk__in=list(rows.values_list("pk", flat=True)[:most]))


def finish(notice_id: int) -> None:
    """Ends a notice of which nothing is open any more."""
    queued, sending = (in_state(notice_id, state).values("pk")[:1] for state in OPEN)
    if queued or sending:  # cheap, and mostly true; the statement below decides
        return
    notice = Notice.objects.alias(queued=Subquery(queued), sending=Subquery(sending))
    if states.finish(notice.filter(queued=None, sending=None, pk=notice_id)):
        log.info("Notice %d is finished.", notice_id)


def hold(notices: QuerySet[Notice]) -> datetime | None:
    """Holds them in the quiet hours; when those are over, or None to go on."""
    until = quiet_hours.ends(timezone.now())
    if until and notices.filter(in_quiet_hours=False).update(held_until=until):
        return until
    return None
