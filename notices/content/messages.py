"""Everything that Bellhop can say. A message is a name; its templates are found by that name:
messages/NAME.sms.txt, or messages/NAME.subject.txt, NAME.email.txt and NAME.email.html.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from hashlib import sha256
from html import escape
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _
from django.utils.translation import override

from notices.audience import kinds, preferences
from notices.channels import CHANNELS
from notices.content import markup
from notices.models import Delivery, Message, Notice
from signup import codes, confirmation
from signup.models import CODE_MINUTES, Purpose

__all__ = [
    "CAN_BE_LEFT", "MESSAGE", "MESSAGES", "NOTICE", "REPEATABLE", "TEST", "Batch", "Templated",
    "Values", "Wording", "batch", "called", "compose", "fill_in", "templated",
]  # fmt: skip


@dataclass(frozen=True)
class Wording:
    """What one person reads. SMS has `text` only, and for providers that take approved templates
    the `variables` of it, in order. `unsubscribe`: the link of that name."""

    text: str
    subject: str = ""
    html: str = ""
    variables: tuple[str, ...] = ()
    unsubscribe: str = ""


def code(delivery: Delivery) -> dict[str, Any]:
    assert delivery.verification
    return {"code": codes.derive(delivery.verification), "minutes": CODE_MINUTES}


def account_exists(delivery: Delivery) -> dict[str, Any]:
    """Names nobody: the number may have gone to another person."""
    return {"mobile": delivery.address}


def welcome(delivery: Delivery) -> dict[str, Any]:
    link = reverse("confirm_email", args=[confirmation.WELCOME.token(delivery.pk)])
    return {"link": delivery.host + link, "days": confirmation.LIFETIME.days}


def password_reset(delivery: Delivery) -> dict[str, Any]:
    assert delivery.user
    args = {
        "uidb64": urlsafe_base64_encode(force_bytes(delivery.user.pk)),
        "token": default_token_generator.make_token(delivery.user),
    }
    link = delivery.host + reverse("password_reset_confirm", kwargs=args)
    return {"user": delivery.user, "link": link}


def new_email(delivery: Delivery) -> dict[str, Any]:
    """To whoever has that address, so it names nobody."""
    assert delivery.user
    token = confirmation.new_email(delivery.user).token(delivery.pk)
    link = reverse("account_new_email", args=[token])
    return {"link": delivery.host + link, "days": confirmation.LIFETIME.days}


def mobile_changed(delivery: Delivery) -> dict[str, Any]:
    link = reverse("account_undo", args=[confirmation.UNDO.token(delivery.pk)])
    hours = confirmation.UNDO.lifetime // timedelta(hours=1)
    return {"link": delivery.host + link, "hours": hours}


def email_changed(delivery: Delivery) -> dict[str, Any]:
    return mobile_changed(delivery)


def approval(delivery: Delivery) -> dict[str, Any]:
    known: dict[str, str] = delivery.values or {}
    return known | {"link": delivery.host + reverse(known["what"], args=[known["number"]])}


MESSAGES: dict[str, Callable[[Delivery], dict[str, Any]]] = {
    message.__name__: message
    for message in (
        code, account_exists, welcome, password_reset, new_email, mobile_changed, email_changed,
    )
}  # fmt: skip
MESSAGES |= dict.fromkeys(("approval_asked", "approval_answered"), approval)
NOTICE = "notice"
MESSAGE = "message"  # of another program, by the API
TEST = "test"  # of a notice, before it goes
CAN_BE_LEFT = (NOTICE, MESSAGE, TEST)  # who opted out does not get these

# May go a second time when nobody knows whether the first arrived: the same words, harmless.
REPEATABLE = tuple(name for name in MESSAGES if name != "welcome")


def compose(delivery: Delivery) -> Wording:
    """The wording of a delivery in its person's language."""
    with override(delivery.language or settings.LANGUAGE_CODE):
        if delivery.message == NOTICE:
            assert delivery.notice
            return compose_notice(delivery.notice, delivery)
        if delivery.message in (MESSAGE, TEST):
            return compose_notice(delivery.written, delivery)
        context = MESSAGES[delivery.message](delivery)
        base = f"messages/{delivery.message}"
        if not CHANNELS[delivery.channel].has_html:
            words = context | surroundings(delivery)
            text = render_to_string(f"{base}.{delivery.channel}.txt", words).strip()
            return Wording(text, variables=tuple(map(str, context.values())))
        subject = " ".join(render_to_string(f"{base}.subject.txt", context).split())
        return Wording(
            subject=subject,
            text=render_to_string(f"{base}.email.txt", context).strip() + "\n",
            html=render_to_string(f"{base}.email.html", context | {"subject": subject}),
        )


def surroundings(delivery: Delivery) -> dict[str, Any]:
    """What an SMS in our own words says beside the variables of an approved template. The site is
    the one that the settings name: an asker's Host would lead people elsewhere."""
    verification = delivery.verification
    purpose = verification.purpose if verification else ""
    facts = {"purpose": purpose, "site": settings.PUBLIC_URL}
    if verification and purpose == Purpose.PROGRAM:  # typed elsewhere, whatever our own host is
        return facts | {"what_for": verification.request.purpose, "host": ""}
    return facts | {"host": urlsplit(settings.PUBLIC_URL).hostname or ""}


