"""How a notice ends: nothing is open any more, or somebody cancelled it."""

from django.db import connection, transaction
from django.db.models import Exists
from django.utils import timezone

from notices.models import OPEN, Delivery, Notice, State


def cancel_queued(notice_id: int) -> int:
    """Settles what is still queued of a notice that was cancelled, and says how many."""
    if not Notice.objects.filter(pk=notice_id, state=Notice.State.CANCELLED).exists():
        return 0
    # No join: PostgreSQL would not look again at a row that is being sent meanwhile. And no
    # waiting for such a row, which waits for one of ours: a worker settles it after its slice.
    queued = Delivery.objects.filter(notice_id=notice_id, state=State.QUEUED)
    if connection.features.has_select_for_update_skip_locked:
        free_rows = queued.select_for_update(skip_locked=True).values("pk")
        queued = Delivery.objects.filter(pk__in=free_rows)
    with transaction.atomic():
        return queued.update(state=State.CANCELLED, changed_at=timezone.now())


def finish(notice_id: int) -> None:
    """Ends a notice of which nothing is open any more."""
    opened = Delivery.objects.filter(notice_id=notice_id, state__in=OPEN)
    if not opened.exists():  # cheap, and mostly false; the statement below decides
        Notice.objects.filter(~Exists(opened), pk=notice_id, state=Notice.State.SENDING).update(
            state=Notice.State.FINISHED, finished_at=timezone.now()
        )
