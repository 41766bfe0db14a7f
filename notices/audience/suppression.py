"""The suppression list: the addresses that are not to be told any more, and why.

Of somebody who was erased a row has a hash in place of the address (hashes.py). It holds whenever
the address is asked about by itself; and it gets the address back when a person has it again, or a
program names it, so that the statements about a million people need no hash.
"""

from collections.abc import Collection
from functools import reduce
from operator import or_
from typing import Any

from django.db import transaction
from django.db.models import Case, CharField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils.translation import gettext_noop

from config import clock
from notices.audience import hashes, kinds
from notices.audience.recipients import canonical
from notices.channels import CHANNELS
from notices.models import DEAD, Delivery, Notice, Suppression
from signup import security
from signup.models import User, reachable

__all__ = [
    "CAME_BACK", "KIND_OF_REFUSAL", "OPTED_OUT", "WORDS", "active", "add", "add_all", "add_hashed",
    "among", "erase", "lift", "objection", "recall", "stopped_by", "without_key", "words_against",
]  # fmt: skip

Kind = Suppression.Kind
OPTED_OUT = tuple(kind for kind in Kind if kind not in DEAD)
NOT_WANTED, KIND_LEFT = "not wanted", "kind left"  # beside the kinds of suppression
# Kept as the reason of the deliveries that they stop.
WORDS = {
    Kind.BOUNCED: gettext_noop("An earlier email to this address came back."),
    Kind.DEAD: gettext_noop("The provider says that this address does not exist."),
    Kind.COMPLAINED: gettext_noop("Complained about an earlier notice."),
    Kind.UNSUBSCRIBED: gettext_noop("Unsubscribed."),
    Kind.STOP: gettext_noop("Answered STOP."),
}
CAME_BACK = gettext_noop("The person wants notices again.")
# What a refusal of a provider may carry as its `suppress`.
KIND_OF_REFUSAL = {"dead": Kind.DEAD, "opted_out": Kind.STOP}


def active(channel: str, address: str) -> QuerySet[Suppression]:
    """The rows against an address, however an older row or link writes it."""
    kept = [canonical(address), *hashes.of(channel, address)]
    return Suppression.objects.filter(channel=channel, address__in=kept, lifted_at=None)


def add(channel: str, address: str, kind: str, note: str = "") -> None:
    """Puts an address on the list, unless it stands there for that reason already."""
    add_all([Suppression(channel=channel, address=address, kind=kind, note=note[:255])])


def add_all(rows: Collection[Suppression]) -> None:
    for each in rows:
        each.address = canonical(each.address)
    Suppression.objects.bulk_create(rows, ignore_conflicts=True)


def lift(suppression_id: int, by: User | None, reason: str) -> bool:
    """Takes a row off the list; False when somebody else did."""
    standing = Suppression.objects.filter(pk=suppression_id, lifted_at=None)
    with transaction.atomic():
        if not standing.update(lifted_at=clock.now(), lifted_by=by, lift_reason=reason[:255]):
            return False
        security.tell("lifted", suppression=suppression_id)
    return True


def rows_against(address: str, channel: str | OuterRef) -> QuerySet[Suppression]:
    """For a query whose rows have an address in the column `address`. A dead address comes first,
    since it stops more."""
    rows = Suppression.objects.filter(channel=channel, address=OuterRef(address), lifted_at=None)
    return rows.order_by(Case(When(kind__in=DEAD, then=0), default=1))


def kind_against(address: str, channel: str = "") -> Subquery:
    """Why an address gets no notices, or null; by the query's own column when no channel is
    named."""
    rows = rows_against(address, channel or OuterRef("channel"))
    return Subquery(rows.values("kind")[:1])


def words_against(address: str, channel: str) -> Subquery:
    """The same in words."""
    words = Case(
        *(When(kind=kind, then=Value(text)) for kind, text in WORDS.items()),
        output_field=CharField(),
    )
    rows = rows_against(address, channel).annotate(words=words)
    return Subquery(rows.values("words")[:1])


