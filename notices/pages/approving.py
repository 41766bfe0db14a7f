"""Asking for an approval, giving it, and sending a notice back; and what a page says of it."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from notices import rights
from notices.audience import people
from notices.delivery import approval, lifecycle
from notices.models import Approval, Notice, Schedule
from notices.pages import posted
from notices.rights import demand, right_required
from web import characters
from web.access import StaffRequest

__all__ = ["approvals", "mine", "of_notice", "of_schedule"]

SHOWN = 20


@dataclass(frozen=True)
class Approvals:
    """`needed`: and `given` is None, so it does not go. `void`: one that was given before it was
    changed, or before more people came."""

    needed: bool
    given: Approval | None
    asked: Approval | None
    void: Approval | None
    grown: bool  # that one is void although not a word was changed
    refused: Approval | None
    may_decide: bool
    anybody: bool  # who may approve it, beside the one who looks
    people: int

    @property
    def missing(self) -> bool:
        return self.needed and self.given is None


def approvals(request: StaffRequest, of: Notice | Schedule) -> Approvals:
    needed = approval.needed(of)
    kept = of.approvals.select_related("decided_by", "asked_by")
    rows = list(kept[:SHOWN])
    given = approval.given(of) if needed or rows else None
    own = approval.digest(of)
    now = [row for row in rows if row.digest == own]
    asked = next((row for row in now if row.stage == Approval.Stage.ASKED), None)
    refused = next((row for row in now if row.stage == Approval.Stage.REFUSED), None)
    before = next((row for row in rows if row.stage == Approval.Stage.GIVEN), None)
    who = approval.others(asked) if asked else None
    return Approvals(
        needed,
        given,
        asked,
        before if given is None else None,
        before is not None and before.digest == own,
        refused if asked is None else None,
        bool(who is not None and who.filter(pk=request.user.pk).exists()),
        bool(who is not None and who.exclude(pk=request.user.pk).exists()),
        people.size(of) if needed else 0,
    )


def mine(request: StaffRequest) -> list[Approval]:
    """What waits for the reader's approval, and was not changed since."""
    if not request.user.has_perm(rights.APPROVE):
        return []
    rows = Approval.objects.filter(stage=Approval.Stage.ASKED)
    rows = rows.select_related("notice__saved", "schedule__saved", "asked_by")[:SHOWN]
    return [each for each in rows if is_open(each, request.user)]


def is_open(asked: Approval, user: Any) -> bool:
    of = asked.notice or asked.schedule
    ended = Notice.State.CANCELLED, Notice.State.EXPIRED, Notice.State.FINISHED
    if of is None or of.state in (*ended, Schedule.State.ENDED):
        return False
    return (
        approval.digest(of) == asked.digest and approval.others(asked).filter(pk=user.pk).exists()
    )


@require_POST
@right_required(rights.SEND, rights.APPROVE)
def of_notice(request: StaffRequest, pk: int) -> HttpResponse:
    notice = get_object_or_404(Notice, pk=pk)
    return act(request, notice, rights.SEND, reverse("notice_check", args=[pk]))


@require_POST
@right_required(rights.SCHEDULE, rights.APPROVE)
def of_schedule(request: StaffRequest, pk: int) -> HttpResponse:
    schedule = get_object_or_404(Schedule, pk=pk)
    return act(request, schedule, rights.SCHEDULE, schedule.get_absolute_url())


def act(request: StaffRequest, of: Notice | Schedule, right: str, there: str) -> HttpResponse:
    """`do`: ask, approve or refuse. Pressed twice, the second is told what the first did."""
    origin = f"{request.scheme}://{request.get_host()}"
    step = request.POST.get("do")
    if step == "ask":
        demand(request, right)
        approval.ask(of, request.user, origin)
        messages.success(request, _("Asked. You get an email when somebody has looked."))
        return redirect(there)
    demand(request, rights.APPROVE)
    asked = get_object_or_404(own(of), pk=posted.number(request, "asked"))
    if not approval.others(asked).filter(pk=request.user.pk).exists():
        messages.warning(request, _("Somebody else has to approve what you wrote or asked for."))
        return redirect(there)
    try:
        if step == "approve":
            lifecycle.approve(asked.pk, request.user, origin)
            messages.success(request, _("Approved."))
        else:
            note = characters.one_line(request.POST.get("note", ""))
            approval.decide(asked.pk, request.user, approve=False, note=note, origin=origin)
            messages.success(request, _("Sent back."))
    except approval.Overtaken:
        overtaken(request, asked)
    return redirect(there)


def own(of: Notice | Schedule) -> QuerySet[Approval]:
    return of.approvals.all()


def overtaken(request: HttpRequest, asked: Approval) -> None:
    asked.refresh_from_db()
    if asked.stage == Approval.Stage.ASKED:
        messages.warning(request, _("It was changed meanwhile. Look at it once more."))
    else:
        messages.info(request, _("It was decided already."))
