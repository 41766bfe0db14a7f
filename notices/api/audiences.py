"""Saved audiences: whom to tell, by conditions that are judged anew each time."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status

from notices.api.bearer import Asked, scope
from notices.api.once import once
from notices.api.paging import Part, listed, part
from notices.api.problems import Refused
from notices.api.shapes import PK, Strict, Text
from notices.audience import conditions, uses
from notices.channels import CHANNELS
from notices.models import SavedAudience
from notices.pages.audience_form import AudienceForm, Row
from notices.pages.reach import reach_of_people
from signup import security
from web import characters
from web.problems import Invalid

__all__ = ["router"]

router = Router(tags=["audiences"])
readers = scope("people:read", "people:write")
writers = scope("people:write", tests=False)


class Condition(Strict):
    what: Text = Field(description="group, language, channel, before, after, sent … attribute:NAME")
    value: Text = ""
    negated: bool = False


class AudienceIn(Strict):
    name: Text
    any: list[list[Condition]] = Field(
        max_length=20, description="Alternatives, each a list of what has to be true."
    )


class AudienceLine(Schema):
    id: int
    name: str
    any: list[list[Condition]]
    words: str
    changed_at: datetime


class AudienceOut(AudienceLine):
    recipients: dict[str, int] = Field(description="By channel, at this moment.")


class Audiences(Schema):
    items: list[AudienceLine]
    next: str | None


@router.get("", response=Audiences, summary="Saved audiences, the newest first")
@readers
def listing(request: Asked, given: Query[Part]) -> dict[str, Any]:
    rows, following = part(SavedAudience.objects.all(), given)
    return listed([line(each) for each in rows], following)


@router.get("/{int:number}", response=AudienceOut, summary="One audience, and how many it reaches")
@readers
def show(request: Asked, number: int) -> dict[str, Any]:
    return facts(found(number))


@router.post("", response={201: AudienceOut}, summary="Save an audience")
@writers
@once()
def save(request: Asked, body: AudienceIn) -> tuple[int, dict[str, Any]]:
    return 201, write(request, SavedAudience(), body)


@router.put("/{int:number}", response=AudienceOut, summary="Change an audience")
@writers
def change(request: Asked, number: int, body: AudienceIn) -> dict[str, Any]:
    return write(request, found(number), body)


@router.delete("/{int:number}", response={204: None}, summary="Delete an audience")
@writers
def delete(request: Asked, number: int) -> Status[None]:
    """Not while somebody is still to be told by it."""
    try:
        uses.delete_audience(min(number, PK))
    except ValidationError as problem:
        raise Refused("in_use", problem.messages[0]) from None
    security.tell("audience-changed", audience=min(number, PK))
    return Status(204, None)


def found(number: int) -> SavedAudience:
    return get_object_or_404(SavedAudience, pk=min(number, PK))


def write(request: Asked, saved: SavedAudience, body: AudienceIn) -> dict[str, Any]:
    rows = [
        Row(
            "and" if position else "or", each.negated, characters.clean(each.what),
            characters.clean(each.value),
        )
        for together in body.any
        for position, each in enumerate(together)
    ]  # fmt: skip
    form = AudienceForm(characters.clean(body.name), rows)
    form.take_all()
    if not form.is_right:
        problems = [form.problem, *(row.problem for row in form.rows)]
        raise Invalid(errors={"any": list(filter(None, problems))})
    if not form.save(saved, request.auth.author):
        raise Invalid.field("name", form.name_problem)
    return facts(saved)


def line(saved: SavedAudience) -> dict[str, Any]:
    alternatives: list[list[dict[str, Any]]] = []
    for join, negated, what, value in conditions.written(saved.conditions):
        if join == "or":
            alternatives.append([])
        alternatives[-1].append({"what": what, "value": value, "negated": negated})
    return {
        "id": saved.pk,
        "name": saved.name,
        "any": alternatives,
        "words": conditions.sentence(saved.conditions),
        "changed_at": saved.changed_at,
    }


def facts(saved: SavedAudience) -> dict[str, Any]:
    counted = reach_of_people(conditions.fitting(saved.conditions), list(CHANNELS.values()))
    reached = {name: each.recipients for name, each in counted.items()}
    return line(saved) | {"recipients": reached}
