"""SMS by a gateway of one's own: `webhook+https://KEY@host/path` (docs/running.md).

POST {"to": "+8613…", "body": "…", "delivery": 7} as JSON. With a KEY, the header
X-Bellhop-Signature is "sha256=" and the HMAC of the body. The gateway answers
nothing, or {"id": "…"}. Later it may report, signed the same way:
{"id": "…", "delivery": 7, "state": "delivered" or "failed", "reason": "…"}.
With a header X-Bellhop-Timestamp its time is signed, too (docs/receipts.md).
"""

import hashlib
import hmac
import json
import logging
import time
from urllib.parse import unquote, urlsplit

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_noop as _

from notices.channels import SMS
from notices.content.messages import Wording
from notices.models import Delivery, Receipt
from notices.providers import registry
from notices.providers.errors import Refused
from notices.providers.exchange import Post
from notices.providers.http import HTTP, NOT_NOW, Answer, in_doubt
from notices.providers.reporting import (
    NOT_ARRIVED,
    Report,
    Reporting,
    configured,
    own_number,
    short,
)
from web import answers

__all__ = ["Gateway"]

WINDOW_SECONDS = 300  # that a report with a time may be on its way, and that clocks may differ
log = logging.getLogger(__name__)

REPORTED = {"delivered": Receipt.Kind.DELIVERED, "failed": Receipt.Kind.BOUNCED}


class Gateway(HTTP, Reporting):
    name = "webhook"  # as rows and addresses have it

    def __init__(self, url: str) -> None:
        super().__init__(url)
        parts = urlsplit(url.removeprefix("webhook+"))
        self.key = unquote(parts.username or "")
        self.base = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path or '/'}"
        # `rate` is ours, the rest of the query the gateway's.
        rest = [option for option in parts.query.split("&") if not option.startswith("rate=")]
        self.query = f"?{'&'.join(rest)}" if any(rest) else ""

    def request(self, delivery: Delivery, wording: Wording) -> Post:
        facts = {"to": delivery.address, "body": wording.text, "delivery": delivery.pk}
        body = json.dumps(facts).encode()
        headers = {"Content-Type": "application/json"}
        if self.key:
            headers["X-Bellhop-Signature"] = signature(self.key, body)
        return self.post(self.query, body, headers)

    def read(self, answer: Answer, post: Post) -> str:
        if answer.ok:
            if not answer.clear or answer.facts.get("error"):
                raise self.not_documented(answer)
            return str(answer.facts.get("id") or "")
        if answer.status in NOT_NOW or in_doubt(answer.status):
            raise self.not_documented(answer)
        raise Refused(_("The gateway refused it."), code=answer.status)

    # What it reports

    @classmethod
    def endpoints(cls) -> dict[str, str]:
        return {"A gateway of your own": ""}

    @classmethod
    def receive(cls, request: HttpRequest, rest: str) -> Report:
        if rest:
            raise Http404
        if not signed(request):
            raise PermissionDenied
        facts = answers.read(request)
        kind = REPORTED.get(str(facts.get("state")))
        message_id, number = short(facts.get("id"), 100), own_number(facts.get("delivery"))
        if kind is None or not (message_id or number):
            return Report([], HttpResponse(status=400))
        reason = short(facts.get("reason"), 200) or NOT_ARRIVED
        receipt = Receipt(
            provider=cls.name,
            ref=message_id,
            delivery_number=number,
            channel=SMS,
            kind=kind,
            reason="" if kind == Receipt.Kind.DELIVERED else reason,
        )
        return Report([receipt], HttpResponse(status=204))


def signed(request: HttpRequest) -> bool:
    """Over the body; with the header X-Bellhop-Timestamp over it, a full stop and the body, so that
    what somebody recorded is good for minutes only. No body of the one kind is one of the other."""
    given, body = request.headers.get("X-Bellhop-Signature", ""), request.body
    stamp = request.headers.get("X-Bellhop-Timestamp")
    if stamp is not None:
        if abs(time.time() - own_number(stamp)) > WINDOW_SECONDS:
            log.warning("A report by the gateway is not of the last minutes. Are the clocks right?")
            return False
        body = f"{stamp}.".encode() + body
    keys = [address.user for address in configured(*registry.SCHEMES[Gateway.name])]
    return any(constant_time_compare(given, signature(key, body)) for key in keys if key)


def signature(key: str, body: bytes) -> str:
    return f"sha256={hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}"
