"""What providers report, applied to the deliveries in bulk, whatever the order and the number.

A report is stored by the door that took it and applied here later. States only move forward, and
bad news wins: what was delivered may bounce afterwards, what bounced is not delivered any more.
"""

import logging
import re
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta

from django.db import transaction
from django.db.models import F

from config import clock
from notices.audience import recipients, suppression
from notices.channels import EMAIL
from notices.delivery import brake, erasure, finish, restored, states
from notices.models import OPEN, Delivery, FailedAttempt, Notice, Receipt, State, Suppression

__all__ = ["OPT_OUTS", "service", "store", "take"]

BATCH = 1000
TURN = 5.0  # seconds: other jobs of the queue wait no longer
PATIENCE = timedelta(days=1)  # how long a receipt waits for its delivery

Kind = Receipt.Kind
# From weak to strong: kind of the receipt -> the delivery's new state, and from which it may move.
# Bad news does not move what is queued: it is about an earlier try, and another one is to come.
MOVES = {
    Kind.DEFERRED: (State.SENT, (State.SENT,)),
    Kind.DELIVERED: (State.DELIVERED, (*OPEN, State.UNCERTAIN, State.SENT, State.FAILED,
                                       State.EXPIRED)),
    Kind.BOUNCED: (State.BOUNCED, (State.SENDING, State.UNCERTAIN, State.SENT, State.DELIVERED)),
}  # fmt: skip
OPT_OUTS = {
    Kind.COMPLAINED: Suppression.Kind.COMPLAINED,
    Kind.UNSUBSCRIBED: Suppression.Kind.UNSUBSCRIBED,
    Kind.STOP: Suppression.Kind.STOP,
}
TOOK_BACK = "START"

log = logging.getLogger(__name__)


def store(receipts: Collection[Receipt]) -> None:
    """Keeps what was reported; what was reported before is kept once."""
    Receipt.objects.bulk_create(receipts, ignore_conflicts=True)


def take() -> bool:
    """Applies what is stored, for some seconds at most; whether more is left."""
    until = time.monotonic() + TURN
    while taken := take_batch():
        if time.monotonic() > until:
            return True
        if taken < BATCH:
            break
    return False


def take_batch() -> int:
    """Applies the oldest receipts, each side by side with nobody: the rows are locked."""
    with transaction.atomic():
        due = Receipt.objects.filter(handled_at=None, due_at__lte=clock.now())
        batch = list(due.select_for_update().order_by("id")[:BATCH])
        found = match(batch)
        waiting = [each for each in batch if must_wait(each, found.get(each.pk))]
        move(batch, found)
        list_addresses(batch, found)
        count_complaints(batch, found)
        look_again(waiting)
        forget_erased(batch, found)
        done = {each.pk for each in batch} - {each.pk for each in waiting}
        Receipt.objects.filter(pk__in=done).update(handled_at=clock.now())
    for notice_id in {each.notice_id for each in found.values() if each.state in OPEN}:
        if notice_id:
            finish.finish(notice_id)
    for notice_id in {found[each.pk].notice_id for each in batch if is_bad(each, found)}:
        if notice_id:
            brake.look(notice_id)
    return len(batch)


# Whose it is


def service(provider: str) -> str:
    """twilio-2 is a second account at twilio, and reports at the same door."""
    return re.sub(r"-\d+$", "", provider)


def has_it(receipt: Receipt, delivery: Delivery) -> bool:
    """Whether the provider that reports was the last to be asked. What goes by SMTP may go to any
    email provider."""
    now = service(delivery.provider)
    by_smtp = now == "smtp" and receipt.channel == EMAIL
    return by_smtp or now == service(receipt.provider)


def asked_before(
    batch: Iterable[Receipt], by_number: Mapping[int, Delivery]
) -> set[tuple[int, str]]:
    """The delivery's id and the provider, of those whose reports come though another was asked
    since. Nobody else may report of a delivery by its number, which is easily guessed."""
    switched = [
        each.delivery_number
        for each in batch
        if (row := by_number.get(each.delivery_number)) and not has_it(each, row)
    ]
    if not switched:
        return set()
    tries = FailedAttempt.objects.filter(delivery_id__in=switched).values_list(
        "delivery_id", "provider"
    )
    before = {(number, service(provider)) for number, provider in tries}
    # After a restore nobody knows who was asked.
    unasked = Delivery.objects.filter(pk__in=switched, provider="", tries=0)
    forgotten = set(unasked.filter(notice__in=restored.notices()).values_list("pk", flat=True))
    return before | {
        (each.delivery_number, service(each.provider))
        for each in batch
        if each.delivery_number in forgotten
    }


def match(batch: Iterable[Receipt]) -> dict[int, Delivery]:
    """Receipt's id -> its delivery, by our own number if the provider gave it back, else by the
    provider's."""
    rows = Delivery.objects.only(
        "id", "notice_id", "channel", "address", "state", "provider", "provider_ref"
    )
    numbers = {each.delivery_number for each in batch if each.delivery_number}
    refs = {ref for each in batch if not each.delivery_number for ref in refs_of(each)}
    by_number = rows.in_bulk(numbers) if numbers else {}
    by_ref = defaultdict(list)
    # The second condition is what the index is for.
    for row in rows.filter(provider_ref__in=refs).exclude(provider_ref="") if refs else ():
        by_ref[service(row.provider), row.provider_ref].append(row)
    before = asked_before(batch, by_number)
    found = {}
    for each in batch:
        if each.delivery_number:
            numbered = by_number.get(each.delivery_number)
            rows_of_it = [numbered] if numbered else []
        else:
            of = service(each.provider)
            rows_of_it = [row for ref in refs_of(each) for row in by_ref[of, ref]]
        fitting = [
            row
            for row in rows_of_it
            if is_about(each, row)
            and (has_it(each, row) or (row.pk, service(each.provider)) in before)
        ]
        if len(fitting) == 1:
            found[each.pk] = fitting[0]
    return found


