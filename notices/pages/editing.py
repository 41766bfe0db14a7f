"""The staff's pages for changing a notice that has not started, and a schedule."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from notices import rights
from notices.delivery import lifecycle
from notices.models import CONTENT_FIELDS, NOT_STARTED, Notice, Schedule
from notices.pages import idempotency
from notices.pages.allowed import demand_to_change, demand_to_write
from notices.pages.file_field import for_one_notice
from notices.pages.notice_form import NoticeForm
from notices.pages.starting import STARTED
from notices.pages.timing_form import TimingForm
from notices.pages.writing import ask_for_schedule, needs_proof, page, tell_of_time
from notices.rights import right_required
from notices.schedules import actions
from web.access import StaffRequest

__all__ = ["NOTHING_LEFT", "edit", "edit_schedule"]

NOTHING_LEFT = gettext_lazy("Nothing was changed: there is no time left at which it would run.")
ENDED = gettext_lazy("Nothing was changed: this schedule has ended.")
EDITED = (*CONTENT_FIELDS, "zone", "not_after", "in_quiet_hours", "saved_by")


@require_http_methods(["GET", "POST"])
@right_required(rights.SEND)
def edit(request: StaffRequest, pk: int) -> HttpResponse:
    """Changes or moves a notice that has not started yet. The button that leads here holds it
    (starting.hold), and so does whatever is sent from here; it goes on when it is saved."""
    notice = get_object_or_404(Notice, pk=pk)
    demand_to_change(request, notice)
    not_started = notice.state in NOT_STARTED
    if request.method == "POST":
        not_started = lifecycle.hold(notice)
    if not not_started and request.method == "GET":
        messages.warning(request, STARTED)
        return redirect(notice)
    form = NoticeForm(request.POST or None, instance=notice)
    timing = TimingForm(request.POST or None, own_zone=request.user.time_zone, saved=notice)
    if not not_started:
        return too_late(request, form, timing, notice)
    timing.fields["when"].choices = timing.fields["when"].choices[:2]  # type: ignore[attr-defined]
    if form.is_bound:
        demand_to_write(request, form, timing)
    if timing.is_valid() and form.is_valid() and "preview" not in request.POST:
        timing.apply_to_notice(notice)
        edited = form.save(commit=False)
        edited.saved_by = request.user
        if "check" in request.POST or needs_proof(request, form):
            edited.planned_for = timing.cleaned_data.get("start_at")
            if not lifecycle.keep(edited, (*EDITED, "planned_for")):
                return too_late(request, form, timing, notice)
            return redirect("notice_check", pk)
        if not lifecycle.change(edited, EDITED, timing.cleaned_data.get("start_at")):
            return too_late(request, form, timing, notice)
        messages.success(request, _("Changed."))
        tell_of_time(request, notice, timing)
        return redirect(notice)
    return page(request, form, timing, notice=notice)


def too_late(
    request: StaffRequest, form: NoticeForm, timing: TimingForm, notice: Notice
) -> HttpResponse:
    """The notice went as it was. What was typed is kept, as a new one."""
    started = Notice.objects.get(pk=notice.pk)
    return page(request, form, timing, key=idempotency.new_key(), started=started)


@require_http_methods(["GET", "POST"])
@right_required(rights.SCHEDULE)
def edit_schedule(request: StaffRequest, pk: int) -> HttpResponse:
    """Changes what a schedule will do; what it did stays."""
    found = get_object_or_404(Schedule, pk=pk)
    demand_to_change(request, found)
    if found.state == Schedule.State.ENDED and request.method == "GET":
        messages.warning(request, ENDED)
        return redirect(found)
    initial = {name: getattr(found, name) for name in CONTENT_FIELDS}
    form = NoticeForm(request.POST or None, initial=initial)
    many = not (form.is_bound and form.is_valid()) or form.many
    timing = TimingForm(
        request.POST or None, own_zone=request.user.time_zone, many=many, saved=found
    )
    timing.fields["when"].choices = timing.fields["when"].choices[2:]  # type: ignore[attr-defined]
    for_one_notice(form, timing)
    if form.is_bound:
        demand_to_write(request, form, timing)
    if timing.is_valid() and form.is_valid() and "preview" not in request.POST:

        def apply(locked: Schedule) -> None:
            for name, value in form.written().items():
                setattr(locked, name, value)
            timing.apply_to_schedule(locked)

        try:
            actions.change(pk, apply)
            ask_for_schedule(Schedule.objects.get(pk=pk), request)
            messages.success(request, _("Changed."))
            return redirect(found)
        except actions.NothingLeft:  # what was typed stays on the page
            messages.warning(request, NOTHING_LEFT)
        except actions.NotNow:
            messages.warning(request, ENDED)
    return page(request, form, timing, schedule=found)
