"""Groups of people: made, renamed, filled, deleted."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status

from notices.api.bearer import Asked, scope
from notices.api.once import once
from notices.api.paging import Part, listed, part
from notices.api.problems import Refused
from notices.api.shapes import PK, Strict, Text
from notices.audience import uses
from signup import groups, security
from signup.models import Group, Membership, User
from web import characters
from web.problems import Invalid

__all__ = ["router"]

router = Router(tags=["groups"])
readers = scope("people:read", "people:write")
writers = scope("people:write", tests=False)


class GroupIn(Strict):
    name: Text


class MembersIn(Strict):
    add: list[int] = Field([], max_length=5000, description="Numbers of people.")
    remove: list[int] = Field([], max_length=5000)


class GroupOut(Schema):
    id: int
    name: str
    people: int


class Groups(Schema):
    items: list[GroupOut]
    next: str | None


@router.get("", response=Groups, summary="Groups, the newest first")
@readers
def listing(request: Asked, given: Query[Part]) -> dict[str, Any]:
    every: Any = Group.objects.annotate(people=Count("memberships"))
    rows, following = part(every, given)
    shown = [{"id": each.pk, "name": each.name, "people": each.people} for each in rows]
    return listed(shown, following)


@router.get("/{int:number}", response=GroupOut, summary="One group")
@readers
def show(request: Asked, number: int) -> dict[str, Any]:
    return facts(found(number))


@router.post("", response={201: GroupOut}, summary="Make a group")
@writers
@once()
def make(request: Asked, body: GroupIn) -> tuple[int, dict[str, Any]]:
    """One that is there already stays as it is."""
    try:
        group, _is_new = groups.make(characters.clean(body.name))
    except ValidationError as problem:
        raise Invalid.field("name", problem.messages[0]) from None
    security.tell("groups-changed", step="make")
    return 201, facts(group)


@router.patch("/{int:number}", response=GroupOut, summary="Rename a group")
@writers
def rename(request: Asked, number: int, body: GroupIn) -> dict[str, Any]:
    try:
        groups.rename(found(number), characters.clean(body.name))
    except ValidationError as problem:
        raise Invalid.field("name", problem.messages[0]) from None
    security.tell("groups-changed", step="rename")
    return facts(found(number))


@router.post("/{int:number}/members", response=GroupOut, summary="Put people in, take them out")
@writers
@once()
def members(request: Asked, number: int, body: MembersIn) -> tuple[int, dict[str, Any]]:
    """Numbers that nobody has are passed over."""
    group = found(number)
    fits = [each for each in body.add if 0 < each <= PK]
    gone = [each for each in body.remove if 0 < each <= PK]
    with transaction.atomic():
        groups.add(group, list(User.objects.filter(pk__in=fits).values_list("pk", flat=True)))
        Membership.objects.filter(group=group, user__in=gone).delete()
    security.tell("groups-changed", step="members")
    return 200, facts(group)


@router.delete("/{int:number}", response={204: None}, summary="Delete a group")
@writers
def delete(request: Asked, number: int) -> Status[None]:
    """The people stay. Not while somebody is still to be told by it."""
    try:
        uses.delete_group(min(number, PK))
    except ValidationError as problem:
        raise Refused("in_use", problem.messages[0]) from None
    security.tell("groups-changed", step="delete")
    return Status(204, None)


def found(number: int) -> Group:
    return get_object_or_404(Group, pk=min(number, PK))


def facts(group: Group) -> dict[str, Any]:
    return {"id": group.pk, "name": group.name, "people": group.memberships.count()}
