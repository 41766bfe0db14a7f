"""For whom a placeholder of a notice stands for nothing, found before it goes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact

from notices.audience import people
from notices.content import placeholders
from notices.content.written import sources
from notices.delivery.listed import Judged
from notices.models import Notice
from signup.models import Membership, User

__all__ = ["Unfilled", "empty", "holes", "look", "with_values"]

FIRST = 10  # people who are named
GROUPS = "groups"


@dataclass
class Unfilled:
    """`name`: of the placeholder; `people`: the first of them."""

    name: str
    number: int = 0
    people: list[str] = field(default_factory=list)

    def add(self, who: str) -> None:
        self.number += 1
        if len(self.people) < FIRST:
            self.people.append(who)


def empty(notice: Notice, told: QuerySet[User]) -> list[Unfilled]:
    lacks = {name: lacking(name) for name in placeholders.needed(*sources(notice))}
    if not lacks:
        return []
    counted = told.order_by().aggregate(
        **{f"lacks_{at}": Count("pk", filter=each) for at, each in enumerate(lacks.values())}
    )
    found = []
    for at, (name, without) in enumerate(lacks.items()):
        if number := counted[f"lacks_{at}"]:
            first = told.filter(without).order_by("pk")[:FIRST]
            found.append(Unfilled(name, number, [each.get_full_name() for each in first]))
    return found


def lacking(name: str) -> Q:
    """Of a user: nothing stands there."""
    if name == GROUPS:
        return ~Q(Exists(Membership.objects.filter(user=OuterRef("pk"))))
    known = Coalesce(KT(f"attributes__{name}"), Value("", TextField()))
    return Q(Exact(known, Value("", TextField())))


def holes(notice: Notice) -> list[Unfilled]:
    """Of a list, nobody of whom was looked at yet."""
    return [Unfilled(name) for name in placeholders.needed(*sources(notice))]


def with_values(notice: Notice, batch: Iterable[Judged]) -> Iterable[Judged]:
    """Of a list, with what its placeholders stand for, if it has any that need that."""
    names = placeholders.needed(*sources(notice))
    if not names:
        return batch
    ways = list(batch)
    known = people.values_of([each.user for each in ways if each.user], names)
    return [each._replace(values=of_one(each, known)) for each in ways]


def of_one(way: Judged, known: Mapping[int, Mapping[str, str]]) -> Mapping[str, str]:
    if way.one.values is not None:
        return way.one.values
    return known.get(way.user.pk, {}) if way.user else {}


def look(found: Iterable[Unfilled], told: Judged) -> None:
    for each in found:
        if not (told.values or {}).get(each.name):
            each.add(told.name or told.one.address)
