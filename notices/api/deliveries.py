"""What became of every message to every person: in parts, or all of it as a stream."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema
from pydantic import AwareDatetime

from notices import channels
from notices.api.bearer import Asked, scope
from notices.api.once import text
from notices.api.paging import Part, listed, number
from notices.api.shapes import PK
from notices.channels import CHANNELS
from notices.models import Delivery, State, Token
from signup import security
from web import tables
from web.problems import Invalid

__all__ = ["router"]

router = Router(tags=["deliveries"])
LOOKED_AT = 20_000  # rows for one part, where no index has those that are wanted beside each other
LATE = timedelta(hours=1)  # that a row may be older than one with a lower number
STREAMED = 1000  # rows at a time
COLUMNS = (
    "id", "notice", "message", "person", "name", "channel", "address", "state", "reason", "tries",
    "provider", "test", "created_at", "changed_at",
)  # fmt: skip


class Wanted(Schema):
    notice: int | None = Field(None, ge=1, le=PK)
    person: int | None = Field(None, ge=1, le=PK, description="The number of a user.")
    state: Literal[tuple(State.values)] | None = None  # type: ignore[valid-type]
    since: AwareDatetime | None = Field(None, description="Made then or later.")


class DeliveryOut(Schema):
    id: int
    notice: int | None
    message: str = Field(description="notice; message of a program; code, welcome …")
    person: int | None
    name: str
    channel: str
    address: str = Field(description="Masked without the scope addresses:read.")
    state: Literal[tuple(State.values)]  # type: ignore[valid-type]
    reason: str
    tries: int
    provider: str
    test: bool
    created_at: datetime
    changed_at: datetime


class Deliveries(Schema):
    items: list[DeliveryOut]
    next: str | None = Field(description="A part may be short of the limit and not be the last.")


@router.get("", response=Deliveries, summary="Deliveries")
@scope("deliveries:read")
def listing(request: Asked, wanted: Query[Wanted], given: Query[Part]) -> dict[str, Any]:
    """Of a notice in the order in which they are sent, else the newest first."""
    rows, following = part(request.auth, wanted, given)
    shown = facts_for(request.auth)
    return listed([shown(each) for each in rows], following)


def stream(kind: str) -> dict[str, Any]:
    content = {kind: {"schema": {"type": "string"}}}
    return {"responses": {200: {"description": "OK", "content": content}}}


@router.get("/csv", summary="Deliveries as CSV", openapi_extra=stream("text/csv"))
@scope("deliveries:export")
def as_csv(request: Asked, wanted: Query[Wanted]) -> StreamingHttpResponse:
    """All of them, a row each."""
    rows = (list(each.values()) for each in every(request.auth, wanted))
    lines = tables.written(with_names(rows))
    return streamed(lines, "text/csv")


@router.get("/ndjson", summary="As lines of JSON", openapi_extra=stream("application/x-ndjson"))
@scope("deliveries:export")
def as_ndjson(request: Asked, wanted: Query[Wanted]) -> StreamingHttpResponse:
    """All of them, an object each."""
    lines = (f"{text(each)}\n" for each in every(request.auth, wanted))
    return streamed(lines, "application/x-ndjson")


def streamed(lines: Iterator[str], kind: str) -> StreamingHttpResponse:
    security.tell("export")
    return StreamingHttpResponse(lines, content_type=f"{kind}; charset=utf-8")


def with_names(rows: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    yield COLUMNS
    yield from rows


def every(token: Token, wanted: Wanted) -> Iterator[dict[str, Any]]:
    shown, given = facts_for(token), Part(cursor="", limit=STREAMED)
    while True:
        rows, following = part(token, wanted, given)
        yield from map(shown, rows)
        if following is None:
            return
        given = Part(cursor=following, limit=STREAMED)


# Asking the database


def part(token: Token, wanted: Wanted, given: Part) -> tuple[list[Delivery], str | None]:
    rows = Delivery.objects.filter(is_test=True) if token.is_test else Delivery.objects.all()
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    if wanted.since:
        rows = rows.filter(created_at__gte=wanted.since)
    rows = rows.defer("values")
    if wanted.notice is not None:
        if wanted.person is not None:
            rows = rows.filter(user=wanted.person)
        return of_notice(rows.filter(notice=wanted.notice), given)
    before = number(given.cursor)
    if wanted.person is not None:
        rows = rows.filter(user=wanted.person).order_by("-pk")
        return cut(list(rows.filter(pk__lt=upto(before))[: given.limit + 1]), given.limit)
    return newest(rows, wanted, upto(before), given.limit)


def upto(before: int | None) -> int:
    return PK if before is None else before


def of_notice(rows: QuerySet[Delivery], given: Part) -> tuple[list[Delivery], str | None]:
    """By channel first, as the indexes have them."""
    first, _dot, last = given.cursor.rpartition(".")
    after = number(last) or 0
    if given.cursor and first not in CHANNELS:
        raise Invalid.field("cursor", _("Take it from the last answer, as it stands there."))
    found: list[Delivery] = []
    for channel in sorted(CHANNELS):
        if channel >= first and len(found) <= given.limit:
            of_channel = rows.filter(channel__range=(channel, channel)).order_by("channel", "id")
            behind = of_channel.filter(pk__gt=after if channel == first else 0)
            found += behind[: given.limit + 1 - len(found)]
    shown = found[: given.limit]
    more = len(found) > given.limit
    return shown, f"{shown[-1].channel}.{shown[-1].pk}" if more else None


def newest(
    rows: QuerySet[Delivery], wanted: Wanted, before: int, most: int
) -> tuple[list[Delivery], str | None]:
    """So many rows are looked at and no more, however few of them are wanted: the part is short
    then, and the next one goes on."""
    top = Delivery.objects.filter(pk__lt=before).order_by("-pk").values_list("pk", flat=True)
    upper = top.first()
    if upper is None:
        return [], None
    lower = max(upper - LOOKED_AT, 0)
    window = rows.filter(pk__gt=lower, pk__lte=upper).order_by("-pk")
    found = list(window[: most + 1])
    if len(found) > most:
        return cut(found, most)
    oldest = Delivery.objects.filter(pk__gt=lower, pk__lte=upper).order_by("pk").first()
    over = wanted.since and oldest and oldest.created_at < wanted.since - LATE
    return found, None if over or not lower else str(lower + 1)


def cut(found: list[Delivery], most: int) -> tuple[list[Delivery], str | None]:
    return found[:most], str(found[most - 1].pk) if len(found) > most else None


def facts_for(token: Token) -> Callable[[Delivery], dict[str, Any]]:
    whole = "addresses:read" in token.scopes
    hide = (lambda text: text) if whole else channels.masked

    def facts(row: Delivery) -> dict[str, Any]:
        return {
            "id": row.pk,
            "notice": row.notice_id,
            "message": row.message,
            "person": row.user_id,
            "name": row.name,
            "channel": row.channel,
            "address": hide(row.address),
            "state": row.state,
            "reason": hide(row.reason),
            "tries": row.tries,
            "provider": row.provider,
            "test": row.is_test,
            "created_at": row.created_at,
            "changed_at": row.changed_at,
        }

    return facts
