"""A slice of a notice by a service that takes many messages in one call.

As in deliver.py, but marked, sent and recorded together. The price: when the answer to a call is
lost, or the worker dies during it, all of that call are in doubt and not one.
"""

import time
from collections.abc import Iterator, Sequence
from itertools import groupby

from django.db import OperationalError, connection, transaction

from notices import deliver, messages
from notices.channels.base import Provider
from notices.deliver import Outcome
from notices.errors import NotSent, Refused, TryLater, Unknown
from notices.models import Delivery, State

SHRINK = 8  # after each refusal of a whole call, until the one that spoils it stands alone


def send_claimed(claimed: Sequence[Delivery], carrier: Provider, token: str, until: float) -> None:
    """As deliver.send_claimed, many in one call when the provider can."""
    alone: list[Delivery] = []
    for group in groups(claimed, carrier):
        if len(group) == 1:
            alone += group
        elif time.monotonic() < until:
            send_group(group, carrier, token)
    deliver.send_claimed(alone, carrier, token, until)


def groups(claimed: Sequence[Delivery], carrier: Provider) -> Iterator[list[Delivery]]:
    """What may share a call: one language, all with a link to unsubscribe or none, nobody twice."""
    seen = {""}
    together: list[Delivery] = []
    for delivery in claimed:
        person = carrier.joins(delivery) if carrier.batch else ""
        if person in seen:
            yield [delivery]
        else:
            seen.add(person)
            together.append(delivery)
    for (tries, *_rest), alike in groupby(sorted(together, key=kind), kind):
        found, size = list(alike), max(1, carrier.batch // SHRINK**tries)
        yield from (found[first : first + size] for first in range(0, len(found), size))


def kind(delivery: Delivery) -> tuple[int, str, bool]:
    linked = bool(messages.words_of(delivery).unsubscribe)
    return delivery.tries, delivery.language, linked


def send_group(group: Sequence[Delivery], carrier: Provider, token: str) -> None:
    """Raises TryLater when the channel cannot be reached."""
    held = Delivery.objects.filter(state=State.QUEUED, token=token)
    wanted = [one for one in group if not deliver.settle_objection(one, held.filter(pk=one.pk))]
    carrier.open()
    pks = {one.pk for one in wanted}
    with transaction.atomic():
        deliver.mark(held.filter(pk__in=pks), carrier, token)
        sending = Delivery.objects.filter(pk__in=pks, state=State.SENDING, token=token)
        ours = set(sending.values_list("pk", flat=True))
    wanted = [one for one in wanted if one.pk in ours]  # without what was cancelled meanwhile
    if not wanted:
        return
    try:
        answers = carrier.send_together(wanted, messages.merge(wanted))
    except Refused as refusal:
        if len(wanted) > 1:  # whose fault it was shows in smaller calls
            sending.update(state=State.QUEUED, token=None, lease_until=None)
            return
        answers = [refusal]
    except (TryLater, Unknown) as problem:
        answers = [problem] * len(wanted)
    record([outcome(*pair, carrier) for pair in zip(wanted, answers, strict=True)], token)


def outcome(delivery: Delivery, answer: str | NotSent, carrier: Provider) -> Outcome:
    match answer:
        case TryLater():
            return deliver.put_off(delivery, answer, carrier)
        case Unknown():
            return deliver.in_doubt(delivery, answer, carrier)
        case NotSent():
            return Outcome(delivery, State.FAILED, answer.reason, carrier.name)
    return Outcome(delivery, State.SENT, "", carrier.name, answer)


def record(outcomes: Sequence[Outcome], token: str) -> None:
    try:
        with transaction.atomic():
            for each in outcomes:
                deliver.record(each, token)
    except OperationalError:
        connection.close()
        for each in outcomes:
            deliver.record_patiently(each, token)
