"""SMS by Twilio: `twilio://SID:TOKEN@+15550001111`, or a messaging service `MG…` as the sender.

https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
https://www.twilio.com/docs/api/errors
"""

from base64 import b64encode
from typing import Any
from urllib.parse import quote, urlencode

from django.utils.translation import gettext_noop as _

from notices.content.messages import Wording
from notices.models import Delivery
from notices.providers.base import status_callback
from notices.providers.errors import NotSent, Refused, TryLater
from notices.providers.http import BUSY, HTTP, Answer

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


class Twilio(HTTP):
    name = "twilio"
    base = "https://api.twilio.com"

    def send(self, delivery: Delivery, wording: Wording) -> str:
        sid, token, sender = self.address.user, self.address.secret, self.address.place
        form = {
            "To": delivery.address,
            "MessagingServiceSid" if sender.startswith("MG") else "From": sender,
            "Body": wording.text,
        }
        if callback := status_callback(Twilio.name):
            form["StatusCallback"] = f"{callback}?delivery={delivery.pk}"
        headers = {
            "Authorization": f"Basic {b64encode(f'{sid}:{token}'.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        path = f"/2010-04-01/Accounts/{quote(sid, safe='')}/Messages.json"
        return self.read(self.post(path, urlencode(form).encode(), headers))

    def read(self, answer: Answer) -> str:
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
