"""What a notice would look like and whom it would reach, before it is sent."""

from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db.models import Count, Q, QuerySet
from django.db.models.lookups import IsNull

from notices.audience import suppression
from notices.content import markup as wording
from notices.content import messages
from notices.delivery.expand import ADDRESS_OF
from notices.models import Channel, Delivery, Notice
from signup.models import User


@dataclass(frozen=True)
class Preview:
    """One channel's wording for one person, and how many people would get it."""

    channel: Channel
    wording: messages.Wording
    body: str  # HTML, clean
    parts: int  # SMS that each person costs
    recipients: int
    without: int  # people who have no such address, or do not want notices there


def previews(notice: Notice, reader: User) -> list[Preview]:
    """One for each channel of an unsaved notice, as `reader` would get it."""
    return [preview(notice, Channel(channel), reader) for channel in notice.channels]


def preview(notice: Notice, channel: Channel, reader: User) -> Preview:
    delivery = Delivery(notice=notice, channel=channel, name=reader.username)
    said = messages.compose_notice(notice, delivery)
    recipients, without = reach(notice, channel)
    return Preview(
        channel,
        said,
        wording.fill_html(wording.to_html(notice.text), {"name": reader.username}),
        wording.sms_parts(said.text) if channel == Channel.SMS else 0,
        recipients,
        without,
    )


def reach(notice: Notice, channel: Channel) -> tuple[int, int]:
    """How many people would get it by this channel, and how many of the audience would not."""
    if notice.audience == Notice.Audience.ADDRESSES:
        has_at = [
            ("@" in line) == (channel == Channel.EMAIL) for line in notice.addresses.split("\n")
        ]
        return sum(has_at), 0
    people: QuerySet[User] = get_user_model().objects.filter(is_active=True)
    field = ADDRESS_OF[channel]
    missing = Q(**{f"{field}__isnull": True}) | Q(**{f"wants_{channel}": False})
    if channel == Channel.EMAIL:
        missing |= Q(email="")
    missing |= Q(IsNull(suppression.kind_against(field, channel), False))
    found = people.aggregate(all=Count("pk"), without=Count("pk", filter=missing))
    return found["all"] - found["without"], found["without"]
