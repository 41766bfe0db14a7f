"""The staff's page of roles: who has which, what each opens, giving and taking."""

from typing import Any, NamedTuple

from django.contrib import messages
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from notices import rights
from notices.pages import posted
from notices.rights import right_required
from signup import roles, usernames
from signup.models import User
from web.access import StaffRequest

__all__ = ["act", "listing"]

SHOWN = 200  # people of a role


class Role(NamedTuple):
    group: Group
    name: str
    purpose: str
    rights: list[str]
    people: list[User]
    is_yours_to_give: bool


@require_GET
@right_required(rights.ROLES, rights.SEE_WHO_DID_WHAT)
def listing(request: StaffRequest) -> HttpResponse:
    return show(request)


def show(request: StaffRequest, problem: str = "") -> HttpResponse:
    context = {
        "roles": [described(each, request.user) for each in in_order()],
        "superusers": User.objects.filter(is_superuser=True, is_active=True)[:SHOWN],
        "problem": problem,
        "tried": posted.number(request, "role") if problem else None,
        "typed": request.POST.get("username", "")[:100] if problem else "",
    }
    return render(request, "people/roles.html", context, status=400 if problem else 200)


def in_order() -> list[Group]:
    """Those of the migration as it has them, then whatever else superusers made."""
    known = list(roles.WORDS)
    last = len(known)
    return sorted(
        Group.objects.all(),
        key=lambda group: (known.index(group.name) if group.name in known else last, group.name),
    )


def described(group: Group, reader: Any) -> Role:
    return Role(
        group,
        *roles.in_words(group),
        rights.in_words(roles.rights_of(group)),
        list(group.user_set.order_by("username")[:SHOWN]),
        reader.has_perm(rights.ROLES) and roles.may_hand_out(reader, group),
    )


@require_POST
@right_required(rights.ROLES)
def act(request: StaffRequest) -> HttpResponse:
    """POST `do`: give, with a `username`, or take, with the number of a `user`."""
    do, role = request.POST.get("do", ""), posted.number(request, "role")
    try:
        if do == "give":
            person = named(request.POST.get("username", ""))
            given = roles.give(role, person, request.user)
            sentence = _("%(name)s has the role “%(role)s” now.")
        elif do == "take":
            person = get_object_or_404(User, pk=posted.number(request, "user"))
            given = roles.take(role, person, request.user)
            sentence = _("%(name)s has the role “%(role)s” no more.")
        else:
            raise Http404
    except Group.DoesNotExist:
        raise Http404 from None
    except ValidationError as problem:
        return show(request, problem.messages[0])
    facts = {"name": person.get_full_name(), "role": roles.in_words(given)[0]}
    messages.success(request, sentence % facts)
    return redirect("roles")


def named(text: str) -> User:
    """Raises ValidationError."""
    name = usernames.typed(text)
    if person := User.objects.filter(username=name, is_active=True).first():
        return person
    raise ValidationError(_("There is no active account of this username."))
