"""How many people a notice would reach, judged as they are when its deliveries are written."""

from typing import NamedTuple

from django.contrib.auth import get_user_model
from django.db.models import Count, Q, QuerySet
from django.db.models.lookups import IsNull

from notices.audience import suppression
from notices.audience.recipients import Recipient
from notices.channels import Channel
from notices.delivery import expand
from notices.models import Notice, State
from signup.models import User

__all__ = ["reach"]


class Reach(NamedTuple):
    """By one channel. `without`: people of the audience who have no such address, do not want
    notices there, or stand on the suppression list."""

    recipients: int
    without: int


def reach(notice: Notice, channel: Channel) -> Reach:
    """Of a notice that need not be saved."""
    if notice.audience == Notice.Audience.ADDRESSES:
        return reach_of_list(notice, channel)
    people: QuerySet[User] = get_user_model().objects.filter(is_active=True)
    against = suppression.kind_against(channel.user_field, channel.name)
    missing = expand.without_address(channel) | expand.unwilling(channel)
    missing |= Q(IsNull(against, False))
    found = people.aggregate(all=Count("pk"), without=Count("pk", filter=missing))
    return Reach(found["all"] - found["without"], found["without"])


def reach_of_list(notice: Notice, channel: Channel) -> Reach:
    lines = map(Recipient.restore, notice.addresses.splitlines())
    mine = [one for one in lines if one.channel == channel.name]
    told = 0
    for first in range(0, len(mine), expand.BATCH):
        deliveries = expand.deliveries(notice, mine[first : first + expand.BATCH])
        told += sum(each.state == State.QUEUED for each in deliveries)
    return Reach(told, len(mine) - told)
