"""SMS by Twilio: `twilio://SID:TOKEN@+15550001111`, or a messaging service `MG…` as the sender.

https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
https://www.twilio.com/docs/api/errors
https://www.twilio.com/docs/usage/security#validating-requests
"""

import hmac
from base64 import b64encode
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_noop as _

from notices.channels import SMS
from notices.content.messages import Wording
from notices.models import Delivery, Receipt
from notices.providers.errors import NotSent, Refused, TryLater
from notices.providers.exchange import Post
from notices.providers.http import BUSY, HTTP, Answer
from notices.providers.reporting import (
    NOT_ARRIVED,
    Report,
    Reporting,
    answer_to_sms,
    configured,
    own_number,
    short,
)
from signup import phones

__all__ = ["Twilio"]

NO_SUCH_NUMBER = _("The number is not in service.")
NO_MOBILE = _("The number cannot receive SMS.")
NOT_THERE = _("Twilio does not send to this country or number from ours.")
OPTED_OUT = _("The person has answered STOP to this sender.")
TEXT = _("Twilio does not take this text. It is empty or too long.")
TRIAL = _("Twilio's trial account sends to verified numbers only.")
NEVER = {
    21211: (NO_SUCH_NUMBER, "dead"),
    21214: (NO_SUCH_NUMBER, "dead"),
    21217: (NO_SUCH_NUMBER, "dead"),
    21263: (NO_SUCH_NUMBER, "dead"),
    21264: (NO_SUCH_NUMBER, "dead"),
    21265: (NO_MOBILE, "dead"),  # a short code
    21268: (NO_MOBILE, "dead"),  # a premium number
    21614: (NO_MOBILE, "dead"),
    21635: (NO_MOBILE, "dead"),  # a landline
    21266: (NOT_THERE, ""),  # to ourselves
    21408: (NOT_THERE, ""),
    21612: (NOT_THERE, ""),
    21610: (OPTED_OUT, "opted_out"),
    21602: (TEXT, ""),
    21605: (TEXT, ""),
    21617: (TEXT, ""),
    21608: (TRIAL, ""),
}
LATER = (14107, 20429, 20500, 20503, 20504, 21611, 30001, 30022)
ACCOUNT = (  # credentials, suspended, sender not ours, daily limit
    20003, 20005, 20006, 20008, 20403, 20404, 21212, 21267, 21601, 21603, 21606, 21659, 21660,
    21661, 21701, 21703, 21704, 21705, 30002, 63038,
)  # fmt: skip
FAILED = ("failed", "undelivered", "canceled")
# What it reports later, and why something did not arrive; NEVER says it of the others.
REPORTED = {
    "delivered": Receipt.Kind.DELIVERED,
    "read": Receipt.Kind.DELIVERED,
    "undelivered": Receipt.Kind.BOUNCED,
    "failed": Receipt.Kind.BOUNCED,
}
BECAUSE = NEVER | {
    30003: (_("The phone is off or out of reach."), ""),
    30004: (_("The carrier or the person blocks messages."), ""),
    30005: (NO_SUCH_NUMBER, "dead"),
    30006: (NO_MOBILE, "dead"),
    30007: (_("The carrier took it for spam."), ""),
    30008: (_("It did not arrive; the carrier does not say why."), ""),
}
TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


class Twilio(HTTP, Reporting):
    name = "twilio"
    base = "https://api.twilio.com"

    def request(self, delivery: Delivery, wording: Wording) -> Post:
        sid, token, sender = self.address.user, self.address.secret, self.address.place
        form = {
            "To": delivery.address,
            "MessagingServiceSid" if sender.startswith("MG") else "From": sender,
            "Body": wording.text,
        }
        if callback := self.reports_to():
            form["StatusCallback"] = f"{callback}?delivery={delivery.pk}"
        headers = {
            "Authorization": f"Basic {b64encode(f'{sid}:{token}'.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        path = f"/2010-04-01/Accounts/{quote(sid, safe='')}/Messages.json"
        return self.post(path, urlencode(form).encode(), headers)

    def read(self, answer: Answer, post: Post) -> str:
        number = answer.facts.get("sid")
        code = answer.facts.get("error_code" if answer.ok else "code")
        failed = answer.facts.get("status") in FAILED
        if answer.ok and isinstance(number, str) and number and not (code or failed):
            return number
        raise self.explained(code, answer)

    def explained(self, code: Any, answer: Answer) -> NotSent:
        if not isinstance(code, int) or isinstance(code, bool):
            return self.not_documented(answer)
        if code in NEVER:
            reason, suppress = NEVER[code]
            return Refused(reason, code=code, suppress=suppress)
        if code in LATER:
            return TryLater(BUSY, answer.wait, code=code)
        if code in ACCOUNT:
            return self.our_fault(code)
        if answer.ok or answer.status == 400:
            return Refused(_("Twilio refused it."), code=code)
        return self.not_documented(answer)

    # What it reports

    @classmethod
    def endpoints(cls) -> dict[str, str]:
        return {"Twilio, status callback": "", "Twilio, a message comes in": "inbound/"}

    @classmethod
    def receive(cls, request: HttpRequest, rest: str) -> Report:
        if not signed(request):
            raise PermissionDenied
        if rest == "":
            return Report(status(request), HttpResponse(status=204))
        if rest == "inbound/":
            return Report(inbound(request), HttpResponse(TWIML, content_type="text/xml"))
        raise Http404


def status(request: HttpRequest) -> list[Receipt]:
    """The status callback of a message."""
    form = request.POST
    kind = REPORTED.get(form.get("MessageStatus", ""))
    message_id = short(form.get("MessageSid"), 100)
    if not (kind and message_id):
        return []
    bounced, code = kind == Receipt.Kind.BOUNCED, own_number(form.get("ErrorCode"))
    reason, suppress = BECAUSE.get(code, (NOT_ARRIVED, "")) if bounced else ("", "")
    return [
        Receipt(
            provider=Twilio.name,
            ref=message_id,
            delivery_number=own_number(request.GET.get("delivery")),
            channel=SMS,
            address=phones.identity(short(form.get("To"), 30)),
            kind=kind,
            dead=suppress == "dead",
            reason=reason,
        )
    ]


def inbound(request: HttpRequest) -> list[Receipt]:
    """An SMS of a person to our number."""
    # OptOutType: a word of the account's own that Twilio took for one of these.
    text = request.POST.get("OptOutType") or request.POST.get("Body", "")
    number, sid = (short(request.POST.get(name), 100) for name in ("From", "MessageSid"))
    return answer_to_sms(Twilio.name, sid, phones.identity(number), text)


def signed(request: HttpRequest) -> bool:
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
            given, signature(address.secret, f"{host.scheme}://{netloc}{path}{pairs}")
        )
        for address in configured("twilio")
        if address.secret
        for netloc in (name, f"{name}:{port}")
    )


def signature(token: str, text: str) -> str:
    return b64encode(hmac.new(token.encode(), text.encode(), "sha1").digest()).decode()