def among(channel: str, addresses: Collection[str]) -> dict[str, str]:
    """Address -> why, in words, for those that get no notices."""
    named = {hashed: one for one in addresses for hashed in hashes.of(channel, one)}
    named |= {one: one for one in addresses}
    rows = Suppression.objects.filter(channel=channel, address__in=named, lifted_at=None)
    return {
        named[address]: WORDS[Kind(kind)] for address, kind in rows.values_list("address", "kind")
    }


def stopped_by(notice: Notice | None = None) -> Case:
    """For a query of deliveries: why one must not be sent, or null; see `objection`. `notice`: that
    all of them are of."""
    unwanted = (
        Q(channel=channel.name, **{f"user__{channel.wants_field}": False})
        for channel in CHANNELS.values()
        if channel.wants_field
    )
    of_will = Q(notice__isnull=False) | Q(message__in=("message", "test"))
    against: Subquery | Coalesce = kind_against("address")
    if notice:
        gone = Case(When(kinds.left(notice, "user", "address"), then=Value(KIND_LEFT)))
        against = Coalesce(against, gone, output_field=CharField())
    return Case(
        When(reduce(or_, unwanted) & of_will, then=Value(NOT_WANTED)),
        default=against,
        output_field=CharField(),
    )


def objection(delivery: Delivery, is_notice: bool) -> str:
    """Why the person must not be told, in words, or an empty text. An opt-out stops notices only,
    a dead address stops everything. The delivery carries the annotation `stopped_by`."""
    kind = getattr(delivery, "stopped_by", None)
    if kind == NOT_WANTED:
        return CHANNELS[delivery.channel].unwanted
    if kind == KIND_LEFT:
        return kinds.LEFT
    if kind is None or (kind not in DEAD and not is_notice):
        return ""
    return WORDS[Kind(kind)]


# Of people who were erased


def erase(channel: str, address: str) -> int:
    """What holds against an address holds on as a hash; what was lifted is forgotten. How many
    rows that is."""
    rows = Suppression.objects.filter(channel=channel, address=canonical(address))
    rows.exclude(lifted_at=None).delete()
    kinds = list(rows.values_list("kind", flat=True))
    for kind in kinds:
        add_hashed(channel, address, kind)
    rows.delete()
    return len(kinds)


def add_hashed(channel: str, address: str, kind: str) -> None:
    if address and not active(channel, address).filter(kind=kind, address__startswith="#").exists():
        hashed = hashes.of(channel, address)[0]
        Suppression.objects.bulk_create(
            [Suppression(channel=channel, address=hashed, kind=kind)], ignore_conflicts=True
        )


def recall(channel: str, addresses: Collection[str]) -> None:
    """The hashes of these are addresses again."""
    named = {hashed: one for one in addresses if one for hashed in hashes.of(channel, one)}
    if not named:
        return
    kinds.recall(named)
    found = Suppression.objects.filter(channel=channel, address__in=named, lifted_at=None)
    for row in found:
        with transaction.atomic():
            add(channel, named[row.address], row.kind)
            Suppression.objects.filter(pk=row.pk).delete()


@receiver(post_save, sender=User)
def recall_of_one(instance: User, update_fields: Collection[str] | None, **kwargs: Any) -> None:
    for channel in CHANNELS.values():
        if update_fields is None or channel.user_field in update_fields:
            recall(channel.name, [str(getattr(instance, channel.user_field) or "")])


@receiver(reachable)
def recall_of_many(users: Collection[User], **kwargs: Any) -> None:
    for channel in CHANNELS.values():
        recall(channel.name, [str(getattr(user, channel.user_field) or "") for user in users])


def without_key() -> int:
    """How many hold no more: they were hashed with a key that is not named any more."""
    rows = Suppression.objects.filter(address__startswith="#", lifted_at=None)
    for beginning in hashes.known_keys():
        rows = rows.exclude(address__startswith=beginning)
    return rows.count()
