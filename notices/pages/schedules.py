"""The staff's pages for schedules: what repeats, what each time became, and the buttons."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from notices import rights
from notices.delivery import lifecycle
from notices.models import LONG_FIELDS, Notice, Schedule
from notices.pages import instants
from notices.pages.allowed import buttons, demand_for
from notices.pages.approving import approvals
from notices.pages.editing import NOTHING_LEFT
from notices.pages.idempotency import Key, key_of_page, new_key
from notices.pages.progress import stopped_after
from notices.pages.schedule_report import with_runs
from notices.recurrence.describe import in_words
from notices.rights import right_required
from notices.schedules import actions
from web.access import StaffRequest, staff_required

__all__ = ["act", "detail", "listing"]

PAGE = 50


@require_GET
@staff_required
def listing(request: HttpRequest) -> HttpResponse:
    schedules = with_runs(Schedule.objects.defer(*LONG_FIELDS))
    schedules = schedules.order_by(F("next_at").asc(nulls_last=True), "-state")  # paused, ended
    page = Paginator(schedules, PAGE).get_page(request.GET.get("page"))
    shown: list[Any] = list(page)
    notices = Notice.objects.defer(*LONG_FIELDS).in_bulk([each.last for each in shown])
    for each in shown:
        each.words = in_words(each.as_rule)
        each.last_notice = with_stop(notices.get(each.last))
    return render(request, "notices/schedules.html", {"page": page})


@require_GET
@staff_required
def detail(request: StaffRequest, pk: int) -> HttpResponse:
    schedule = get_object_or_404(Schedule.objects.select_related("author"), pk=pk)
    occurrences = schedule.occurrences.select_related("notice", "by")
    occurrences = occurrences.defer("notice__addresses", "notice__text")
    schedule.words = in_words(schedule.as_rule)  # type: ignore[attr-defined]
    page = Paginator(occurrences, PAGE).get_page(request.GET.get("page"))
    for each in page:
        with_stop(each.notice)
    context = {
        "schedule": schedule,
        "upcoming": actions.upcoming(schedule),
        "page": page,
        "runs": occurrences.exclude(notice=None).count(),
        "key": new_key(),
        "approvals": approvals(request, schedule),
        "act": reverse("schedule_approval", args=[pk]),
        **buttons(request, schedule),
    }
    return render(request, "notices/schedule.html", context)


def with_stop(notice: Notice | None) -> Notice | None:
    """With what notices/state.html says of one that was cancelled on its way."""
    if notice:
        notice.stopped = stopped_after(notice)  # type: ignore[attr-defined]
    return notice


@require_POST
@right_required(rights.SCHEDULE)
def act(request: StaffRequest, pk: int) -> HttpResponse:
    """POST `do`: pause, resume, skip, run or end. Pressed twice it is done once, and the second
    answer is the first."""
    schedule = get_object_or_404(Schedule, pk=pk)
    do, at = request.POST.get("do", ""), instants.posted(request, "at")
    if do in {"run", "resume"}:
        demand_for(request, schedule.audience)
    # By whom and for which schedule: its notice is asked for by no other key.
    own_key = request.POST.get("key") or key_of_page(request, {})
    key = Key.of(f"user {request.user.pk} run {pk}", own_key, {})
    steps: dict[str, tuple[Callable[[], Any], str]] = {
        "pause": (lambda: actions.pause(pk), _("Paused: nothing goes out until you resume it.")),
        "resume": (lambda: actions.resume(pk), _("Resumed.")),
        "skip": (lambda: skip(request, pk, at), in_its_zone(schedule, at)),
        "run": (
            lambda: actions.run_now(pk, request.user, key.stored, lifecycle.UNDO),
            _("It runs now, out of turn. You have 10 seconds to undo, on the page of its notice."),
        ),
        "end": (lambda: actions.end(pk), _("Ended: it will not run again.")),
    }
    if do not in steps:
        raise Http404
    step, done = steps[do]
    try:
        step()
        messages.success(request, done)
    except actions.NothingLeft:
        messages.warning(request, NOTHING_LEFT)
    except actions.NotNow:
        if actions.was_done(pk, do, at):
            messages.success(request, done)
        else:
            messages.warning(request, _("Nothing was changed: look at what it is doing now."))
    return redirect(schedule)


def skip(request: StaffRequest, pk: int, at: datetime | None) -> None:
    if at is None:
        raise actions.NotNow
    actions.skip(pk, request.user, at)


def in_its_zone(schedule: Schedule, at: datetime | None) -> str:
    if at is None:
        return ""
    form = "Y-m-d H:i:s" if at.second else "Y-m-d H:i"
    time = date_format(at.astimezone(schedule.zone_info), form)
    return _("%(time)s (%(zone)s) is skipped.") % {"time": time, "zone": schedule.zone}
