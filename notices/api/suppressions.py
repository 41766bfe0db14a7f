"""The addresses that get nothing any more, and why."""

from datetime import datetime
from typing import Any, Literal

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema

from notices import channels
from notices.api.bearer import Asked, scope
from notices.api.once import once
from notices.api.paging import Part, listed, part
from notices.api.problems import Refused
from notices.api.shapes import PK, Strict, Text
from notices.audience import suppression
from notices.channels import CHANNELS
from notices.models import Suppression, Token
from signup import security
from web import characters
from web.problems import Invalid

__all__ = ["router"]

router = Router(tags=["suppressions"])
readers = scope("suppressions:read", "suppressions:write")
writers = scope("suppressions:write", tests=False)


class SuppressionIn(Strict):
    channel: Literal["email", "sms"]
    address: Text
    kind: Literal[tuple(Suppression.Kind.values)]  # type: ignore[valid-type]
    note: Text = ""


class LiftIn(Strict):
    reason: Text = Field(description="Why; it is kept.")


class SuppressionOut(Schema):
    id: int
    channel: str
    address: str = Field(description="Masked without the scope addresses:read.")
    kind: str
    since: datetime
    note: str
    lifted_at: datetime | None
    lift_reason: str


class Suppressions(Schema):
    items: list[SuppressionOut]
    next: str | None


class FindIn(Strict):
    channel: Literal["email", "sms"]
    address: Text


@router.get("", response=Suppressions, summary="Suppressions, the newest first")
@readers
def listing(
    request: Asked,
    given: Query[Part],
    channel: Literal["email", "sms"] | None = None,
    lifted: bool = False,
) -> dict[str, Any]:
    rows = Suppression.objects.filter(lifted_at__isnull=not lifted)
    if channel:
        rows = rows.filter(channel=channel)
    found, following = part(rows, given)
    return listed([facts(request.auth, each) for each in found], following)


@router.post("/find", response=Suppressions, summary="What stands against an address")
@scope("addresses:read")
@readers
@once()
def find(request: Asked, body: FindIn) -> tuple[int, dict[str, Any]]:
    """In the body, since addresses of requests are logged by whoever carries them."""
    rows = suppression.active(body.channel, read(body.channel, body.address))
    return 200, listed([facts(request.auth, each) for each in rows], None)


@router.post("", response={201: SuppressionOut}, summary="Put an address on the list")
@writers
@once()
def add(request: Asked, body: SuppressionIn) -> tuple[int, dict[str, Any]]:
    """One that stands there for that reason stays as it is."""
    address = read(body.channel, body.address)
    suppression.add(body.channel, address, body.kind, characters.one_line(body.note))
    security.tell("suppressed", number=1)
    row = suppression.active(body.channel, address).filter(kind=body.kind).first()
    if row is None:
        raise Refused("not_now", _("It was lifted at this moment. Try again."))
    return 201, facts(request.auth, row)


@router.post("/{int:number}/lift", response=SuppressionOut, summary="Take an address off the list")
@writers
@once()
def lift(request: Asked, number: int, body: LiftIn) -> tuple[int, dict[str, Any]]:
    """One that is lifted already stays as it is."""
    row = get_object_or_404(Suppression, pk=min(number, PK))
    reason = characters.one_line(body.reason)
    if not reason:
        raise Invalid.field("reason", _("Say why it is lifted. Nothing was changed."))
    suppression.lift(row.pk, request.auth.author, reason)
    row.refresh_from_db()
    return 200, facts(request.auth, row)


def read(channel: str, address: str) -> str:
    try:
        return CHANNELS[channel].read(characters.clean(address))
    except ValueError as problem:
        raise Invalid.field("address", str(problem)) from None


def facts(token: Token, row: Suppression) -> dict[str, Any]:
    whole = "addresses:read" in token.scopes
    hide = (lambda text: text) if whole else channels.masked
    return {
        "id": row.pk,
        "channel": row.channel,
        "address": hide(row.address),
        "kind": row.kind,
        "since": row.since,
        "note": hide(row.note),
        "lifted_at": row.lifted_at,
        "lift_reason": hide(row.lift_reason),
    }