def compose_notice(notice: Notice | Message, delivery: Delivery) -> Wording:
    if not CHANNELS[delivery.channel].has_html:
        name = called(delivery)
        said = greeting_for(notice.text, named=bool(delivery.name))
        filled = {"name": name} | own_values(notice, delivery)
        filled |= {f"%{each}": encoded(value) for each, value in filled.items()}
        text = markup.fill(markup.to_sms(said), filled)
        return Wording(text, variables=(text,))
    _delivery, template, values = templated(notice, delivery)
    return fill_in(template, values)


def greeting_for(text: str, *, named: bool) -> str:
    """A greeting of nobody is a wording, not "Dear +8613900000011"."""
    return text if named else markup.greet_nobody(text, _("Hello,"))


def called(delivery: Delivery) -> str:
    return markup.for_header(delivery.name) or delivery.address


def encoded(name: str) -> str:
    """As it stands in an address, wherever in it: RFC 3986 has each other character escaped."""
    return quote(name, safe="")


# A notice as an email is one template for all, with fields for a person's own values. No wording
# and no name can hold such a field.
LINK, KEY = (f"f{uuid4().hex}" for _each in range(2))


class Fields(NamedTuple):
    """Of one placeholder: where it stands in plain text, in HTML and in an address."""

    plain: str
    html: str
    address: str


@lru_cache(maxsize=100)
def fields(name: str) -> Fields:
    return Fields(*(f"f{sha256(f'{KEY}{kind}{name}'.encode()).hexdigest()}" for kind in range(3)))


Values = Mapping[str, str]  # field -> what stands there for one person


class Templated(NamedTuple):
    delivery: Delivery
    template: Wording
    values: Values


@dataclass(frozen=True)
class Batch:
    """One template for many people, and the values of each by the delivery's pk."""

    template: Wording
    values: Mapping[int, Values]

    def filled(self, pk: int) -> Wording:
        """What the one person reads."""
        return fill_in(self.template, self.values[pk])


@lru_cache(maxsize=16)
def email_template(
    subject: str, text: str, linked: bool, language: str | None, named: bool, *, leave: bool
) -> Wording:
    """`leave`: its kind can be left, so mail programs may offer that. The link is there anyhow."""
    link = LINK if linked else ""
    with override(language):
        subject, text = (greeting_for(each, named=named) for each in (subject, text))
    used = {name: fields(name) for name in ("name", *markup.own_placeholders(subject, text))}
    addresses = {f"%{name}": each.address for name, each in used.items()}
    in_plain = {name: each.plain for name, each in used.items()} | addresses
    in_html = {name: each.html for name, each in used.items()} | addresses
    html = {
        "title": markup.fill(escape(subject), in_html),
        "body": markup.fill(markup.to_email(text), in_html),
        "unsubscribe": link,
        "leave": leave,
    }
    words = markup.fill(markup.to_sms(text), in_plain)
    plain = {"text": words, "unsubscribe": link, "leave": leave}
    with override(language):
        return Wording(
            subject=markup.for_header(markup.fill(subject, in_plain)),
            text=render_to_string("messages/notice.email.txt", plain).strip(),
            html=render_to_string("messages/notice.email.html", html),
            unsubscribe=link if leave else "",
        )


def templated(notice: Notice | Message, delivery: Delivery) -> Templated:
    """A notice's email in the person's language, not yet filled in."""
    values, language = values_of(notice, delivery), delivery.language or settings.LANGUAGE_CODE
    linked, named = LINK in values, bool(delivery.name)
    leave = isinstance(notice, Message) or kinds.can_be_left(notice)
    template = email_template(notice.subject, notice.text, linked, language, named, leave=leave)
    return Templated(delivery, template, values)


def own_values(notice: Notice | Message, delivery: Delivery) -> dict[str, str]:
    """Placeholder -> what it stands for. Nothing is known of a pasted address: it stands for
    nothing there."""
    known: Mapping[str, str] = delivery.values or {}
    own = markup.own_placeholders(notice.subject, notice.text)
    return {name: markup.for_header(known.get(name, "")) for name in own}


def values_of(notice: Notice | Message, delivery: Delivery) -> Values:
    values: dict[str, str] = {}
    for name, value in {"name": called(delivery), **own_values(notice, delivery)}.items():
        plain, html, address = fields(name)
        values |= {plain: value, html: escape(value), address: encoded(value)}
    link = preferences.unsubscribe_url(delivery)
    return values | {LINK: link} if link else values


def fill_in(template: Wording, values: Values) -> Wording:
    parts = {name: getattr(template, name) for name in ("text", "subject", "html", "unsubscribe")}
    for field, value in values.items():
        parts = {name: part.replace(field, value) for name, part in parts.items()}
    return Wording(**parts)


def batch(deliveries: Sequence[Delivery]) -> Batch:
    """Emails of one notice, in one language, all with a link to unsubscribe or all without, to
    people who all have a name or all have none."""
    first = deliveries[0]
    assert first.notice
    template = templated(first.notice, first).template
    return Batch(template, {each.pk: values_of(first.notice, each) for each in deliveries})
