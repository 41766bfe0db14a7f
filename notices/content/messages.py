"""Everything that Bellhop can say. A message is a name; its templates are found by that name:
messages/NAME.sms.txt, or messages/NAME.subject.txt, NAME.email.txt and NAME.email.html.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from html import escape
from typing import Any, NamedTuple
from urllib.parse import urlsplit

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
from notices.content import fields, markup
from notices.content.fields import LINK, Values, in_html, in_plain, in_sms, in_title
from notices.content.placeholders import keyed
from notices.content.written import written
from notices.models import Delivery, Message, Notice
from signup import codes, confirmation
from signup.models import CODE_MINUTES, Purpose

__all__ = [
    "CAN_BE_LEFT", "MESSAGE", "MESSAGES", "NOTICE", "REPEATABLE", "TEST", "Batch", "Templated",
    "Wording", "batch", "compose", "fill_in", "templated",
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
        own = written(notice, delivery.language)
        said = own.sms or own.text
        said = said if delivery.name else greeting_for(said, _("Hello,"))
        text = in_sms(said, delivery)
        return Wording(text, variables=(text,))
    _delivery, template, values = templated(notice, delivery)
    return fill_in(template, values)


@lru_cache(maxsize=64)
def greeting_for(text: str, greeting: str) -> str:
    """Of nobody whose name is known: a wording, not "Dear +8613900000011"."""
    return markup.greet_nobody(text, greeting)


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
    subject: str, text: str, linked: bool, language: str | None, *, leave: bool
) -> Wording:
    """`leave`: its kind can be left, so mail programs may offer that. The link is there anyhow."""
    link = LINK if linked else ""
    words = keyed(text)[0]
    html = {
        "title": in_title(escape(keyed(subject)[0]), subject),
        "body": in_html(markup.to_email(words), text),
        "unsubscribe": link,
        "leave": leave,
    }
    plain = {"text": in_plain(markup.to_sms(words), text), "unsubscribe": link, "leave": leave}
    with override(language):
        return Wording(
            subject=markup.for_header(in_plain(keyed(subject)[0], subject)),
            text=render_to_string("messages/notice.email.txt", plain).strip(),
            html=render_to_string("messages/notice.email.html", html),
            unsubscribe=link if leave else "",
        )


def templated(notice: Notice | Message, delivery: Delivery) -> Templated:
    """A notice's email in the person's language, not yet filled in."""
    subject, text = greeted(notice, delivery)
    values, language = values_of(notice, delivery), delivery.language or settings.LANGUAGE_CODE
    leave = isinstance(notice, Message) or kinds.can_be_left(notice)
    template = email_template(subject, text, LINK in values, language, leave=leave)
    return Templated(delivery, template, values)


def greeted(notice: Notice | Message, delivery: Delivery) -> tuple[str, str]:
    own = written(notice, delivery.language)
    if delivery.name:
        return own.subject, own.text
    with override(delivery.language or settings.LANGUAGE_CODE):
        greeting = _("Hello,")
    return greeting_for(own.subject, greeting), greeting_for(own.text, greeting)


def values_of(notice: Notice | Message, delivery: Delivery) -> Values:
    values = fields.values_of(delivery, *greeted(notice, delivery))
    link = preferences.unsubscribe_url(delivery)
    return {**values, LINK: link} if link else values


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
