"""Everything that Bellhop can say. A message is a name; its templates are found by that name:
messages/NAME.sms.txt, or messages/NAME.subject.txt, NAME.email.txt and NAME.email.html.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import override

from notices import wording
from notices.models import Channel, Delivery, Notice
from signup import codes
from signup.models import CODE_LIFETIME


@dataclass(frozen=True)
class Wording:
    """What one person reads. SMS has `text` only, and for providers that take approved templates
    the `variables` of it, in order."""

    text: str
    subject: str = ""
    html: str = ""
    variables: tuple[str, ...] = ()


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
        if delivery.channel == Channel.SMS:
            text = render_to_string(f"{base}.sms.txt", context).strip()
            return Wording(text, variables=tuple(map(str, context.values())))
        subject = " ".join(render_to_string(f"{base}.subject.txt", context).split())
        return Wording(
            subject=subject,
            text=render_to_string(f"{base}.email.txt", context).strip() + "\n",
            html=render_to_string(f"{base}.email.html", context | {"subject": subject}),
        )


def compose_notice(notice: Notice, delivery: Delivery) -> Wording:
    values = {"name": delivery.name or delivery.address}
    if delivery.channel == Channel.SMS:
        text = wording.fill(wording.to_sms(notice.text), values)
        return Wording(text, variables=(text,))
    subject = " ".join(wording.fill(notice.subject, values).split())
    body = wording.fill_html(wording.to_html(notice.text), values)
    context = {"subject": subject, "body": body}
    return Wording(
        subject=subject,
        text=wording.fill(notice.text, values),
        html=render_to_string("messages/notice.email.html", context),
    )
