"""The doors by which providers report: check who it is, store, answer, ring. Nothing else, since
ten thousand may come at once. What is stored is applied by apply.py.

Forged: 403. Too large: 413. The database is away: 503 (web/middleware.py), and the provider
tries again. Redis is away: stored all the same; the sweep rings.
"""

import hashlib
import hmac
import json
import logging
from base64 import b64encode
from collections.abc import Callable, Collection
from functools import wraps
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext_noop
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

import jobs
from notices.audience import recipients
from notices.models import Channel, Receipt
from notices.providers import registry
from notices.receipts import apply
from web import answers
from web.problems import Problem

SMALL = 64 * 1024  # bytes; a report by SMS providers is less than one thousand
TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
STOP_WORDS = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "TD", "T", "退订"}
START_WORDS = {"START", "UNSTOP", "YES", "订阅"}
NOT_ARRIVED = gettext_noop("The provider reports that it did not arrive.")

Kind = Receipt.Kind
View = Callable[..., HttpResponse]
log = logging.getLogger(__name__)


def door(largest: int = SMALL, shown_as: str = "") -> Callable[[View], View]:
    """For providers: POST without cookies, of at most `largest` bytes. `shown_as`: the path in the
    log, where the real one is a secret."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def inner(request: HttpRequest, **kwargs: str) -> HttpResponse:
            request.path = shown_as or request.path
            if int(request.headers.get("Content-Length") or 0) > largest:
                return HttpResponse(status=413)
            try:
                return view(request, **kwargs)
            except Problem as problem:
                return HttpResponse(status=problem.status)

        return inner

    return decorate


def keep(receipts: Collection[Receipt]) -> None:
    if receipts:
        apply.store(receipts)
        jobs.ring_for_receipts()


def short(value: object, length: int) -> str:
    """What a provider says, fit for a column."""
    text = "" if value is None else str(value)
    text = text.replace("\x00", "").encode(errors="replace").decode()
    return " ".join(text.split())[:length]


def own_number(value: object) -> int:
    """The number of a delivery that a provider gives back; 0 when it is none."""
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def answer_to_sms(provider: str, ref: str, number: str, text: str) -> list[Receipt]:
    """A receipt when a person's SMS is one of the words that opt out or in."""
    word = text.strip(" \t\r\n.!。！\"'“”").upper()
    kind = Kind.STOP if word in STOP_WORDS else Kind.START if word in START_WORDS else None
    if kind is None or not number:
        return []
    return [Receipt(provider=provider, ref=ref, channel=Channel.SMS, address=number, kind=kind)]


# Twilio

TWILIO_STATES = {
    "delivered": Kind.DELIVERED,
    "read": Kind.DELIVERED,
    "undelivered": Kind.BOUNCED,
    "failed": Kind.BOUNCED,
}
TWILIO_WORDS = {
    "30003": gettext_noop("The phone is off or out of reach."),
    "30004": gettext_noop("The carrier or the person blocks messages."),
    "30005": gettext_noop("The number is not in service."),
    "30006": gettext_noop("The number cannot get SMS."),
    "30007": gettext_noop("The carrier took it for spam."),
    "30008": gettext_noop("It did not arrive; the carrier does not say why."),
    "21610": gettext_noop("The person answered STOP."),
    "21211": gettext_noop("No such phone number exists."),
    "21614": gettext_noop("The number cannot get SMS."),
}
TWILIO_DEAD = {"30005", "30006", "21211", "21614"}


@door()
@require_POST
def twilio(request: HttpRequest) -> HttpResponse:
    """The status callback of a message."""
    if not signed_by_twilio(request):
        return HttpResponse(status=403)
    form = request.POST
    kind = TWILIO_STATES.get(form.get("MessageStatus", ""))
    ref = short(form.get("MessageSid"), 100)
    if kind and ref:
        code = short(form.get("ErrorCode"), 20)
        words = TWILIO_WORDS.get(code, NOT_ARRIVED)
        receipt = Receipt(
            provider="twilio",
            ref=ref,
            delivery_number=own_number(request.GET.get("delivery")),
            channel=Channel.SMS,
            address=short(form.get("To"), 254),
            kind=kind,
            dead=kind == Kind.BOUNCED and code in TWILIO_DEAD,
            reason="" if kind == Kind.DELIVERED else words,
        )
        keep([receipt])
    return HttpResponse(status=204)


@door()
@require_POST
def twilio_inbound(request: HttpRequest) -> HttpResponse:
    """An SMS of a person to our number."""
    if not signed_by_twilio(request):
        return HttpResponse(status=403)
    # A word of the account's own that Twilio took for one of these.
    text = request.POST.get("OptOutType") or request.POST.get("Body", "")
    number = short(request.POST.get("From"), 254)
    keep(answer_to_sms("twilio", short(request.POST.get("MessageSid"), 100), number, text))
    return HttpResponse(TWIML, content_type="text/xml")


