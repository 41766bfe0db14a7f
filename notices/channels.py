"""The ways by which a message reaches a person. A channel says of itself what all others ask: where
a user's address stands, how people write one, what a message looks like there and what it costs.

A new one is a Channel here, who carries it (SOURCES in providers/router.py), and, if single
messages go by it, their job (jobs.bells) and a template messages/NAME.CHANNEL.txt for each.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from signup import emails, phones

__all__ = ["CHANNELS", "EMAIL", "SMS", "Channel", "choices", "masked", "of"]

EMAIL, SMS = "email", "sms"  # what is stored

# Wherever they stand in a text. A status such as 5.1.1 or 550 is none.
AN_EMAIL = re.compile(r"""("[^"]*"|[^\s<>@,;:"()]+)@([^\s<>@,;()]+)""")
A_NUMBER = re.compile(r"\+?\d(?:[ -]?\d){6,}")

GSM_7 = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_7_TWICE = set("^{}\\[~]|€\f")  # take two places (3GPP TS 23.038, 6.2.1.1)


@dataclass(frozen=True)
class Channel:
    """`read` gives the one form in which an address is kept, and raises ValueError with a sentence;
    `recognises` says whether a pasted text is meant as one. `missing` and `unwanted` are kept as
    the reason of deliveries. `parts`: how many messages a text costs, where that is counted."""

    name: str  # as it is stored
    label: str | Promise
    user_field: str  # of a user: the address, empty or null when there is none
    wants_field: str  # of a user: whether notices may come; empty where nobody can choose
    recognises: Callable[[str], bool]
    read: Callable[[str], str]
    missing: str
    unwanted: str
    not_chosen: str | Promise  # of a pasted address, when the channel is not among the notice's
    has_html: bool = False  # and a subject, and headers
    parts: Callable[[str], int] | None = None

    def wanted_by(self, user: Any) -> bool:
        return not self.wants_field or bool(getattr(user, self.wants_field))


def read_email(text: str) -> str:
    return read_by(emails.normalise, text)


def read_number(text: str) -> str:
    if not any(char.isdigit() for char in text):
        raise ValueError(_("This is neither an email address nor a phone number."))
    return read_by(partial(phones.normalise, abroad=True), text)


def read_by(reader: Callable[[str], str], text: str) -> str:
    """As sign-up reads it, but with a ValueError."""
    try:
        return reader(text)
    except ValidationError as problem:
        raise ValueError(problem.messages[0]) from None


def sms_parts(text: str) -> int:
    """How many SMS the text costs: 160 places in one or 153 in each of several; 70 and 67 when a
    character is outside GSM-7 (UTF-16, in which most emoji take two). What takes two places is
    never split between two SMS."""
    if all(char in GSM_7 or char in GSM_7_TWICE for char in text):
        places, single, each = [1 + (char in GSM_7_TWICE) for char in text], 160, 153
    else:
        places, single, each = [1 + (char > "\uffff") for char in text], 70, 67
    if sum(places) <= single:
        return 1
    parts, left = 1, each
    for taken in places:
        if taken > left:
            parts, left = parts + 1, each
        left -= taken
    return parts


CHANNELS: dict[str, Channel] = {
    EMAIL: Channel(
        EMAIL,
        gettext_lazy("email"),
        user_field="email",
        wants_field="wants_email",
        recognises=emails.is_meant,
        read=read_email,
        missing=gettext_noop("Has no email address."),
        unwanted=gettext_noop("Does not want notices by email."),
        not_chosen=gettext_lazy("This is an email address, but email is not chosen as a channel."),
        has_html=True,
    ),
    SMS: Channel(
        SMS,
        gettext_lazy("SMS"),
        user_field="mobile",
        wants_field="wants_sms",
        recognises=lambda text: not emails.is_meant(text),
        read=read_number,
        missing=gettext_noop("Has no mobile number."),
        unwanted=gettext_noop("Does not want notices by SMS."),
        not_chosen=gettext_lazy("This is a number, but SMS is not chosen as a channel."),
        parts=sms_parts,
    ),
}


def choices() -> list[tuple[str, str | Promise]]:
    """For a field of a model or a form."""
    return [(channel.name, channel.label) for channel in CHANNELS.values()]


def of(address: str) -> Channel:
    """The channel of which somebody wrote an address. From the last to the first: whatever nobody
    else claims is a number or an email address."""
    return next(each for each in reversed(CHANNELS.values()) if each.recognises(address))


def masked(text: str) -> str:
    """For who may not see addresses: j***@example.com, +86 139 **** 0011, also amid other words."""
    text = AN_EMAIL.sub(lambda found: f"{found[1][:1]}***@{found[2]}", text)
    return A_NUMBER.sub(lambda found: phones.masked(found[0]), text)
