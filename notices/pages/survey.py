"""Whom a notice would reach, and whom not and why: by channel and language, with a few names. One
look at the people, counted by the database; a list is read once."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, NamedTuple

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from notices.audience import kinds, people, suppression
from notices.channels import CHANNELS, SMS, Channel
from notices.content.placeholders import own
from notices.content.written import sources
from notices.delivery import expand, listed
from notices.models import DEAD, Delivery, Notice, Suppression
from notices.pages.prices import ELSEWHERE, prefix, prefixes, priced
from notices.pages.reach import lists
from notices.pages.unfilled import Unfilled, empty, holes, look, with_values
from signup.models import User

__all__ = ["Person", "Survey", "person", "survey"]

FIRST = 10  # people who are named
SAMPLE = 100  # people for whom the SMS is written, to know how long it is
KINDS = sorted(Suppression.Kind, key=lambda kind: kind not in DEAD)  # what stops more comes first


class Person(NamedTuple):
    """`key`: a user's pk, or a line of the list, from 0. `deliveries`: not saved."""

    key: int
    name: str
    deliveries: Sequence[Delivery]


@dataclass
class Nothing:
    """Who gets nothing, by a reason for each channel."""

    reasons: Sequence[str]
    number: int
    people: list[str] = field(default_factory=list)  # the first of them


@dataclass
class Survey:
    people: int = 0  # of the audience
    told: int = 0  # who get something
    by_channel: dict[str, Counter[str]] = field(default_factory=dict)  # channel -> language -> told
    languages: Counter[str] = field(default_factory=Counter)  # people, by that which they read
    prices: Counter[str] = field(default_factory=Counter)  # first digits in SMS_PRICE -> SMS told
    nothing: list[Nothing] = field(default_factory=list)
    first: list[Person] = field(default_factory=list)
    sample: list[Delivery] = field(default_factory=list)  # SMS
    unfilled: list[Unfilled] = field(default_factory=list)

    def count(self, told: Collection[tuple[str, str]], priced: str, number: int) -> None:
        """`told`: channel and language, of the ways by which these people are told."""
        self.people += number
        self.told += number * bool(told)
        for language in {language for _channel, language in told}:
            self.languages[language] += number
        for channel, language in told:
            self.by_channel[channel][language] += number
            if channel == SMS:
                self.prices[priced] += number

    @property
    def unreached(self) -> int:
        return self.people - self.told

    @property
    def channels(self) -> list[Channel]:
        return [CHANNELS[name] for name in self.by_channel]

    def messages(self, channel: str) -> int:
        return self.by_channel[channel].total()


def survey(notice: Notice) -> Survey:
    found = Survey(by_channel={name: Counter() for name in notice.channels})
    if notice.audience in (Notice.Audience.ADDRESSES, Notice.Audience.UPLOAD):
        of_list(notice, found)
    else:
        of_people(notice, found)
    found.nothing.sort(key=lambda each: -each.number)
    return found


# Of those who have an account


def of_people(notice: Notice, found: Survey) -> None:
    judged = people.told(notice).annotate(
        **{f"not_{name}": reason(CHANNELS[name], notice) for name in notice.channels},
        priced=prefix() if SMS in notice.channels else Value(-1, IntegerField()),
    )
    columns = [f"not_{name}" for name in notice.channels]
    rows = judged.order_by().values("language", "priced", *columns).annotate(number=Count("pk"))
    nothing: Counter[tuple[str, ...]] = Counter()
    first_digits = [*prefixes(), ELSEWHERE]  # the last is what -1 stands for
    for row in rows:
        reasons = why(notice, [row[column] for column in columns])
        told = [
            (name, row["language"])
            for name, why in zip(notice.channels, reasons, strict=True)
            if not why
        ]
        found.count(told, first_digits[row["priced"]], row["number"])
        if not told:
            nothing[reasons] += row["number"]
    found.nothing = [Nothing(reasons, number) for reasons, number in nothing.items()]
    name_people(notice, judged, columns, found)


def why(notice: Notice, numbers: Iterable[int]) -> tuple[str, ...]:
    """What a reason for each channel means."""
    pairs = zip(notice.channels, numbers, strict=True)
    return tuple(words(CHANNELS[name])[number] for name, number in pairs)


def name_people(notice: Notice, judged: QuerySet[Any], columns: list[str], found: Survey) -> None:
    """The first of each kind."""
    told = Q(pk__in=[])
    for column in columns:
        told |= Q(**{column: 0})
    if found.told:
        found.first = [Person(one.pk, one.get_full_name(), list(to_one(notice, one, columns)))
                       for one in judged.filter(told).order_by("pk")[:FIRST]]  # fmt: skip
        found.unfilled = empty(notice, judged.filter(told))
    if SMS in notice.channels and found.messages(SMS):
        some = judged.filter(not_sms=0).order_by("pk")[:SAMPLE]
        values = people.values_of(list(some), own(*sources(notice)))
        found.sample = [sample(notice, SMS, one, values.get(one.pk)) for one in some]
    if found.nothing:
        groups = {tuple(each.reasons): each for each in found.nothing}
        for one in judged.exclude(told).order_by("pk")[: FIRST * FIRST]:
            group = groups[why(notice, [getattr(one, column) for column in columns])]
            if len(group.people) < FIRST:
                group.people.append(one.get_full_name())


