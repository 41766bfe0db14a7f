"""SMS by Yuntongxun (Ronglian): `yuntongxun://SID:TOKEN@APPID?code_template=1`.

It takes approved templates with variables, and numbers of mainland China, and nothing else. A
message goes only when the address names its template: code_template, account_exists_template,
mobile_changed_template, notice_template (whose one variable is the text).

It recognises a request by reqId within one calendar day of China. Whether a refused one uses its
reqId up is not known; so each request has one of its own, only what may have gone is asked again
with the same, and "repeated" (160054) means accepted only when the delivery is in doubt.
"""

import hashlib
import json
import logging
from base64 import b64encode
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext_noop as _

from config import keys
from notices.channels import SMS
from notices.content.messages import REPEATABLE, Wording
from notices.models import Delivery, Receipt
from notices.providers.base import Recognising
from notices.providers.errors import NotSent, Refused, TryLater, Unknown
from notices.providers.exchange import Post
from notices.providers.http import BUSY, HTTP, NONSENSE, Answer
from notices.providers.reporting import Report, Reporting, answer_to_sms, configured, short
from signup import phones
from web import answers

__all__ = ["Yuntongxun"]

CHINA = ZoneInfo("Asia/Shanghai")
MARGIN = timedelta(minutes=5)  # before midnight: clocks differ
log = logging.getLogger(__name__)


def codes(*ranges: int | tuple[int, int]) -> frozenset[str]:
    found: set[str] = set()
    for each in ranges:
        first, last = each if isinstance(each, tuple) else (each, each)
        found.update(str(code) for code in range(first, last + 1))
    return frozenset(found)


SENT = "000000"
REPEATED = codes(160054)
REPEATED_TEXT = codes(160056)  # to the same number
LATER = codes((160001, 160010), 160016, 161006)
INTERNAL = codes(
    (111001, 111099), 160000, 161000, 161001, 161004, (161008, 161012), 161020, (161022, 161024)
)
UNKNOWN = codes(161021)
TOO_OFTEN = codes(160038)
ACCOUNT = codes(
    112311, 112313, 112315, 112318, 112323, 160032, 160036, 160043, 160057, 160019, 112310, 112305,
    113302, 112302, 112303,
    111109, 111141, 111181, (161100, 161108), 160053,
    160014, 161002, 161003, 161005,
)  # fmt: skip
TEMPLATE = _("The provider cannot use our template or account. Somebody must look at it.")
NEVER = [
    (_("The number has had as many SMS today as the provider allows."), "",
     codes((160039, 160041), 160015, 160021, 160022, 112314)),
    (_("The number is not in service."), "dead",
     codes(160042, 160013, 112316, 112319, 112328)),
    (_("The number is on the provider's list of those who want no SMS."), "opted_out",
     codes(112317, 160034, 160051)),
    (_("The provider does not allow this wording."), "",
     codes(160033, 160011, 160018, 160049, 161007, 160046)),
    (_("The number has just had the same text."), "", REPEATED_TEXT),
]  # fmt: skip


