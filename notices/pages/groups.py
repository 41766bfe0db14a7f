"""The staff's page of groups and attributes: made, renamed, merged, deleted."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from notices import rights
from notices.audience import uses
from notices.pages import posted
from notices.rights import right_required
from signup import groups, security
from signup.models import Attribute, Group

__all__ = ["act", "listing"]


@require_GET
@right_required(rights.SEE_PEOPLE, rights.PEOPLE)
def listing(request: HttpRequest) -> HttpResponse:
    return show(request)


def show(request: HttpRequest, problem: str = "") -> HttpResponse:
    context = {
        "problem": problem,
        "typed": request.POST.get("name", "") if problem else "",
        "groups": Group.objects.annotate(people=Count("memberships")),
        "attributes": groups.attributes(),
    }
    return render(request, "people/groups.html", context, status=400 if problem else 200)


def make(request: HttpRequest) -> str:
    group, is_new = groups.make(request.POST.get("name", ""))
    return (_("Made: %(name)s.") if is_new else _("%(name)s is there already.")) % {"name": group}


def rename(request: HttpRequest) -> str:
    group = get_object_or_404(Group, pk=posted.number(request, "group"))
    groups.rename(group, request.POST.get("name", ""))
    return _("Renamed.")


def merge(request: HttpRequest) -> str:
    group = Group.objects.filter(pk=posted.number(request, "group")).first()
    into = get_object_or_404(Group, pk=posted.number(request, "into"))
    if group == into:
        raise ValidationError(_("Choose two different groups."))
    if group:  # else it was merged already
        uses.merge(group, into)
    return _("All are in %(name)s now.") % {"name": into}


def delete(request: HttpRequest) -> str:
    uses.delete_group(posted.number(request, "group"))
    return _("Deleted. The people stay.")


def make_attribute(request: HttpRequest) -> str:
    name = groups.make_attribute(request.POST.get("name", ""))
    return _("Made: %(name)s.") % {"name": name}


def delete_attribute(request: HttpRequest) -> str:
    found = Attribute.objects.filter(name=request.POST.get("attribute", "")[:100]).first()
    if found:
        uses.delete_attribute(found.name)
    return _("Deleted, from all people.")


STEPS: dict[str, Callable[[HttpRequest], str]] = {
    each.__name__: each for each in (make, rename, merge, delete, make_attribute, delete_attribute)
}


@require_POST
@right_required(rights.PEOPLE)
def act(request: HttpRequest) -> HttpResponse:
    try:
        step, sentence = posted.take_step(request, STEPS)
    except ValidationError as problem:
        return show(request, problem.messages[0])
    security.tell("groups-changed", step=step)
    messages.success(request, sentence)
    return redirect("groups")