def person(notice: Notice, key: int) -> Person | None:
    """Of those who would be told, the one with this key."""
    found = Survey()
    if notice.audience == Notice.Audience.ADDRESSES:  # a line each: nobody else is judged
        line = list(islice(lists(notice), key, key + 1))
        take_along(notice, found, key, told_of(listed.judged(notice, line)))
        return next(iter(found.first), None)
    if notice.audience == Notice.Audience.UPLOAD:
        of_key = (each for number, each in persons(notice) if number == key)
        take_along(notice, found, key, told_of(next(of_key, [])))
        return next(iter(found.first), None)
    reasons = {f"not_{name}": reason(CHANNELS[name], notice) for name in notice.channels}
    one = people.told(notice).filter(pk=key).annotate(**reasons).first()
    if one is None or not (deliveries := list(to_one(notice, one, list(reasons)))):
        return None
    return Person(one.pk, one.get_full_name(), deliveries)


# The database tells reasons and prices by their numbers: to group a million texts takes seconds.


def words(channel: Channel) -> list[str]:
    """Why nothing goes there, in the words that a delivery will bear; the first stands for none."""
    of_the_list = (suppression.WORDS[kind] for kind in KINDS)
    return ["", channel.missing, channel.unwanted, *of_the_list, kinds.LEFT]


def reason(channel: Channel, notice: Notice) -> Case:
    """Of a user: its number in words()."""
    field = channel.user_field
    on_the_list = Suppression.objects.filter(channel=channel.name, lifted_at=None)
    there = set(on_the_list.order_by().values_list("kind", flat=True).distinct())
    return Case(
        When(expand.without_address(channel), then=Value(1)),
        When(expand.unwilling(channel), then=Value(2)),
        *(  # as sets, which the database makes once
            When(
                **{f"{field}__in": on_the_list.filter(kind=kind).values("address")},
                then=Value(number),
            )
            for number, kind in enumerate(KINDS, 3)
            if kind in there
        ),
        When(kinds.left_by_users(notice, channel), then=Value(3 + len(KINDS))),
        default=Value(0),
        output_field=IntegerField(),
    )


def to_one(notice: Notice, user: User, columns: list[str]) -> Iterator[Delivery]:
    values = people.values_of([user], own(*sources(notice))).get(user.pk)
    for name, column in zip(notice.channels, columns, strict=True):
        if not getattr(user, column):
            yield sample(notice, name, user, values)


def sample(notice: Notice, channel: str, user: User, values: Any) -> Delivery:
    """Not saved, and nobody's: its link to unsubscribe leads to nobody."""
    return Delivery(
        pk=0, message="notice", notice=notice, channel=channel, name=user.get_full_name(),
        address=str(getattr(user, CHANNELS[channel].user_field) or ""),
        language=user.language, values=values,
    )  # fmt: skip


# Of a list, pasted or in a file


def persons(notice: Notice) -> Iterator[tuple[int, list[listed.Judged]]]:
    """Each with a number, from 0: the ways by which a line or a row would be told, or not."""
    return ((number, [each for _number, each in found])
            for number, found in groupby(numbered(notice), itemgetter(0)))  # fmt: skip


def numbered(notice: Notice) -> Iterator[tuple[int, listed.Judged]]:
    everybody, number, also = lists(notice), -1, ""
    while batch := list(islice(everybody, expand.BATCH)):
        for each in with_values(notice, listed.judged(notice, batch)):
            number += not also or each.one.address != also  # else the other way of the same row
            also = each.one.also
            yield number, each


def told_of(ways: Iterable[listed.Judged]) -> list[listed.Judged]:
    return [each for each in ways if not each.reason]


def of_list(notice: Notice, found: Survey) -> None:
    nothing: dict[tuple[str, ...], Nothing] = {}
    found.unfilled = holes(notice)
    for number, ways in persons(notice):
        told = told_of(ways)
        by_sms = next((each.one.address for each in told if each.one.channel == SMS), "")
        found.count([(each.one.channel, each.language) for each in told], priced(by_sms), 1)
        if told:
            take_along(notice, found, number, told)
            look(found.unfilled, told[0])
            continue
        reasons = tuple(each.reason for each in ways)
        group = nothing.setdefault(reasons, Nothing(reasons, 0))
        group.number += 1
        if len(group.people) < FIRST:
            group.people.append(ways[0].name or ways[0].one.address)
    found.nothing = list(nothing.values())


def take_along(notice: Notice, found: Survey, number: int, told: Sequence[listed.Judged]) -> None:
    named = bool(told) and len(found.first) < FIRST
    by_sms = len(found.sample) < SAMPLE and any(each.one.channel == SMS for each in told)
    deliveries = list(listed.written(notice, told, pk=0)) if named or by_sms else []
    if named:
        found.first.append(Person(number, told[0].name or told[0].one.address, deliveries))
    if by_sms:
        found.sample += [each for each in deliveries if each.channel == SMS]
