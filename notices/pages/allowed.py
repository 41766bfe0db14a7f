"""Whom a writer may tell, and what they may change: rights that depend on what is written."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest

from notices import rights
from notices.models import Notice, Schedule
from notices.pages.notice_form import NoticeForm
from notices.pages.timing_form import TimingForm
from notices.rights import demand
from web.access import StaffRequest

__all__ = ["buttons", "demand_for", "demand_to_change", "demand_to_write", "offer_allowed"]


def demand_for(request: HttpRequest, audience: str) -> None:
    """Raises PermissionDenied for who may not tell these people."""
    if audience == Notice.Audience.EVERYONE:
        demand(request, rights.EVERYONE)


def demand_to_write(request: StaffRequest, form: NoticeForm, timing: TimingForm) -> None:
    """Raises PermissionDenied for who may not do what bound forms say, as far as they can be
    read. A preview does nothing."""
    if "preview" in request.POST:
        return
    readable: dict[str, Any] = {}
    for each in (form, timing):
        each.is_valid()  # it has been read then, once
        readable |= each.cleaned_data
    if when := readable.get("when"):
        demand(request, rights.SCHEDULE if when == "repeat" else rights.SEND)
    demand_for(request, readable.get("audience", ""))
    if (upload := readable.get("upload")) and upload.by_id != request.user.pk:
        demand(request, rights.ADDRESSES)


def demand_to_change(request: HttpRequest, saved: Notice | Schedule) -> None:
    """Raises PermissionDenied for who may not tell its people, or not see those that were pasted:
    the form shows them."""
    demand_for(request, saved.audience)
    if saved.audience == Notice.Audience.ADDRESSES:
        demand(request, rights.ADDRESSES)


def buttons(request: StaffRequest, saved: Notice | Schedule) -> dict[str, bool]:
    """For its page: what these two demand of the reader."""
    return {
        "may_start": allows(demand_for, request, saved.audience),
        "may_change": allows(demand_to_change, request, saved),
    }


def allows(demands: Callable[..., None], *facts: Any) -> bool:
    try:
        demands(*facts)
    except PermissionDenied:
        return False
    return True


def offer_allowed(request: StaffRequest, form: NoticeForm, timing: TimingForm) -> None:
    """Leaves out of the forms what the reader may not choose."""
    may = request.user.has_perm
    once, again = may(rights.SEND), may(rights.SCHEDULE)
    offer_files(request, form)
    only_drafts = not (once or again)  # whoever sends one is asked for the rights
    offer(form, "audience", {Notice.Audience.EVERYONE: only_drafts or may(rights.EVERYONE)})
    offer(timing, "when", {"now": once or only_drafts, "later": once, "repeat": again})


def offer_files(request: StaffRequest, form: NoticeForm) -> None:
    """Their own ones, and the one that is chosen."""
    chosen = getattr(form, "cleaned_data", {}).get("upload") or form.initial.get("upload")
    field: Any = form.fields["upload"]
    own = Q(by=request.user) | Q(pk=getattr(chosen, "pk", chosen))
    field.queryset = field.queryset.filter(own)


def offer(form: NoticeForm | TimingForm, name: str, allowed: dict[str, bool]) -> None:
    field: Any = form.fields[name]  # a ChoiceField
    field.choices = [choice for choice in field.choices if allowed.get(choice[0], True)]
    chosen = form.get_initial_for_field(field, name)
    if field.choices and chosen and chosen not in dict(field.choices):
        form.initial[name] = field.choices[0][0]
