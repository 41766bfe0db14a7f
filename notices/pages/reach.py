"""How many people a notice would reach, judged as they are when its deliveries are written."""

from collections.abc import Collection, Iterator
from itertools import islice
from typing import NamedTuple

from django.db.models import Count, Q

from notices.audience import files, kinds, people
from notices.audience.recipients import Recipient
from notices.channels import Channel
from notices.delivery import expand, listed
from notices.models import Notice, Suppression
from signup.models import User

__all__ = ["lists", "reach", "reach_of_people"]


class Reach(NamedTuple):
    """By one channel. `without`: people of the audience who have no such address, do not want
    notices there, or stand on the suppression list."""

    recipients: int
    without: int


def reach(notice: Notice, channel: Channel) -> Reach:
    """Of a notice that need not be saved."""
    if notice.audience in (Notice.Audience.ADDRESSES, Notice.Audience.UPLOAD):
        return reach_of_list(notice, channel)
    return reach_of_people(people.chosen(notice), [channel], notice)[channel.name]


def reach_of_people(
    chosen: Q, channels: Collection[Channel], notice: Notice | None = None
) -> dict[str, Reach]:
    """By each of these, all by one look at the people. `notice`: what of it they would get."""
    found = User.objects.filter(chosen, is_active=True).aggregate(
        all=Count("pk"),
        **{f"not_{each.name}": Count("pk", filter=unreached(each, notice)) for each in channels},
    )
    without = {each.name: found[f"not_{each.name}"] for each in channels}
    return {name: Reach(found["all"] - number, number) for name, number in without.items()}


def unreached(channel: Channel, notice: Notice | None) -> Q:
    """The list as a set, which the database makes once, and not a question for each person."""
    on_the_list = Suppression.objects.filter(channel=channel.name, lifted_at=None)
    suppressed = Q(**{f"{channel.user_field}__in": on_the_list.values("address")})
    gone = kinds.left_by_users(notice, channel) if notice else Q(pk__in=[])
    return expand.without_address(channel) | expand.unwilling(channel) | suppressed | gone


def reach_of_list(notice: Notice, channel: Channel) -> Reach:
    mine = (one for one in lists(notice) if one.channel == channel.name)
    told = listed_there = 0
    while batch := list(islice(mine, expand.BATCH)):
        told += sum(not each.reason for each in listed.judged(notice, batch))
        listed_there += len(batch)
    if notice.upload:
        listed_there = files.count(notice.upload)
    return Reach(told, listed_there - told)


def lists(notice: Notice) -> Iterator[Recipient]:
    """Who is pasted, or in the file; nobody of another audience."""
    if notice.audience == Notice.Audience.ADDRESSES:
        yield from map(Recipient.restore, notice.addresses.splitlines())
    elif notice.audience == Notice.Audience.UPLOAD:
        for part in files.parts(notice.upload):
            yield from listed.in_part(notice, part)
