"""A code to a number, for the users of another program: sent, checked, shown. The engine is that of
the sign-up (signup/proof.py), with its limits and its budget; the codes are of a purpose of their
own, so none opens anything here."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Router, Schema
from pydantic import Field, IPvAnyAddress, StringConstraints

from config import clock
from notices import channels
from notices.api.bearer import Asked, scope
from notices.api.once import once
from notices.api.problems import Refused
from notices.api.shapes import PK, Strict, Text
from notices.models import CodeRequest, Delivery, Token
from signup import budget, codes, phones, proof, rates, security
from signup.models import CODE_TRIES, Purpose, Verification
from web import characters
from web.problems import Invalid

__all__ = ["router"]

router = Router(tags=["verifications"])


class VerificationIn(Strict):
    mobile: Text = Field(description="Of a country to which codes are sent (SIGNUP_REGIONS).")
    purpose: Annotated[str, StringConstraints(max_length=50)] = Field(
        "", description="Stands in the SMS: “Your code for … is”."
    )
    language: Literal["en", "zh-hans"] | None = None
    client_ip: IPvAnyAddress | None = Field(
        None, description="Of your user: by it the limits and the budget count, too."
    )


class CheckIn(Strict):
    code: Text = Field(description="What the person typed: 6 digits.")


class VerificationOut(Schema):
    id: int
    state: Literal["pending", "verified", "expired", "failed"]
    mobile: str = Field(description="Masked without the scope addresses:read.")
    purpose: str
    tries_left: int
    delivery: str = Field(description="The state of its SMS, as of a message.")
    reason: str
    test: bool
    test_code: str | None = Field(description="Of a test token, whose SMS reaches nobody.")
    created_at: datetime
    expires_at: datetime
    verified_at: datetime | None


@router.post("", response={202: VerificationOut}, summary="Send a code to a number")
@scope("verifications:write")
@once(atomic=False)
def send(request: Asked, body: VerificationIn) -> tuple[int, dict[str, Any]]:
    """It is good for 5 minutes. Asked for again meanwhile with the same purpose, the same digits
    are sent again under the same id."""
    token = request.auth
    try:
        mobile = phones.normalise(body.mobile)
    except ValidationError as problem:
        raise Invalid.field("mobile", problem.messages[0]) from None
    origin = admit(token, mobile, body.client_ip)
    purpose = characters.one_line(body.purpose)
    own = CodeRequest.objects.filter(token=token, purpose=purpose, verification__mobile=mobile)
    held = own.order_by("-pk").values_list("pk", flat=True).first() or 0

    def keep(row: Verification) -> None:
        CodeRequest.objects.get_or_create(
            verification=row, defaults={"token": token, "purpose": purpose}
        )

    verification = proof.send_code(
        mobile, origin, held, Purpose.PROGRAM, keep, is_test=token.is_test,
        language=body.language or settings.LANGUAGE_CODE,
    )  # fmt: skip
    return 202, facts(token, verification)


def admit(token: Token, mobile: str, client: Any) -> str:
    """Counts one more; by whom. A test costs no SMS: it is counted apart, so that a program can
    try what a limit looks like, and nobody's number is used up."""
    rates.spend(rates.Limit("api-code", rates.API_CODE, str(token.pk)))
    origin = rates.origin_of(client) if client else f"token {token.pk}"
    if token.is_test:
        subject = f"test {token.pk} {mobile}"
        rates.spend(rates.Limit("code-number", settings.CODE_LIMIT_NUMBER, subject))
        return origin
    if client:
        rates.spend(rates.Limit("code-origin", settings.CODE_LIMIT_ORIGIN, origin))
    proof.admit(budget.Asked(mobile, origin))
    return origin


@router.get("/{int:number}", response=VerificationOut, summary="What became of a code")
@scope("verifications:write")
def show(request: Asked, number: int) -> dict[str, Any]:
    return facts(request.auth, found(request.auth, number))


@router.post("/{int:number}/check", response=VerificationOut, summary="Check a code")
@scope("verifications:write")
@once(atomic=False)
def check(request: Asked, number: int, body: CheckIn) -> tuple[int, dict[str, Any]]:
    """Right once. After five wrong ones it is of no use any more; who lost the answer asks for the
    verification, whose state is then verified."""
    verification = found(request.auth, number)
    typed = characters.without_unseen(body.code)
    if not re.fullmatch("[0-9]{6}", typed):
        raise Invalid.field("code", _("Enter the code's 6 digits."))
    try:
        proof.check_own(verification, typed)
        proof.spend(verification)
    except Invalid as problem:
        purpose = Purpose.PROGRAM.value
        security.tell("code-refused", purpose=purpose, verification=verification.pk)
        raise Refused("wrong_code", problem.sentence, "code") from None
    verification.refresh_from_db()
    return 200, facts(request.auth, verification)


def found(token: Token, number: int) -> Verification:
    """Its own: another token's is not there."""
    own = Verification.objects.filter(request__token=token, purpose=Purpose.PROGRAM)
    return get_object_or_404(own.select_related("request"), pk=min(number, PK))


def facts(token: Token, row: Verification) -> dict[str, Any]:
    mobile = str(row.mobile)
    whole = "addresses:read" in token.scopes
    last = Delivery.objects.filter(verification=row).order_by("-pk").first()
    reason = last.reason if last else ""
    return {
        "id": row.pk,
        "state": state_of(row),
        "mobile": mobile if whole else channels.masked(mobile),
        "purpose": row.request.purpose,
        "tries_left": max(0, CODE_TRIES - row.tries),
        "delivery": last.state if last else "",
        "reason": reason if whole else channels.masked(reason),
        "test": token.is_test,
        "test_code": codes.derive(row) if token.is_test else None,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "verified_at": row.used_at,
    }


def state_of(row: Verification) -> str:
    if row.used_at:
        return "verified"
    if row.tries >= CODE_TRIES:
        return "failed"
    return "expired" if row.expires_at <= clock.now() else "pending"
