"""Which deliveries may be sent now, and how a worker claims some of them.

A claim is a token on a row that stays queued. It holds until the lease is over, or, in a stream,
until the cursor is settled. Whoever comes back later than that finds the token gone, and changes
nothing.
"""

import logging

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_noop

from config import clock
from notices.audience import suppression
from notices.content import messages
from notices.delivery import states
from notices.models import Delivery, Notice, State, StreamCursor
from queueing.redis import ask, raise_to

__all__ = [
    "AT_ONCE",
    "TOO_LATE",
    "any_free",
    "claim",
    "claim_rows",
    "complete",
    "free",
    "further",
    "in_state",
    "places",
    "settle_objection",
    "unlocked",
]

AT_ONCE = 50  # deliveries of a notice that are claimed at a time
KEY = "bellhop:claimed:{}:{}"  # Redis key, of a notice and channel: the last id that was claimed
KEPT = 3600  # seconds
AGAIN = 30  # seconds after which a claim begins at the first id again: with what is to be retried
# What it takes to send one of a notice: a row is twice as wide.
READ = (
    "message", "notice", "user", "channel", "address", "name", "values", "language", "origin",
    "state", "reason", "tries", "created_at", "expires_at", "provider", "provider_ref",
    "doubt_until",
)  # fmt: skip
TOO_LATE = gettext_noop("Its time was over before it could be sent.")
REMOVED = gettext_noop("This person's account was removed before it could be sent.")
STILL_IN_DOUBT = gettext_noop(
    "No answer came back, and by now its provider would not know it again. It may have arrived."
)
log = logging.getLogger(__name__)


def free() -> Q:
    """Queued, due, and claimed by nobody."""
    now = clock.now()
    return Q(
        Q(token=None) | Q(lease_until__lt=now),
        Q(not_before=None) | Q(not_before__lte=now),
        state=State.QUEUED,
    )


def in_state(notice_id: int, state: State, channel: str = "") -> QuerySet[Delivery]:
    """Those of a notice, by one channel or all. Asked like this, only its index has them in order:
    else PostgreSQL, where it expects many, reads the table from its beginning until it has met
    enough. With "=" for a channel the order would be that of the number alone."""
    rows = Delivery.objects.filter(notice_id=notice_id, state=state).order_by("channel", "id")
    return rows.filter(channel__range=(channel, channel)) if channel else rows


def further(notice_id: int, channel: str) -> QuerySet[Delivery]:
    """The queued ones behind the last that was claimed. Whoever holds a snapshot (pg_dump, a
    forgotten psql) keeps all those before as dead entries of the index, and PostgreSQL would walk
    over them each time. A hint: nobody there does not mean that nobody is left."""
    upto = ask(lambda redis: int(redis.get(KEY.format(notice_id, channel)) or 0)) or 0
    return in_state(notice_id, State.QUEUED, channel).filter(pk__gt=upto)


def places(notice_id: int, channel: str) -> list[QuerySet[Delivery]]:
    """Where to look for queued ones, one place after another."""
    return [further(notice_id, channel), in_state(notice_id, State.QUEUED, channel)]


def any_free(notice_id: int, channel: str) -> bool:
    return any(rows.filter(free()).values("pk")[:1] for rows in places(notice_id, channel))


def begins_again(notice_id: int, channel: str) -> bool:
    key = f"{KEY.format(notice_id, channel)}:again"
    return bool(ask(lambda redis: redis.set(key, 1, nx=True, ex=AGAIN)))


def unlocked(rows: QuerySet[Delivery], most: int | None = None) -> QuerySet[Delivery]:
    """Of the rows those that nobody else is writing to. In a transaction."""
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True)
    elif most is None:
        return rows
    # A list and no subquery: PostgreSQL may run that once for each row, and skips those that it
    # has locked before, so that there is no limit any more.
    return Delivery.objects.filter(pk__in=list(rows.values_list("pk", flat=True)[:most]))


def complete(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """With all that sending a single one, which has no notice, needs to know."""
    return rows.select_related("user", "verification").annotate(stopped_by=suppression.stopped_by())


def claim(
    notice: Notice, channel: str, token: str, most: int = AT_ONCE, *, streamed: bool = False
) -> list[Delivery]:
    """Claims what is due of a notice, the first ids first, and what is due again twice a minute, or
    when nothing else is left. `streamed`: with a cursor that holds them until it is settled, not
    for a time."""
    left = [in_state(notice.pk, State.QUEUED, channel)]
    if not begins_again(notice.pk, channel):
        left = places(notice.pk, channel)
    with transaction.atomic():
        sending = Notice.objects.filter(pk=notice.pk, state=Notice.State.SENDING)
        # Who read the text before it was corrected sends no more of it.
        sending = sending.filter(version=notice.version)
        if not sending.filter(in_question_since=None).exists():
            return []
        claimed: list[Delivery] = []
        while left and not claimed:
            wanted = left.pop(0).filter(free()).annotate(stopped_by=suppression.stopped_by(notice))
            claimed = claim_rows(wanted.only(*READ), token, most, for_good=streamed)
        if claimed and streamed:
            until = clock.now() + states.LEASE
            StreamCursor.objects.create(
                token=token, notice=notice, lease_until=until, version=notice.version
            )
    for delivery in claimed:
        delivery.notice = notice  # one notice, one rendering
    if claimed:
        raise_to(KEY.format(notice.pk, channel), claimed[-1].pk, KEPT)
        log.debug("Notice %d, %s: %d claimed.", notice.pk, channel, len(claimed))
    return claimed


def claim_rows(
    wanted: QuerySet[Delivery], token: str, most: int, *, for_good: bool = False
) -> list[Delivery]:
    """Claims the first that nobody else is about to claim: until the lease is over, or
    `for_good`."""
    with transaction.atomic(savepoint=False):
        claimed = list(wanted.select_for_update(skip_locked=True, of=("self",))[:most])
        rows = Delivery.objects.filter(pk__in=[delivery.pk for delivery in claimed])
        states.claim(rows, token, for_good=for_good)
    return claimed


# What must not go any more


def settle_objection(delivery: Delivery, rows: QuerySet[Delivery]) -> bool:
    """Settles what must not go any more. `rows`: those that are ours to settle."""
    found = objection(delivery)
    if found:
        states.stop(rows.filter(pk=delivery.pk), *found)
    return found is not None


def objection(delivery: Delivery) -> tuple[State, str] | None:
    """What becomes of a delivery that must not go any more, and why: its time is over, the person
    was removed or opted out since it was prepared, or the address is dead. None, when it may go."""
    now = clock.now()
    if delivery.doubt_until and delivery.doubt_until <= now:
        return State.UNCERTAIN, STILL_IN_DOUBT
    if delivery.expires_at and delivery.expires_at <= now:
        return State.EXPIRED, TOO_LATE
    if not delivery.address or is_of_a_person_who_was_removed(delivery):
        return State.CANCELLED, REMOVED
    if reason := suppression.objection(delivery, delivery.message in messages.CAN_BE_LEFT):
        return State.SUPPRESSED, reason
    return None


def is_of_a_person_who_was_removed(delivery: Delivery) -> bool:
    """One of a notice to those who have an account. Who is listed is told all the same."""
    notice = delivery.notice
    return (
        delivery.user_id is None
        and notice is not None
        and notice.audience not in (Notice.Audience.ADDRESSES, Notice.Audience.UPLOAD)
    )
