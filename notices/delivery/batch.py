"""A slice of a notice by a service that takes many messages in one call.

As in deliver.py, but marked, sent and recorded together. The price: when the answer to a call is
lost, or the worker dies during it, all of that call are in doubt and not one.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from django.db import OperationalError, connection, transaction
from django.utils.translation import gettext_noop

from notices.audience import preferences
from notices.content import messages
from notices.content.messages import Merge
from notices.delivery import deliver, states
from notices.delivery.retry import meaning
from notices.delivery.states import Outcome
from notices.delivery.turn import Turn
from notices.models import Delivery, State
from notices.providers.base import Provider
from notices.providers.errors import NotSent, Refused, TryLater, Unknown
from notices.providers.router import Route

SHRINK = 8  # after each refusal of a whole call, until the one that spoils it stands alone
SHARED = gettext_noop("The provider refused a call for many. Each goes again with fewer others.")


def send_claimed(claimed: Sequence[Delivery], route: Route, token: str, turn: Turn) -> None:
    """As deliver.send_claimed, many in one call."""
    alone: list[Delivery] = []
    for group in groups(claimed, route.providers[0]):
        if len(group) == 1:
            alone += group
        elif not turn.is_over():
            send_group(group, route, token)
    return deliver.send_claimed(alone, route, token, turn)


def groups(claimed: Sequence[Delivery], carrier: Provider) -> Iterator[list[Delivery]]:
    """What may share a call: one language, all with a link to unsubscribe or none, nobody twice."""
    seen = {""}
    together: list[Delivery] = []
    for delivery in claimed:
        person = carrier.joins(delivery)
        if person in seen:
            yield [delivery]
        else:
            seen.add(person)
            together.append(delivery)
    for (tries, *_rest), alike in groupby(sorted(together, key=kind), kind):
        found, size = list(alike), max(1, carrier.batch // SHRINK**tries)
        yield from (found[first : first + size] for first in range(0, len(found), size))


def kind(delivery: Delivery) -> tuple[int, str, bool]:
    return delivery.tries, delivery.language, bool(preferences.unsubscribe_url(delivery))


def send_group(group: Sequence[Delivery], route: Route, token: str) -> None:
    """Raises Away when the channel cannot be reached."""
    held = Delivery.objects.filter(state=State.QUEUED, token=token)
    wanted = [one for one in group if not deliver.settle_objection(one, held.filter(pk=one.pk))]
    if not wanted:
        return
    merge = messages.merge(wanted)
    carrier = route.choose(wanted[0], merge.wording)
    sending = mark(wanted, carrier, token)
    if sending:
        keep(answers(sending, merge, carrier), token)


def mark(wanted: Sequence[Delivery], carrier: Provider, token: str) -> list[Delivery]:
    """Says that the call is about to leave; those that are still ours to send."""
    held = Delivery.objects.filter(pk__in=[one.pk for one in wanted], token=token)
    with transaction.atomic():
        states.mark(held.filter(state=State.QUEUED), carrier, token)
        ours = set(held.filter(state=State.SENDING).values_list("pk", flat=True))
    return [one for one in wanted if one.pk in ours]


def answers(sending: Sequence[Delivery], merge: Merge, carrier: Provider) -> list[Outcome]:
    found: Sequence[str | NotSent]
    try:
        found = carrier.send_together(sending, merge)
    except Refused as refusal:
        if len(sending) > 1:  # whose fault it was shows in smaller calls
            return [Outcome(one, State.QUEUED, SHARED, carrier.name) for one in sending]
        found = [refusal]
    except (TryLater, Unknown) as problem:
        found = [problem] * len(sending)
    return [meaning(answer, one, carrier, 1) for one, answer in zip(sending, found, strict=True)]


def keep(outcomes: Sequence[Outcome], token: str) -> None:
    try:
        with transaction.atomic():
            states.record_all(outcomes, token)
    except OperationalError:
        connection.close()
        for each in outcomes:
            states.record_patiently(each, token)