def is_about(receipt: Receipt, delivery: Delivery) -> bool:
    """Another Bellhop may share the provider's account: then its numbers are like ours."""
    there, ours = map(recipients.canonical, (receipt.address, delivery.address))
    same = not there or not ours or there == ours
    return same and receipt.channel == delivery.channel


def refs_of(receipt: Receipt) -> set[str]:
    return {receipt.ref, receipt.own_ref} - {""}


def is_about_earlier_try(receipt: Receipt, delivery: Delivery) -> bool:
    now = delivery.provider_ref
    other = bool(now and receipt.ref and now not in refs_of(receipt))
    return other or not has_it(receipt, delivery)


# What it changes


def must_wait(receipt: Receipt, delivery: Delivery | None) -> bool:
    """Bad news about a message in hand may be about this try or an earlier one: the number in the
    provider's answer, which is still to come, will tell."""
    if receipt.kind not in MOVES:
        return False
    if delivery is None:
        return True
    if receipt.kind != Kind.BOUNCED or delivery.state not in OPEN:
        return False
    known = delivery.provider_ref in refs_of(receipt)
    return delivery.state == State.QUEUED or (has_it(receipt, delivery) and not known)


def move(batch: Iterable[Receipt], found: dict[int, Delivery]) -> None:
    groups = defaultdict(list)
    for each in batch:
        delivery = found.get(each.pk)
        if delivery is None or each.kind not in MOVES or must_wait(each, delivery):
            continue
        if each.ref and not delivery.provider_ref and has_it(each, delivery):
            Delivery.objects.filter(pk=delivery.pk, provider_ref="").update(provider_ref=each.ref)
        if each.kind != Kind.DELIVERED and is_about_earlier_try(each, delivery):
            continue
        reason = "" if each.kind == Kind.DELIVERED else each.reason
        if not delivery.address:
            reason = erasure.ERASED
        groups[each.kind, reason].append(delivery.pk)
    for kind, (state, before) in MOVES.items():
        for reason in sorted(words for each, words in groups if each == kind):
            rows = Delivery.objects.filter(pk__in=groups[kind, reason])
            states.report(rows, state, before, reason)


def list_addresses(batch: Iterable[Receipt], found: dict[int, Delivery]) -> None:
    """In the order in which they came: STOP, then START, is no STOP."""
    pending: list[Suppression] = []
    for each in batch:
        delivery = found.get(each.pk)
        address = delivery.address if delivery else each.address  # as it is looked for
        kind = listed_as(each)
        # A receipt that waits for its delivery lists its address once, not at every look.
        if delivery and kind and not address:  # they were erased: what they say holds, as a hash
            suppression.add_hashed(each.channel, each.address, kind)
        elif address and kind and (each.looks == 0 or not each.address):
            pending.append(
                Suppression(channel=each.channel, address=address, kind=kind, note=each.reason)
            )
        if each.kind == Kind.START:
            suppression.add_all(pending)
            pending = []
            suppression.active(each.channel, address).filter(kind=Suppression.Kind.STOP).update(
                lifted_at=clock.now(), lift_reason=TOOK_BACK
            )
    suppression.add_all(pending)


def is_bad(receipt: Receipt, found: Mapping[int, Delivery]) -> bool:
    """Of an email of ours: what may stop those after it."""
    told = receipt.dead if receipt.kind == Kind.BOUNCED else receipt.kind == Kind.COMPLAINED
    return told and receipt.channel == EMAIL and receipt.pk in found


def count_complaints(batch: Iterable[Receipt], found: Mapping[int, Delivery]) -> None:
    complained = [each for each in batch if each.kind == Kind.COMPLAINED and is_bad(each, found)]
    for notice_id, number in Counter(found[each.pk].notice_id for each in complained).items():
        Notice.objects.filter(pk=notice_id or 0).update(complaints=F("complaints") + number)


def forget_erased(batch: Iterable[Receipt], found: dict[int, Delivery]) -> None:
    """A late report of somebody who was erased brings their address back to nobody."""
    late = [each.pk for each in batch if each.pk in found and not found[each.pk].address]
    Receipt.objects.filter(pk__in=late).delete()


def listed_as(receipt: Receipt) -> Suppression.Kind | None:
    if receipt.kind == Kind.BOUNCED and receipt.dead:
        is_email = receipt.channel == EMAIL
        return Suppression.Kind.BOUNCED if is_email else Suppression.Kind.DEAD
    return OPT_OUTS.get(Kind(receipt.kind))


def look_again(waiting: Iterable[Receipt]) -> None:
    """Soon at first, then less often, and no more after a day."""
    now = clock.now()
    given_up = [each.pk for each in waiting if each.at < now - PATIENCE]
    again = defaultdict(list)
    for each in waiting:
        again[each.looks].append(each.pk)
    for looks, numbers in again.items():
        pause = timedelta(seconds=min(5 * 2**looks, 3600))
        Receipt.objects.filter(pk__in=numbers).update(looks=looks + 1, due_at=now + pause)
    if given_up:
        Receipt.objects.filter(pk__in=given_up).update(handled_at=now)
        log.info("%d receipts were about no delivery of ours.", len(given_up))
