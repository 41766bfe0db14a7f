"""Everything that Bellhop can say. A message is a name; its templates are found by that name:
messages/NAME.sms.txt, or messages/NAME.subject.txt, NAME.email.txt and NAME.email.html.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import override

from notices.audience import preferences
from notices.channels import CHANNELS
from notices.content import markup as wording
from notices.models import Delivery, Notice
from signup import codes
from signup.models import CODE_LIFETIME


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
    return {
        "code": codes.derive(delivery.verification),
        "minutes": int(CODE_LIFETIME.total_seconds() // 60),
    }


def account_exists(delivery: Delivery) -> dict[str, Any]:
    return {"user": delivery.user}


def welcome(delivery: Delivery) -> dict[str, Any]:
    return {"user": delivery.user}


def password_reset(delivery: Delivery) -> dict[str, Any]:
    assert delivery.user
    args = {
        "uidb64": urlsafe_base64_encode(force_bytes(delivery.user.pk)),
        "token": default_token_generator.make_token(delivery.user),
    }
    link = delivery.origin + reverse("password_reset_confirm", kwargs=args)
    return {"user": delivery.user, "link": link}


MESSAGES: dict[str, Callable[[Delivery], dict[str, Any]]] = {
    message.__name__: message for message in (code, account_exists, welcome, password_reset)
}
NOTICE = "notice"

# May go a second time when nobody knows whether the first arrived: the same words, harmless.
HARMLESS_AGAIN = ("code", "account_exists", "password_reset")


def compose(delivery: Delivery) -> Wording:
    """The wording of a delivery in its person's language."""
    with override(delivery.language or settings.LANGUAGE_CODE):
        if delivery.message == NOTICE:
            assert delivery.notice
            return compose_notice(delivery.notice, delivery)
        context = MESSAGES[delivery.message](delivery)
        base = f"messages/{delivery.message}"
        if not CHANNELS[delivery.channel].has_html:
            text = render_to_string(f"{base}.{delivery.channel}.txt", context).strip()
            return Wording(text, variables=tuple(map(str, context.values())))
        subject = " ".join(render_to_string(f"{base}.subject.txt", context).split())
        return Wording(
            subject=subject,
            text=render_to_string(f"{base}.email.txt", context).strip() + "\n",
            html=render_to_string(f"{base}.email.html", context | {"subject": subject}),
        )


def compose_notice(notice: Notice, delivery: Delivery) -> Wording:
    if not CHANNELS[delivery.channel].has_html:
        text = wording.fill(wording.to_sms(notice.text), {"name": called(delivery)})
        return Wording(text, variables=(text,))
    return fill_in(*form(notice, delivery))


def called(delivery: Delivery) -> str:
    return wording.one_line(delivery.name) or delivery.address


# A notice as an email is one for all, with fields where a person's own words go. No wording and
# no name can hold such a field.
NAME, HTML_NAME, LINK = (f"f{uuid4().hex}" for _ in range(3))


@lru_cache(maxsize=16)
def email_of(subject: str, text: str, linked: bool, language: str | None) -> Wording:
    link = LINK if linked else ""
    html = {
        "title": wording.fill(escape(subject), {"name": HTML_NAME}),
        "body": wording.fill(wording.to_email(text), {"name": HTML_NAME}),
        "unsubscribe": link,
    }
    plain = {"text": wording.fill(wording.to_sms(text), {"name": NAME}), "unsubscribe": link}
    with override(language):
        return Wording(
            subject=wording.one_line(wording.fill(subject, {"name": NAME})),
            text=render_to_string("messages/notice.email.txt", plain).strip(),
            html=render_to_string("messages/notice.email.html", html),
            unsubscribe=link,
        )


def form(notice: Notice, delivery: Delivery) -> tuple[Wording, dict[str, str]]:
    """A notice's email with fields in it, in the person's language, and the words for them."""
    own, language = words_of(delivery), delivery.language or settings.LANGUAGE_CODE
    return email_of(notice.subject, notice.text, LINK in own, language), own


def words_of(delivery: Delivery) -> dict[str, str]:
    """One person's own words, by field."""
    name = called(delivery)
    words = {NAME: name, HTML_NAME: escape(name)}
    link = preferences.unsubscribe_url(delivery) if delivery.pk else ""
    return words | {LINK: link} if link else words


def fill_in(said: Wording, words: Mapping[str, str]) -> Wording:
    parts = {name: getattr(said, name) for name in ("text", "subject", "html", "unsubscribe")}
    for field, own in words.items():
        parts = {name: part.replace(field, own) for name, part in parts.items()}
    return Wording(**parts)


# Many at once


@dataclass(frozen=True)
class Merge:
    """One email for many people, and the words of each."""

    wording: Wording
    words: Mapping[int, Mapping[str, str]]  # a delivery's pk -> field -> the words for it

    def filled(self, pk: int) -> Wording:
        """What the one person reads."""
        return fill_in(self.wording, self.words[pk])


def merge(deliveries: Sequence[Delivery]) -> Merge:
    """Emails of one notice, in one language, all with a link to unsubscribe or all without."""
    first = deliveries[0]
    assert first.notice
    said, _words = form(first.notice, first)
    return Merge(said, {each.pk: words_of(each) for each in deliveries})
