"""Which deliveries may be sent now, and how a worker makes some of them its own."""

import logging

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from notices.audience import suppression
from notices.delivery import ending
from notices.delivery.states import LEASE
from notices.models import Delivery, Notice, Slice, State

log = logging.getLogger(__name__)
CLAIM = 50  # deliveries at a time
# What it takes to send one of a notice: a row is twice as wide.
READ = (
    "message", "notice", "channel", "address", "name", "language", "origin", "state", "reason",
    "tries", "expires_at", "provider", "provider_ref", "doubt_until",
)  # fmt: skip


def free() -> Q:
    """Queued, due, and in nobody's hands."""
    now = timezone.now()
    return Q(
        Q(token=None) | Q(lease_until__lt=now),
        Q(not_before=None) | Q(not_before__lte=now),
        state=State.QUEUED,
    )


def complete(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """With all that sending a single one needs to know."""
    return rows.select_related("user", "verification", "notice").annotate(
        stopped_by=suppression.stopped_by()
    )


def claim(
    notice: Notice, channel: str, token: str, many: int = CLAIM, *, in_order: bool = False
) -> list[Delivery]:
    """Takes in hand what is due of a notice, the first ids first. `in_order`: as a slice that
    holds them until it is settled, not for a time."""
    wanted = ending.in_state(notice.pk, State.QUEUED, channel).filter(free())
    wanted = wanted.annotate(stopped_by=suppression.stopped_by()).only(*READ)
    with transaction.atomic():
        if not Notice.objects.filter(pk=notice.pk, state=Notice.State.SENDING).exists():
            return []
        deliveries = hold(wanted, token, many, for_good=in_order)
        if deliveries and in_order:
            until = timezone.now() + LEASE
            Slice.objects.create(token=token, notice=notice, lease_until=until)
    for delivery in deliveries:
        delivery.notice = notice  # one notice, one rendering
    if deliveries:
        log.debug("Notice %d, %s: %d claimed.", notice.pk, channel, len(deliveries))
    return deliveries


def hold(
    wanted: QuerySet[Delivery], token: str, many: int, *, for_good: bool = False
) -> list[Delivery]:
    """Makes the first that nobody else is about to make theirs ours: until the lease is over, or
    `for_good`."""
    with transaction.atomic():
        deliveries = list(wanted.select_for_update(skip_locked=True, of=("self",))[:many])
        Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries]).update(
            token=token, lease_until=None if for_good else timezone.now() + LEASE
        )
    return deliveries


def let_go(token: str) -> int:
    """Of what was claimed, what did not leave; how many that are."""
    queued = Delivery.objects.filter(token=token, state=State.QUEUED)
    return queued.update(token=None, lease_until=None)
