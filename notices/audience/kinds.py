"""The kinds of notices, and who left which.

A kind is left for all channels. Whoever left a whole channel gets nothing there, whatever its kind.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.apps import apps
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext_noop

from notices import channels
from notices.audience import hashes
from notices.audience.recipients import canonical
from notices.channels import Channel
from notices.models import Content, Kind, Leaving
from signup import groups
from signup.models import User

__all__ = [
    "LEFT", "among", "can_be_left", "choose", "default", "ensure", "erase", "leavable", "leave",
    "left", "left_by", "left_by_users", "of", "of_person", "offered", "recall",
]  # fmt: skip

LEFT = gettext_noop("Left this kind of notices.")
ALWAYS = {
    Kind.Part.DEFAULT: gettext_noop("General"),
    Kind.Part.IMPORTANT: gettext_noop("Important"),
}


def ensure(**options: Any) -> None:
    """Makes the two that are always there, after migrations and whenever tables were emptied."""
    try:
        model = options.get("apps", apps).get_model("notices", "Kind")
    except LookupError:  # at an earlier migration
        return
    for position, (part, name) in enumerate(ALWAYS.items()):
        facts = {"name": name, "key": groups.key_of(name), "position": position}
        model.objects.get_or_create(part=part, defaults=facts)


def offered() -> QuerySet[Kind]:
    """What a new notice may be of."""
    return Kind.objects.filter(retired_at=None)


def leavable() -> QuerySet[Kind]:
    return Kind.objects.exclude(part=Kind.Part.IMPORTANT)


def default() -> Kind | None:
    return Kind.objects.filter(part=Kind.Part.DEFAULT).first()


def of(content: Content) -> Kind | None:
    return content.kind or default()


def can_be_left(content: Content) -> bool:
    return content.kind is None or content.kind.can_be_left


# Of one notice


def those_who_left(content: Content) -> QuerySet[Leaving]:
    """The kind of this notice or schedule."""
    always = Kind.objects.filter(part=Kind.Part.DEFAULT).values("pk")
    return Leaving.objects.filter(kind=content.kind_id or Subquery(always))


def left(content: Content, user: str, address: str) -> Q:
    """For a query that has a user's number and an address in these columns: who left."""
    rows = those_who_left(content)
    by_user = Exists(rows.filter(user=OuterRef(user)))
    return Q(by_user) | Q(Exists(rows.filter(address=OuterRef(address))))


def left_by_users(content: Content, channel: Channel) -> Q:
    """For a query of users: who left. As sets, which the database makes once."""
    rows = those_who_left(content)
    users = rows.filter(user__isnull=False).values("user")
    addresses = rows.filter(address__isnull=False).values("address")
    return Q(pk__in=users) | Q(**{f"{channel.user_field}__in": addresses})


def among(
    content: Content, users: Iterable[User], addresses: Collection[str]
) -> tuple[set[int], set[str | None]]:
    """Of these the users and the addresses that left."""
    pks = [user.pk for user in users]
    written = {each: each for each in addresses}
    for each in filter(None, addresses):
        written |= dict.fromkeys(hashes.of(channels.of(each).name, each), each)
    rows = those_who_left(content).filter(Q(user__in=pks) | Q(address__in=written))
    found = list(rows.values_list("user", "address"))
    left = {written.get(address or "") for _user, address in found}
    return {user for user, _address in found} - {None}, left


# Of one person


def of_person(user: User | None, addresses: Iterable[str]) -> QuerySet[Leaving]:
    own = Q(address__in=list(map(canonical, addresses)))
    return Leaving.objects.filter(own | Q(user=user) if user else own)


def erase(user: User, addresses: Iterable[tuple[str, str]]) -> None:
    """What somebody left holds on for a hash of each address; `addresses`: with their channels."""
    for channel, address in addresses:
        rows = Leaving.objects.filter(address=canonical(address))
        hashed = hashes.of(channel, address)[0]
        gone = set(rows.values_list("kind", flat=True))
        Leaving.objects.bulk_create(Leaving(kind_id=kind, address=hashed) for kind in gone)
        rows.delete()
    Leaving.objects.filter(user=user).delete()


def recall(named: Mapping[str, str]) -> None:
    """The hashes among the keys are the addresses again that they are of."""
    for row in Leaving.objects.filter(address__in=named):
        row.address = named[str(row.address)]
        row.save(update_fields=["address"])


def left_by(user: User | None, addresses: Iterable[str]) -> QuerySet[Kind]:
    return Kind.objects.filter(pk__in=of_person(user, addresses).values("kind"))


def leave(kind: Kind, user: User | None, addresses: Iterable[str]) -> None:
    """Nobody leaves what cannot be left."""
    gone = of_person(user, addresses).filter(kind=kind)
    if not kind.can_be_left or gone.exists():
        return
    rows = [
        Leaving(kind=kind, user=user, address=address and canonical(address))
        for address in (*addresses, *([] if addresses else [None]))
    ]
    Leaving.objects.bulk_create(rows, ignore_conflicts=True)


def come_back(kind: Kind, user: User | None, addresses: Iterable[str]) -> None:
    found = of_person(user, addresses).filter(kind=kind)
    own = Q(user=user) | Q(user=None)
    # Somebody else had the address before: they have still left.
    found.exclude(own).update(address=None)
    found.filter(own).delete()


def choose(user: User | None, addresses: Collection[str], names: Collection[str]) -> None:
    """Has the person left exactly those of the kinds that are offered. One that was retired
    meanwhile is left, too."""
    for kind in leavable():
        if kind.name in names:
            leave(kind, user, addresses)
        elif kind.retired_at is None:
            come_back(kind, user, addresses)
