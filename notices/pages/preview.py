"""What a notice would look like and whom it would reach, before it is sent."""

from dataclasses import dataclass

from notices.audience.recipients import Recipient
from notices.channels import CHANNELS, Channel
from notices.content import markup as wording
from notices.content import messages
from notices.delivery import expand
from notices.models import Delivery, Notice
from notices.pages.reach import reach
from signup.models import User

__all__ = ["previews"]


@dataclass(frozen=True)
class Preview:
    """One channel's wording for one person, and how many people would get it."""

    channel: Channel
    wording: messages.Wording
    body: str  # HTML, clean
    parts: int  # messages that each person costs; 0 where that is not counted
    recipients: int
    without: int  # people who have no such address, or do not want notices there
    reader: str  # as whom it is shown
    is_you: bool


def previews(notice: Notice, reader: User) -> list[Preview]:
    """One for each channel of an unsaved notice: as the first of a pasted list would get it, or
    else `reader`."""
    return [preview(notice, CHANNELS[name], reader) for name in notice.channels]


def preview(notice: Notice, channel: Channel, reader: User) -> Preview:
    delivery = sample(notice, channel, reader)
    said = messages.compose_notice(notice, delivery)
    found = reach(notice, channel)
    return Preview(
        channel,
        said,
        wording.fill_html(wording.to_html(notice.text), {"name": messages.called(delivery)}),
        channel.parts(said.text) if channel.parts else 0,
        found.recipients,
        found.without,
        messages.called(delivery),
        delivery.name == reader.username,
    )


def sample(notice: Notice, channel: Channel, reader: User) -> Delivery:
    """Not saved."""
    delivery = Delivery(notice=notice, channel=channel.name, name=reader.username)
    if notice.audience == Notice.Audience.ADDRESSES:
        lines = map(Recipient.restore, notice.addresses.splitlines())
        first = next((one for one in lines if one.channel == channel.name), None)
        if first:
            return next(expand.deliveries(notice, [first]))
    return delivery
