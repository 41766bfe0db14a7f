"""The suppression list: the addresses that are not to be told any more, and why."""

from collections.abc import Collection
from functools import reduce
from operator import or_

from django.db.models import Case, CharField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.utils.translation import gettext_noop

from config import clock
from notices.audience.recipients import canonical
from notices.channels import CHANNELS
from notices.models import DEAD, Delivery, Suppression
from signup.models import User

__all__ = [
    "CAME_BACK", "KIND_OF_REFUSAL", "OPTED_OUT", "WORDS", "active", "add", "add_all", "among",
    "lift", "objection", "stopped_by", "words_against",
]  # fmt: skip

Kind = Suppression.Kind
OPTED_OUT = tuple(kind for kind in Kind if kind not in DEAD)
NOT_WANTED = "not wanted"  # beside the kinds of suppression
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
    return Suppression.objects.filter(channel=channel, address=canonical(address), lifted_at=None)


def add(channel: str, address: str, kind: str, note: str = "") -> None:
    """Puts an address on the list, unless it stands there for that reason already."""
    add_all([Suppression(channel=channel, address=address, kind=kind, note=note[:255])])


def add_all(rows: Collection[Suppression]) -> None:
    for each in rows:
        each.address = canonical(each.address)
    Suppression.objects.bulk_create(rows, ignore_conflicts=True)


def lift(suppression_id: int, by: User, reason: str) -> bool:
    """Takes a row off the list; False when somebody else did."""
    return bool(
        Suppression.objects.filter(pk=suppression_id, lifted_at=None).update(
            lifted_at=clock.now(), lifted_by=by, lift_reason=reason[:255]
        )
    )


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
    rows = Suppression.objects.filter(channel=channel, address__in=addresses, lifted_at=None)
    return {address: WORDS[Kind(kind)] for address, kind in rows.values_list("address", "kind")}


def stopped_by() -> Case:
    """For a query of deliveries: why one must not be sent, or null; see `objection`."""
    unwanted = (
        Q(channel=channel.name, **{f"user__{channel.wants_field}": False})
        for channel in CHANNELS.values()
        if channel.wants_field
    )
    of_will = Q(notice__isnull=False) | Q(message__in=("message", "test"))
    return Case(
        When(reduce(or_, unwanted) & of_will, then=Value(NOT_WANTED)),
        default=kind_against("address"),
        output_field=CharField(),
    )


def objection(delivery: Delivery, is_notice: bool) -> str:
    """Why the person must not be told, in words, or an empty text. An opt-out stops notices only,
    a dead address stops everything. The delivery carries the annotation `stopped_by`."""
    kind = getattr(delivery, "stopped_by", None)
    if kind == NOT_WANTED:
        return CHANNELS[delivery.channel].unwanted
    if kind is None or (kind not in DEAD and not is_notice):
        return ""
    return WORDS[Kind(kind)]