class Yuntongxun(HTTP, Recognising, Reporting):
    name = "yuntongxun"
    base = "https://app.cloopen.com:8883"

    def template(self, delivery: Delivery) -> str:
        return self.address.options.get(f"{delivery.message}_template", "")

    def carries(self, delivery: Delivery, wording: Wording) -> bool:
        domestic = len(delivery.address) == 14 and delivery.address.startswith("+861")
        return domestic and bool(self.template(delivery))

    def recognises_until(self) -> datetime | None:
        midnight = today() + timedelta(days=1)
        return midnight - MARGIN if timezone.now() < midnight - MARGIN else None

    def request(self, delivery: Delivery, wording: Wording) -> Post:
        again = self.asked_as(delivery)
        request_id = again or new_number()
        facts = {
            "to": delivery.address.removeprefix("+86"),
            "appId": self.address.place,
            "templateId": self.template(delivery),
            "datas": list(wording.variables),
            "reqId": request_id,
        }
        path, headers = self.signed()
        in_doubt = delivery.doubt_until is not None or delivery.message in REPEATABLE
        return self.post(
            path,
            json.dumps(facts).encode(),
            headers,
            request_id=request_id,
            again=bool(again) and in_doubt,
        )

    def asked_as(self, delivery: Delivery) -> str:
        """The reqId of an earlier request of today that may have gone."""
        mine = delivery.provider == self.name
        return delivery.provider_ref if mine and delivery.provider_ref.startswith(day()) else ""

    def signed(self) -> tuple[str, dict[str, str]]:
        sid, token = self.address.user, self.address.secret
        stamp = timezone.now().astimezone(CHINA).strftime("%Y%m%d%H%M%S")
        mac = hashlib.md5(f"{sid}{token}{stamp}".encode(), usedforsecurity=False)
        path = f"/2013-12-26/Accounts/{sid}/SMS/TemplateSMS?sig={mac.hexdigest().upper()}"
        return path, {
            "Authorization": b64encode(f"{sid}:{stamp}".encode()).decode(),
            "Accept": "application/json",
            "Content-Type": "application/json;charset=utf-8",
        }

    def read(self, answer: Answer, post: Post) -> str:
        code, request_id = answer.facts.get("statusCode"), post.request_id
        if not isinstance(code, str):
            raise self.not_documented(answer, request_id)
        if code == SENT and answer.ok:
            return number(answer)
        if post.again and code in REPEATED | REPEATED_TEXT:  # the first one went
            return request_id
        raise self.explained(code, request_id)

    def explained(self, code: str, request_id: str) -> NotSent:
        for reason, suppress, known in NEVER:
            if code in known:
                return Refused(reason, code=code, suppress=suppress)
        if code in REPEATED:  # to ask again would prove nothing: without it
            return Unknown(NONSENSE, code=code)
        if code in UNKNOWN or code == SENT:
            return Unknown(NONSENSE, code=code, request_id=request_id)
        if code in LATER:
            return TryLater(BUSY, code=code)
        if code in INTERNAL:
            return TryLater(BUSY, code=code, request_id=request_id)
        if code in TOO_OFTEN:
            return TryLater(_("The number has just had a code."), 60, code=code)
        if code in ACCOUNT:
            return self.our_fault(code, TEMPLATE)
        return Refused(_("The provider refused it."), code=code[:10])

    # What it reports

    @classmethod
    def endpoints(cls) -> dict[str, str]:
        return {"Yuntongxun (secret)": f"{secret()}/"}

    @classmethod
    def receive(cls, request: HttpRequest, rest: str) -> Report:
        known = [constant_time_compare(rest, f"{secret(key)}/") for key in keys.known()]
        if not (any(known) and configured(cls.name)):
            raise PermissionDenied
        body = answers.read(request)
        facts = body.get("Request", body)
        receipts = read(facts) if isinstance(facts, dict) else []
        return Report(receipts, JsonResponse({"statusCode": SENT}))


def secret(key: str | None = None) -> str:
    """Its reports are not signed, so their address is the secret; by the SECRET_KEY of today."""
    mac = salted_hmac("notices.receipts", Yuntongxun.name, key, algorithm="sha256")
    return mac.hexdigest()[:32]


def read(facts: dict[str, Any]) -> list[Receipt]:
    """smsType 0: an SMS of a person, with its text as `content`. 1: a report, with the message's
    id there."""
    content = short(facts.get("content"), 100)
    number = phones.identity(short(facts.get("fromNum"), 20), "CN")
    if str(facts.get("smsType")) == "0":
        at = facts.get("recvTime") or uuid4().hex  # without a time, each counts as another one
        named = json.dumps([number, content, str(at)])
        own_id = hashlib.sha256(named.encode()).hexdigest()[:32]
        return answer_to_sms(Yuntongxun.name, own_id, number, content)
    status, code = (short(facts.get(name), 20) for name in ("status", "deliverCode"))
    if not content or not (status or code):
        log.warning("A report by Yuntongxun names no message, or not what became of it.")
        return []
    arrived = status == "0" or code == "DELIVRD"
    return [
        Receipt(
            provider=Yuntongxun.name,
            ref=content,
            own_ref=short(facts.get("reqId"), 100),
            channel=SMS,
            address=number,
            kind=Receipt.Kind.DELIVERED if arrived else Receipt.Kind.BOUNCED,
            reason="" if arrived else f"The carrier reports that it did not arrive ({code}).",
        )
    ]


def today() -> datetime:
    now = timezone.now().astimezone(CHINA)
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def day() -> str:
    return today().strftime("%Y%m%d")


def new_number() -> str:
    """A reqId: 32 letters and digits, which no other request has."""
    return day() + token_hex(12)


def number(answer: Answer) -> str:
    """The provider's own, whose name is written in capitals or not as the day goes."""
    facts = {name.lower(): value for name, value in answer.facts.items()}
    inner = facts.get("templatesms")
    if not isinstance(inner, dict):
        return ""
    return str({name.lower(): value for name, value in inner.items()}.get("smsmessagesid") or "")
