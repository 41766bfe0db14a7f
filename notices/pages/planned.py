"""When it would go out, told while somebody fills that in."""

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_POST

from notices.models import Notice, Schedule
from notices.pages.timing_form import TimingForm
from notices.pages.writing import times
from web.access import StaffRequest, staff_required

__all__ = ["timing_words"]


@require_POST
@staff_required
def timing_words(request: StaffRequest) -> HttpResponse:
    """The part of the page that htmx asks for while somebody fills in when."""
    many = request.POST.get("audience") != Notice.Audience.ADDRESSES
    saved = changed_by(request.POST)
    timing = TimingForm(request.POST, own_zone=request.user.time_zone, many=many, saved=saved)
    context = times(timing, request) | {"timing": timing, "alone": True}
    return render(request, "notices/timing_words.html", context)


def changed_by(posted: QueryDict) -> Notice | Schedule | None:
    """What the page that posts changes, by the number that it names."""
    try:
        if "schedule" in posted:
            return Schedule.objects.filter(pk=int(posted.get("schedule", ""))).first()
        if "notice" in posted:
            return Notice.objects.filter(pk=int(posted.get("notice", ""))).first()
    except (ValueError, OverflowError):
        raise Http404 from None
    return None
