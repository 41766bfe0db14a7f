"""What a notice would look like and whom it would reach, before it is sent."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render

from notices.audience import people
from notices.channels import CHANNELS, Channel
from notices.content import messages, placeholders
from notices.content.fields import called
from notices.content.written import languages_of, sources
from notices.delivery import listed
from notices.models import Delivery, Notice
from notices.pages.reach import lists, reach
from signup.models import User

__all__ = ["frames", "previews", "render_with_previews"]

# An email brings its styles with it, and images from elsewhere. Its frame goes by the policy of the
# page that holds it.
EMAIL_POLICY = {"img-src": ["https:"], "style-src-attr": [UNSAFE_INLINE]}
render_with_previews: Callable[..., HttpResponse]
render_with_previews = csp_update(EMAIL_POLICY)(render)  # type: ignore[arg-type,assignment]


@dataclass(frozen=True)
class Preview:
    """One channel's wording for one person, and how many people would get it."""

    channel: Channel
    wording: messages.Wording  # as it would leave
    parts: int  # messages that each person costs; 0 where that is not counted
    recipients: int
    without: int  # people who have no such address, or do not want notices there
    reader: str  # as whom it is shown
    is_you: bool
    language: str = ""  # as pages call it; empty when it is said in one only

    @property
    def framed(self) -> str:
        """The whole email, whose links open outside of the frame."""
        return self.wording.html.replace("<head>", '<head><base target="_blank">', 1)


def previews(notice: Notice, reader: User) -> list[Preview]:
    """One for each channel of an unsaved notice: as the first of a list or a file would get it, or
    else `reader`."""
    languages = languages_of(notice) or [""]
    return [
        preview(notice, CHANNELS[name], reader, language)
        for name in notice.channels
        for language in languages
    ]


def preview(notice: Notice, channel: Channel, reader: User, language: str) -> Preview:
    """In this language, if any is named; else in the reader's."""
    delivery = sample(notice, channel, reader)
    delivery.language = language or delivery.language
    said = messages.compose(delivery)
    found = reach(notice, channel)
    return Preview(
        channel,
        said,
        channel.parts(said.text) if channel.parts else 0,
        found.recipients,
        found.without,
        called(delivery),
        delivery.name == reader.get_full_name(),
        str(dict(settings.LANGUAGES).get(language, language)),
    )


def frames(deliveries: Iterable[Delivery]) -> list[Preview]:
    """What one person would get, by each channel."""
    found = []
    for each in deliveries:
        channel, said = CHANNELS[each.channel], messages.compose(each)
        parts = channel.parts(said.text) if channel.parts else 0
        found.append(Preview(channel, said, parts, 1, 0, called(each), False))
    return found


def own_values(notice: Notice, reader: User) -> dict[str, str] | None:
    own = placeholders.own(*sources(notice))
    return people.values_of([reader], own).get(reader.pk)


def sample(notice: Notice, channel: Channel, reader: User) -> Delivery:
    """Not saved, and nobody's: its link to unsubscribe leads to nobody."""
    delivery = Delivery(
        message=messages.NOTICE,
        notice=notice,
        channel=channel.name,
        name=reader.get_full_name(),
        language=reader.language,
        values=own_values(notice, reader),
    )
    if first := next((one for one in lists(notice) if one.channel == channel.name), None):
        delivery = next(listed.deliveries(notice, [first]))
    delivery.pk = 0
    return delivery
