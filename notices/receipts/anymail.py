"""The door by which email providers report: Anymail's own tracking views, which know each
provider's format and signature, behind the same rules as webhooks.py.

Many events may come in one request. One that cannot be read costs none of the others: they are
kept, and the provider hears 200, since it would only send the same again. When none can be read,
it hears 400.
"""

import logging
import re
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from anymail.exceptions import AnymailError, AnymailWebhookValidationFailure
from anymail.signals import AnymailTrackingEvent, EventType
from anymail.signals import tracking as tracked
from anymail.webhooks.base import AnymailBasicAuthMixin
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.urls import resolve
from django.utils.translation import gettext_noop

from notices.audience import recipients
from notices.channels import EMAIL
from notices.models import Receipt
from notices.providers.reporting import own_number, short
from notices.receipts import apply, verdicts
from notices.receipts.webhooks import door, keep
from web.bodies import SMALL

__all__ = ["tracking"]

LARGE = 2 * 1024 * 1024  # bytes, with the secret; some providers report a thousand at once
OWN_MESSAGE_ID = re.compile(r"<?bellhop-(\d{1,18})@")

Kind = Receipt.Kind
KINDS = {
    EventType.DELIVERED: Kind.DELIVERED,
    EventType.DEFERRED: Kind.DEFERRED,
    EventType.BOUNCED: Kind.BOUNCED,
    EventType.REJECTED: Kind.BOUNCED,
    EventType.FAILED: Kind.BOUNCED,
    EventType.COMPLAINED: Kind.COMPLAINED,
    EventType.UNSUBSCRIBED: Kind.UNSUBSCRIBED,
}
WORDS = {
    Kind.DELIVERED: "",
    Kind.DEFERRED: gettext_noop("The mail server of the person asks to try later."),
    Kind.BOUNCED: gettext_noop("It came back."),
    Kind.COMPLAINED: gettext_noop("Reported as spam."),
    Kind.UNSUBSCRIBED: gettext_noop("Unsubscribed at the email provider."),
}

# What a report may do that says something else than its provider's documentation: a name that is
# not there, a number too large for a time, JSON 50,000 deep.
UNREADABLE = (
    AnymailError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError,
    AssertionError, OSError, RecursionError,
)  # fmt: skip

events: ContextVar[list[Receipt]] = ContextVar("events")  # of the request in hand
unread: ContextVar[list[str]] = ContextVar("unread")  # and what was wrong with the others
log = logging.getLogger(__name__)


class Secret(AnymailBasicAuthMixin):  # type: ignore[misc]
    """Asks for WEBHOOK_SECRET alone."""

    esp_name = "email service"


@door(LARGE)
def tracking(request: HttpRequest, esp: str) -> HttpResponse:
    """Without a secret Anymail takes what anybody sends, so without one nobody may. All services
    share it, so with it only those that are used may."""
    if not settings.ANYMAIL.get("WEBHOOK_SECRET"):
        return HttpResponse(status=403)
    if not is_used(esp):
        log.warning("A report is refused: EMAIL_URL names another service than %s.", esp)
        return HttpResponse(status=403)
    view = resolve(f"/{esp}/tracking/", "anymail.urls").func
    found: list[Receipt] = []
    wrong: list[str] = []
    before = events.set(found), unread.set(wrong)
    try:
        if int(request.headers.get("Content-Length") or 0) > SMALL:
            Secret().validate_request(request)  # some views read the body first
        answer: HttpResponse = lenient(view)(request)
    except AnymailWebhookValidationFailure:
        return HttpResponse(status=403)
    except (ImproperlyConfigured, ImportError):  # a key or a package of Anymail's that is not here
        log.warning("A report is refused: this app is not set up for reports by %s.", esp)
        return HttpResponse(status=403)
    except UNREADABLE as problem:
        log.warning("A report that cannot be read (%s).", type(problem).__name__)
        return HttpResponse(status=400)
    finally:
        events.reset(before[0])
        unread.reset(before[1])
    if wrong:
        log.warning("%d events of a report cannot be read (%s).", len(wrong), wrong[0])
    keep(found)
    return answer


def is_used(esp: str) -> bool:
    """A mail server in EMAIL_URL may be any service's. One that sent before may still report, as
    long as a setting of its own is there."""
    now = urlsplit(settings.EMAIL_URL)
    if now.scheme != "anymail" or now.netloc == esp:
        return True
    return any(name.startswith(f"{esp.upper()}_") for name in settings.ANYMAIL)


@cache
def lenient(view: Any) -> Any:
    """Anymail's view, which goes on with the next event when one cannot be read."""

    class Lenient(view.view_class):  # type: ignore[misc]
        def parse_events(self, request: HttpRequest) -> list[Any]:
            readable = [each for each in super().parse_events(request) if each]
            if unread.get() and not readable:
                raise ValueError
            return readable

        def esp_to_anymail_event(self, *event: Any) -> Any:
            return skipping(super().esp_to_anymail_event, *event)

        def unwrap_event(self, event: Any) -> Any:  # SparkPost's
            return skipping(super().unwrap_event, event) or (None, None, event)

    return Lenient.as_view(**view.view_initkwargs)


def skipping(read: Any, *event: Any) -> Any:
    """What it reads; None when it cannot, which is noted. What is about our settings is raised."""
    try:
        return read(*event)
    except ImproperlyConfigured:
        raise
    except UNREADABLE as problem:
        unread.get().append(type(problem).__name__)
        return None


@receiver(tracked)
def collect(event: AnymailTrackingEvent, esp_name: str, **kwargs: Any) -> None:
    events.get().extend(skipping(receipts_of, event, esp_name.lower().replace(" ", "_")) or ())


def receipts_of(event: AnymailTrackingEvent, provider: str) -> list[Receipt]:
    kind = KINDS.get(event.event_type)
    return list(read(event, provider, kind)) if kind else []


def read(event: AnymailTrackingEvent, provider: str, kind: Receipt.Kind) -> Iterator[Receipt]:
    said = short(event.mta_response or event.description, 200)
    for each in dict.fromkeys((kind, verdicts.opt_out(event, provider) or kind)):
        yield Receipt(
            provider=provider,
            ref=ref_of(event, each),
            own_ref=short(event.message_id, 100),
            delivery_number=number_of(event),
            channel=EMAIL,
            address=short(recipients.canonical(short(event.recipient, 254)), 254),
            kind=each,
            dead=each == Kind.BOUNCED and verdicts.is_dead(event, provider),
            reason=" ".join(filter(None, (WORDS[each], said if each in SAYING else ""))),
            told_at=event.timestamp if isinstance(event.timestamp, datetime) else None,
        )


SAYING = (Kind.DEFERRED, Kind.BOUNCED)


def ref_of(event: AnymailTrackingEvent, kind: str) -> str:
    """The message's number. People may opt out once more after they took it back, all by the link
    of one message, so that each time has a number of its own."""
    if kind not in apply.OPT_OUTS:
        return short(event.message_id, 100)
    return short(event.timestamp or event.event_id, 100) or uuid4().hex


def number_of(event: AnymailTrackingEvent) -> int:
    metadata = event.metadata if isinstance(event.metadata, dict) else {}
    ours = OWN_MESSAGE_ID.match(str(event.message_id))
    return own_number(metadata.get("delivery") or (ours and ours[1]))
