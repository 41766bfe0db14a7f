"""Where staff begin: what goes now, what comes next, and what waits for them."""

from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from config import clock
from notices.models import LONG_FIELDS, UNFINISHED, Notice, Schedule
from notices.pages.approving import mine
from web.access import StaffRequest, staff_required

__all__ = ["desk"]

SHOWN = 10  # of each
AHEAD = timedelta(hours=24)
GOING = (Notice.State.PREPARING, Notice.State.SENDING, Notice.State.PAUSED)
TO_COME = tuple(set(UNFINISHED) - set(GOING))


@require_GET
@staff_required
def desk(request: StaffRequest) -> HttpResponse:
    until = clock.now() + AHEAD
    notices = Notice.objects.select_related("author").defer(*LONG_FIELDS)
    coming = notices.filter(state__in=TO_COME, start_at__lte=until).order_by("start_at")
    repeated = Schedule.objects.filter(state=Schedule.State.ACTIVE, next_at__lte=until)
    drafts = notices.filter(state=Notice.State.DRAFT, author=request.user).order_by("-saved_at")
    context = {
        "going": notices.filter(state__in=GOING)[:SHOWN],
        "coming": coming[:SHOWN],
        "repeated": repeated.defer(*LONG_FIELDS).order_by("next_at")[:SHOWN],
        "to_approve": mine(request),
        "drafts": drafts[:SHOWN],
    }
    return render(request, "notices/desk.html", context)
