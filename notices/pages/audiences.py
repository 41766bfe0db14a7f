"""The staff's pages of saved audiences, with how many people they reach at this moment."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from notices import rights
from notices.audience import conditions, uses
from notices.channels import CHANNELS
from notices.models import SavedAudience
from notices.pages.audience_form import AudienceForm
from notices.pages.reach import reach_of_people
from notices.rights import demand, right_required
from signup import security
from signup.models import Group, User
from web.access import StaffRequest

__all__ = ["count", "delete", "listing", "write"]

FIRST = 10  # people shown

seen_by = right_required(rights.SEE_PEOPLE, rights.PEOPLE)


@require_GET
@seen_by
def listing(request: StaffRequest) -> HttpResponse:
    every = list(SavedAudience.objects.select_related("changed_by"))
    for each in every:
        found = conditions.in_words(each.conditions)
        each.is_broken = any(problem for _words, problem in found)  # type: ignore[attr-defined]
    return render(request, "people/audiences.html", {"audiences": every})


def reached(chosen: Q) -> dict[str, Any]:
    """For count.html."""
    counted = reach_of_people(chosen, list(CHANNELS.values()))
    return {
        "reached": [(CHANNELS[name].label, each) for name, each in counted.items()],
        "first": User.objects.filter(chosen, is_active=True).order_by("pk")[:FIRST],
    }


@require_http_methods(["GET", "POST"])
@seen_by
def write(request: StaffRequest, pk: int | None = None) -> HttpResponse:
    """Shows one and changes it, or makes one. POST with `count` only counts."""
    saved = get_object_or_404(SavedAudience, pk=pk) if pk else SavedAudience()
    if request.method == "GET":
        if saved.pk is None:
            demand(request, rights.PEOPLE)
            return page(request, saved, AudienceForm())
        return page(request, saved, AudienceForm.of(saved))
    demand(request, rights.PEOPLE)
    form = AudienceForm.read(request.POST)
    if "count" in request.POST or not form.is_right:
        return page(request, saved, form)
    if not form.save(saved, request.user):
        return page(request, saved, form)
    messages.success(request, _("Saved."))
    return redirect(saved)


def page(request: StaffRequest, saved: SavedAudience, form: AudienceForm) -> HttpResponse:
    wrong = request.method == "POST" and (not form.is_right or bool(form.name_problem))
    context: dict[str, Any] = {
        "saved": saved if saved.pk else None,
        "form": form,
        "wrong": wrong,
        "choices": conditions.choices(),
        "groups": Group.objects.all(),
        "words": conditions.sentence(saved.conditions) if saved.pk else "",
    }
    if form.is_right and form.alternatives:
        context |= reached(conditions.fitting(form.alternatives))
    return render(request, "people/audience.html", context, status=400 if wrong else 200)


@require_POST
@right_required(rights.PEOPLE)
def count(request: StaffRequest) -> HttpResponse:
    """The part of the page that htmx asks for while somebody writes."""
    form = AudienceForm.read(request.POST)
    shown = reached(conditions.fitting(form.alternatives)) if form.is_right else {}
    return render(request, "people/count.html", shown)


@require_POST
@right_required(rights.PEOPLE)
def delete(request: StaffRequest, pk: int) -> HttpResponse:
    try:
        uses.delete_audience(pk)
    except ValidationError as problem:
        messages.error(request, problem.messages[0])
        return redirect("audience", pk)
    security.tell("audience-changed", audience=pk)
    messages.success(request, _("Deleted."))
    return redirect("audiences")
