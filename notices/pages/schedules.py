"""The staff's pages for schedules: what repeats, what each time became, and the buttons."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from notices.models import Notice, Schedule
from notices.pages.schedule_report import with_runs
from notices.pages.writing import NOTHING_LEFT
from notices.recurrence.describe import in_words
from notices.schedules import actions
from web.access import StaffRequest, staff_required

__all__ = ["act", "detail", "listing"]

PAGE = 50


@require_GET
@staff_required
def listing(request: HttpRequest) -> HttpResponse:
    schedules = with_runs(Schedule.objects.defer("addresses", "text"))
    schedules = schedules.order_by(F("next_at").asc(nulls_last=True), "-state")  # paused, ended
    page = Paginator(schedules, PAGE).get_page(request.GET.get("page"))
    for each in page:
        each.words = in_words(each.as_rule)  # type: ignore[attr-defined]
        each.last_label = dict(Notice.State.choices).get(each.last_state)  # type: ignore[attr-defined]
    return render(request, "notices/schedules.html", {"page": page})


@require_GET
@staff_required
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    schedule = get_object_or_404(Schedule.objects.select_related("author"), pk=pk)
    occurrences = schedule.occurrences.select_related("notice", "by")
    occurrences = occurrences.defer("notice__addresses", "notice__text")
    schedule.words = in_words(schedule.as_rule)  # type: ignore[attr-defined]
    context = {
        "schedule": schedule,
        "upcoming": actions.upcoming(schedule),
        "page": Paginator(occurrences, PAGE).get_page(request.GET.get("page")),
        "runs": occurrences.exclude(notice=None).count(),
    }
    return render(request, "notices/schedule.html", context)


@require_POST
@staff_required
def act(request: StaffRequest, pk: int) -> HttpResponse:
    """POST `do`: pause, resume, skip, run or end."""
    schedule = get_object_or_404(Schedule, pk=pk)
    steps: dict[str, tuple[Callable[[], Any], str]] = {
        "pause": (lambda: actions.pause(pk), _("Paused: nothing goes out until you resume it.")),
        "resume": (lambda: actions.resume(pk), _("Resumed.")),
        "skip": (lambda: skip(request, schedule), _("%(time)s (%(zone)s) is skipped.")),
        "run": (lambda: actions.run_now(pk, request.user), _("It runs now, out of turn.")),
        "end": (lambda: actions.end(pk), _("Ended: it will not run again.")),
    }
    if request.POST.get("do") not in steps:
        raise Http404
    step, done = steps[request.POST["do"]]
    try:
        facts = step()
        messages.success(request, done % facts if request.POST["do"] == "skip" else done)
    except actions.NothingLeft:
        messages.warning(request, NOTHING_LEFT)
    except actions.NotNow:
        messages.warning(request, _("Nothing was changed: look at what it is doing now."))
    return redirect(schedule)


def skip(request: StaffRequest, schedule: Schedule) -> dict[str, str]:
    """POST `at`: the instant that the page showed as the next one. How to name it."""
    try:
        shown = datetime.fromisoformat(request.POST.get("at", ""))
    except ValueError:
        raise actions.NotNow from None
    skipped = actions.skip(schedule.pk, request.user, shown).astimezone(schedule.zone_info)
    form = "Y-m-d H:i:s" if skipped.second else "Y-m-d H:i"
    return {"time": date_format(skipped, form), "zone": schedule.zone}
