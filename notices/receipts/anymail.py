"""The door by which email providers report: Anymail's own tracking views, which know each
provider's format and signature, behind the same rules as webhooks.py."""

import logging
import re
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

from anymail.exceptions import AnymailError, AnymailWebhookValidationFailure
from anymail.signals import AnymailTrackingEvent, EventType, RejectReason
from anymail.signals import tracking as tracked
from anymail.webhooks.base import AnymailBasicAuthMixin
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.urls import resolve
from django.utils.translation import gettext_noop

from notices.audience import recipients, suppression
from notices.channels import EMAIL
from notices.models import Receipt
from notices.providers.reporting import own_number, short
from notices.receipts import apply
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
# Why a provider did not even try.
EARLIER = {RejectReason.SPAM: Kind.COMPLAINED, RejectReason.UNSUBSCRIBED: Kind.UNSUBSCRIBED}
WORDS = {
    Kind.DELIVERED: "",
    Kind.DEFERRED: gettext_noop("The mail server of the person asks to try later."),
    Kind.BOUNCED: gettext_noop("It came back."),
    Kind.COMPLAINED: gettext_noop("Reported as spam."),
    Kind.UNSUBSCRIBED: gettext_noop("Unsubscribed at the email provider."),
}

events: ContextVar[list[Receipt]] = ContextVar("events")  # of the request in hand
log = logging.getLogger(__name__)


class Secret(AnymailBasicAuthMixin):  # type: ignore[misc]
    """Asks for WEBHOOK_SECRET alone."""

    esp_name = "email service"


@door(LARGE)
def tracking(request: HttpRequest, esp: str) -> HttpResponse:
    """Without a secret Anymail takes what anybody sends, so without one nobody may."""
    if not settings.ANYMAIL.get("WEBHOOK_SECRET"):
        return HttpResponse(status=403)
    view = resolve(f"/{esp}/tracking/", "anymail.urls").func
    found: list[Receipt] = []
    before = events.set(found)
    try:
        if int(request.headers.get("Content-Length") or 0) > SMALL:
            Secret().validate_request(request)  # some views read the body first
        answer: HttpResponse = view(request)
    except AnymailWebhookValidationFailure:
        return HttpResponse(status=403)
    except (ImproperlyConfigured, ImportError):  # a key or a package of Anymail's that is not here
        log.warning("A report is refused: this app is not set up for reports by %s.", esp)
        return HttpResponse(status=403)
    except (AnymailError, ValueError, LookupError, TypeError, AttributeError) as problem:
        log.warning("A report that cannot be read (%s).", type(problem).__name__)
        return HttpResponse(status=400)
    finally:
        events.reset(before)
    keep(found)
    return answer


@receiver(tracked)
def collect(event: AnymailTrackingEvent, esp_name: str, **kwargs: Any) -> None:
    events.get().extend(read(event, esp_name.lower().replace(" ", "_")))


def read(event: AnymailTrackingEvent, provider: str) -> Iterator[Receipt]:
    kind = KINDS.get(event.event_type)
    if kind is None:
        return
    said = short(event.mta_response or event.description, 200)
    for each in dict.fromkeys((kind, EARLIER.get(event.reject_reason, kind))):
        yield Receipt(
            provider=provider,
            ref=ref_of(event, each),
            own_ref=short(event.message_id, 100),
            delivery_number=number_of(event),
            channel=EMAIL,
            address=short(recipients.canonical(short(event.recipient, 254)), 254),
            kind=each,
            dead=each == Kind.BOUNCED and is_dead(event),
            reason=" ".join(filter(None, (WORDS[each], said if each in SAYING else ""))),
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


def is_dead(event: AnymailTrackingEvent) -> bool:
    """Whether the address itself is at fault: not a full mailbox, a filter or a policy."""
    if event.event_type == EventType.FAILED:
        return False
    told = suppression.is_dead(str(event.mta_response or event.description or ""))
    if told is not None:
        return told
    if event.reject_reason is not None:
        soft = "soft" in kind_of_bounce(event)
        return not soft and event.reject_reason in (RejectReason.BOUNCED, RejectReason.INVALID)
    return event.event_type == EventType.BOUNCED and kind_of_bounce(event) not in SOFT


SOFT = ("blocked", "soft", "softbounce", "transient", "expired")


def kind_of_bounce(event: AnymailTrackingEvent) -> str:
    """What the provider calls it, where it does (Postmark: HardBounce; SendGrid: blocked)."""
    facts = event.esp_event if isinstance(event.esp_event, dict) else {}
    return str(facts.get("Type") or facts.get("type") or "").lower()
