"""People: found, added and changed by the form of the page."""

from datetime import datetime
from typing import Any, Literal

from django.db import IntegrityError
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema

from notices import channels
from notices.api.bearer import Asked, scope
from notices.api.once import once
from notices.api.paging import Part, listed, part
from notices.api.problems import Refused
from notices.api.shapes import PK, Strict, Text
from notices.channels import CHANNELS, EMAIL, SMS
from notices.models import Token
from notices.pages import people
from notices.pages.person import OWN, Form, let_be
from signup import groups, usernames
from signup.models import User
from signup.person_form import may_touch
from web import characters
from web.problems import Invalid

__all__ = ["router"]

router = Router(tags=["people"])
readers = scope("people:read", "people:write")
writers = scope("people:write", tests=False)


class PersonIn(Strict):
    """What is not named stays as it is."""

    name: Text | None = None
    username: Text | None = Field(None, description="Of who is new and names none one is made.")
    email: Text | None = None
    mobile: Text | None = None
    language: Literal["en", "zh-hans"] | None = None
    time_zone: Text | None = None
    wants_email: bool | None = None
    wants_sms: bool | None = None
    groups: list[Text] | None = Field(None, max_length=100, description="All of them, by name.")
    attributes: dict[Text, Text] | None = Field(None, description="An empty one is taken away.")


class FindIn(Strict):
    username: Text | None = None
    email: Text | None = None
    mobile: Text | None = None


class PersonOut(Schema):
    id: int
    username: str
    name: str
    email: str = Field(description="Masked without the scope addresses:read, as is the mobile.")
    mobile: str
    language: str
    time_zone: str
    wants_email: bool
    wants_sms: bool
    active: bool
    staff: bool
    groups: list[str]
    attributes: dict[str, str]
    joined_at: datetime


class People(Schema):
    items: list[PersonOut]
    next: str | None


class Wanted(Schema):
    group: int | None = Field(None, ge=1, le=PK, description="The number of a group.")
    language: Literal["en", "zh-hans"] | None = None
    channel: Literal["email", "sms"] | None = Field(None, description="Who is reached by it.")
    state: Literal["active", "inactive", "staff"] | None = None


@router.get("", response=People, summary="People, the newest first")
@readers
def listing(request: Asked, wanted: Query[Wanted], given: Query[Part]) -> dict[str, Any]:
    asked = {"q": "", "before": "", **{name: str(value or "") for name, value in wanted}}
    rows, following = part(with_groups(people.found(asked, by_address=False)), given)
    return listed([facts(request.auth, each) for each in rows], following)


@router.post("/find", response=PersonOut, summary="Find a person")
@readers
@once()
def find(request: Asked, body: FindIn) -> tuple[int, dict[str, Any]]:
    """By one of the three, written in any way. By an address: with the scope addresses:read."""
    given = {name: value for name, value in body if value is not None}
    if len(given) != 1:
        raise Invalid(_("Name one: username, email or mobile."))
    ((kind, value),) = given.items()
    if kind == "username":
        wanted = {"name_key": usernames.key(characters.clean(value))}
    elif "addresses:read" in request.auth.scopes:
        wanted = {kind: address(kind, value)}
    else:
        sentence = _("This token lacks the scope %s.") % "addresses:read"
        raise Refused("missing_scope", sentence)
    return 200, facts(request.auth, get_object_or_404(with_groups(User.objects), **wanted))


@router.get("/{int:number}", response=PersonOut, summary="One person")
@readers
def show(request: Asked, number: int) -> dict[str, Any]:
    return facts(request.auth, found(number))


@router.post("", response={201: PersonOut}, summary="Add a person")
@writers
@once()
def add(request: Asked, body: PersonIn) -> tuple[int, dict[str, Any]]:
    return 201, write(request, User(), body)


@router.patch("/{int:number}", response=PersonOut, summary="Change a person")
@writers
def change(request: Asked, number: int, body: PersonIn) -> dict[str, Any]:
    return write(request, touched(request, number), body)


@router.post("/{int:number}/deactivate", response=PersonOut, summary="Deactivate a person")
@writers
@once()
def deactivate(request: Asked, number: int) -> tuple[int, dict[str, Any]]:
    """No notices, and no signing in."""
    let_be(touched(request, number), False, request.auth.author)
    return 200, facts(request.auth, found(number))


@router.post("/{int:number}/activate", response=PersonOut, summary="The other way round")
@writers
@once()
def activate(request: Asked, number: int) -> tuple[int, dict[str, Any]]:
    let_be(touched(request, number), True, request.auth.author)
    return 200, facts(request.auth, found(number))


def with_groups(rows: Any) -> QuerySet[User]:
    return rows.prefetch_related("memberships__group")  # type: ignore[no-any-return]


def found(number: int) -> User:
    return get_object_or_404(with_groups(User.objects), pk=min(number, PK))


def touched(request: Asked, number: int) -> User:
    person = found(number)
    if not may_touch(request, person):
        raise Refused("forbidden", _("Accounts of staff are changed by administrators."))
    return person


def address(kind: str, text: str) -> str:
    try:
        return CHANNELS[EMAIL if kind == "email" else SMS].read(characters.clean(text))
    except ValueError as problem:
        raise Invalid.field(kind, str(problem)) from None


def write(request: Asked, person: User, body: PersonIn) -> dict[str, Any]:
    form = Form(data_of(person, body), instance=person)
    if not form.is_valid():
        raise Invalid(errors={name: list(map(str, each)) for name, each in form.errors.items()})
    try:
        saved = form.save_all(request.auth.author)
    except IntegrityError:
        problem = _("The username, email or number was taken a moment ago. Look at them again.")
        raise Invalid(problem) from None
    return facts(request.auth, found(saved.pk))


def data_of(person: User, body: PersonIn) -> dict[str, Any]:
    """As the page would post it: what is there, and over it what is named."""
    form = Form(instance=person)
    data = {name: form[name].initial for name in form.fields}
    data["mobile"], data["groups"] = str(data["mobile"] or ""), [g.pk for g in data["groups"] or ()]
    given = body.model_dump(exclude_none=True, exclude={"groups", "attributes"})
    data |= {name: clean(value) for name, value in given.items()}
    if body.groups is not None:
        data["groups"] = [group(name) for name in body.groups]
    for name, value in (body.attributes or {}).items():
        if name not in form.attributes:
            raise Invalid.field("attributes", _("There is no attribute of this name."))
        data[OWN + name] = clean(value)
    return data


def clean(value: Any) -> Any:
    return characters.clean(value) if isinstance(value, str) else value


def group(name: str) -> int:
    if there := groups.find(characters.clean(name)):
        return there.pk
    raise Invalid.field("groups", _("There is no group of this name."))


def facts(token: Token, person: User) -> dict[str, Any]:
    whole = "addresses:read" in token.scopes
    hide = (lambda text: text) if whole else channels.masked
    plain = ("username", "name", "language", "time_zone", "wants_email", "wants_sms")
    return {
        "id": person.pk,
        **{name: getattr(person, name) for name in plain},
        "email": hide(person.email),
        "mobile": hide(str(person.mobile or "")),
        "active": person.is_active,
        "staff": person.is_staff,
        "groups": sorted(each.group.name for each in person.memberships.all()),
        "attributes": person.attributes or {},
        "joined_at": person.date_joined,
    }
