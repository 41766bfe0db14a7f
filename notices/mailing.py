"""A slice of a notice by a mail server, which gives what it accepts no number to keep.

As in deliver.py, but what is kept before each request is not the row itself: it is the worker's
place among the rows that it has in hand and sends in the order of their ids. A row before that
place was accepted, the one at it may have been, and those behind it did not leave. So a worker
that dies leaves one in doubt as ever, and most rows are written to once, many at a time. What did
not go is recorded at once, and is then no longer among those that did.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from notices import deliver, ending, messages
from notices.channels import Route
from notices.channels.base import Provider
from notices.errors import Away, NotSent, Refused, TryLater, Unknown
from notices.models import Delivery, Notice, Slice, State
from notices.outcome import leave, meaning
from notices.record import LEASE, Outcome, mark, patiently, record
from notices.turn import Turn

CHUNK = 1000
ACCEPTED: dict[str, Any] = {
    "state": State.SENT, "reason": "", "provider_ref": "", "not_before": None, "token": None,
}  # fmt: skip
LOST = gettext_noop("The worker stopped while it was sending this. It may have arrived.")


def send_claimed(claimed: Sequence[Delivery], route: Route, token: str, turn: Turn) -> None:
    """As deliver.send_claimed, of what is held by the slice `token`, in the order of the ids."""
    accepted = 0  # the last that was
    notice = claimed[0].notice
    assert notice
    for delivery in claimed:
        if turn.is_over():
            break
        if changes := deliver.objection(delivery):
            held(delivery, token).update(**changes)
            continue
        form, words = messages.form(notice, delivery)
        try:
            carrier = route.choose(delivery, form)
        except Away:
            patiently(partial(settle, token, accepted))
            raise
        except NotSent as nobody:
            leave(delivery, held(delivery, token), nobody)
            continue
        if not stand_at(delivery, carrier, token):
            break
        try:
            carrier.send_filled(delivery, form, words)
        except (Refused, TryLater, Unknown) as answer:
            patiently(partial(put_aside, meaning(answer, delivery, carrier, 1), carrier, token))
        else:
            accepted = delivery.pk
    patiently(partial(settle, token, accepted))


def held(delivery: Delivery, token: str) -> QuerySet[Delivery]:
    """The row as long as it is ours to change."""
    return Delivery.objects.filter(pk=delivery.pk, state=State.QUEUED, token=token)


def stand_at(delivery: Delivery, carrier: Provider, token: str) -> bool:
    """Says that the request for this row is about to leave; False when the notice was
    cancelled, or the sweep took the worker for dead."""
    until = connection.ops.adapt_datetimefield_value(timezone.now() + LEASE)
    with connection.cursor() as cursor:  # once for each message: the ORM takes ten times as long
        cursor.execute(
            "UPDATE notices_slice SET at = %s, provider = %s, lease_until = %s WHERE token = %s AND"
            " EXISTS (SELECT 1 FROM notices_notice WHERE id = notice_id AND state = %s)",
            [delivery.pk, carrier.name, until, token, Notice.State.SENDING],
        )
        return bool(cursor.rowcount)


def put_aside(outcome: Outcome, carrier: Provider, token: str) -> None:
    """Records one that was not accepted."""
    with transaction.atomic():
        mark(held(outcome.delivery, token), carrier, token)
        record(outcome, token)


def settle(token: str, accepted: int) -> None:
    """Records those that were accepted, up to the last, and lets the others go."""
    rows = Delivery.objects.filter(token=token)
    with transaction.atomic():
        if mine := Slice.objects.select_for_update().filter(token=token).first():
            gone = rows.filter(pk__lte=accepted, state=State.QUEUED)
            gone.update(**now_tried(mine), **ACCEPTED)
            release(token)
        else:  # the sweep was quicker, and called the last uncertain
            rows.filter(pk=accepted, state=State.UNCERTAIN).update(**ACCEPTED)


def settle_lost() -> None:
    """Settles the slices of workers that died."""
    late = Slice.objects.filter(lease_until__lt=timezone.now())
    for token, notice_id in late.values_list("token", "notice_id")[:CHUNK]:
        with transaction.atomic():
            lost = late.select_for_update(skip_locked=True).filter(token=token).first()
            if lost:
                rows = Delivery.objects.filter(token=token, state=State.QUEUED)
                known = now_tried(lost)
                rows.filter(pk__lt=lost.at).update(**known, **ACCEPTED)
                rows.filter(pk=lost.at).update(**known, state=State.UNCERTAIN, reason=LOST)
                release(token)
        ending.finish(notice_id)


def now_tried(slice_: Slice) -> dict[str, Any]:
    now = timezone.now()
    return {"provider": slice_.provider, "tries": F("tries") + 1, "changed_at": now}


def release(token: str) -> None:
    Delivery.objects.filter(token=token, state=State.QUEUED).update(token=None)
    Slice.objects.filter(token=token).delete()