def signed_by_twilio(request: HttpRequest) -> bool:
    """Over the address as Twilio called it, and over each parameter, sorted by name. Some of its
    parts write the port into the address, others do not."""
    path = request.get_full_path()
    host = urlsplit(settings.PUBLIC_URL or request.build_absolute_uri("/"))
    port = host.port or (443 if host.scheme == "https" else 80)
    name = host.netloc.removesuffix(f":{port}")
    pairs = "".join(
        key + value
        for key, values in sorted(request.POST.lists())
        for value in sorted(set(map(str, values)))
    )
    given = request.headers.get("X-Twilio-Signature", "")
    return any(
        constant_time_compare(
            given, twilio_signature(address.secret, f"{host.scheme}://{netloc}{path}{pairs}")
        )
        for address in configured("twilio")
        if address.secret
        for netloc in (name, f"{name}:{port}")
    )


def twilio_signature(token: str, text: str) -> str:
    return b64encode(hmac.new(token.encode(), text.encode(), "sha1").digest()).decode()


def configured(*schemes: str) -> list[registry.Address]:
    """The addresses of the SMS providers of these kinds."""
    found = map(registry.address, settings.SMS_URLS)
    return [address for address in found if address.provider in schemes]


# Yuntongxun


def yuntongxun_secret() -> str:
    """Its reports are not signed, so their address is the secret."""
    return salted_hmac("notices.receipts", "yuntongxun", algorithm="sha256").hexdigest()[:32]


@door(shown_as="/receipts/yuntongxun/…/")
@require_POST
def yuntongxun(request: HttpRequest, secret: str) -> HttpResponse:
    if not constant_time_compare(secret, yuntongxun_secret()):
        return HttpResponse(status=403)
    body = answers.read(request, SMALL)
    facts = body.get("Request", body)
    if isinstance(facts, dict):
        keep(read_yuntongxun(facts))
    return JsonResponse({"statusCode": "000000"})


def read_yuntongxun(facts: dict[str, Any]) -> list[Receipt]:
    """smsType 0: an SMS of a person, with its text as `content`. 1: a report, with the message's
    number there."""
    content = short(facts.get("content"), 100)
    try:
        number = recipients.read_number(short(facts.get("fromNum"), 20))[1]
    except ValueError:
        number = ""
    if str(facts.get("smsType")) == "0":
        at = facts.get("recvTime") or uuid4().hex  # without a time, each counts as another one
        named = json.dumps([number, content, str(at)])
        ref = hashlib.sha256(named.encode()).hexdigest()[:32]
        return answer_to_sms("yuntongxun", ref, number, content)
    status, code = (short(facts.get(name), 20) for name in ("status", "deliverCode"))
    if not content or not (status or code):
        log.warning("A report by Yuntongxun names no message, or not what became of it.")
        return []
    arrived = status == "0" or code == "DELIVRD"
    return [
        Receipt(
            provider="yuntongxun",
            ref=content,
            own_ref=short(facts.get("reqId"), 100),
            channel=Channel.SMS,
            address=number,
            kind=Kind.DELIVERED if arrived else Kind.BOUNCED,
            reason="" if arrived else f"The carrier reports that it did not arrive ({code}).",
        )
    ]


# A gateway of one's own

GATEWAY_STATES = {"delivered": Kind.DELIVERED, "failed": Kind.BOUNCED}


@door()
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """{"id": "…", "delivery": 7, "state": "delivered" or "failed", "reason": "…"}."""
    if not signed_by_gateway(request):
        return HttpResponse(status=403)
    facts = answers.read(request, SMALL)
    kind = GATEWAY_STATES.get(str(facts.get("state")))
    ref, number = short(facts.get("id"), 100), own_number(facts.get("delivery"))
    if kind is None or not (ref or number):
        return HttpResponse(status=400)
    reason = short(facts.get("reason"), 200) or NOT_ARRIVED
    receipt = Receipt(
        provider="webhook",
        ref=ref,
        delivery_number=number,
        channel=Channel.SMS,
        kind=kind,
        reason="" if kind == Kind.DELIVERED else reason,
    )
    keep([receipt])
    return HttpResponse(status=204)


def signed_by_gateway(request: HttpRequest) -> bool:
    given = request.headers.get("X-Bellhop-Signature", "")
    keys = [address.user for address in configured("webhook+https", "webhook+http")]
    return any(
        constant_time_compare(
            given, f"sha256={hmac.new(key.encode(), request.body, hashlib.sha256).hexdigest()}"
        )
        for key in keys
        if key
    )
