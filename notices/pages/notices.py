"""The staff's pages: write a notice, watch it go, see what became of each delivery."""

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Max, Q, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from notices import channels
from notices.channels import CHANNELS
from notices.delivery import lifecycle, quiet_hours
from notices.models import UNFINISHED, Delivery, Notice, State
from notices.pages import instants
from notices.pages.progress import progress, report, stopped_after
from web import characters
from web.access import StaffRequest, staff_required

__all__ = ["again", "as_csv", "as_json", "cancel", "detail", "listing", "progress_part", "start"]

PAGE = 50
FOUND = 1000
SOON = timedelta(seconds=90)  # before its start the seconds are counted down


@require_GET
@staff_required
def listing(request: HttpRequest) -> HttpResponse:
    notices = Notice.objects.select_related("author").defer("addresses", "text")
    page = Paginator(notices, PAGE).get_page(request.GET.get("page"))
    for each in page:
        each.stopped = stopped_after(each)  # type: ignore[attr-defined]
    return render(request, "notices/list.html", {"page": page})


@require_GET
@staff_required
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    wanted = Notice.objects.select_related("author", "occurrence__schedule")
    notice = get_object_or_404(wanted, pk=pk)
    search = {name: request.GET.get(name, "")[:100] for name in ("q", "state", "channel")}
    shown = live(notice)
    pages = Paginator(found(notice, **search), PAGE)
    if not search["q"].strip():
        pages.count = known(shown["progress"]["tally"], search["state"], search["channel"])
    page = pages.get_page(request.GET.get("page"))
    uncertain = notice.deliveries.filter(state=State.UNCERTAIN)
    context = {
        "search": search,
        "uncertain_until": uncertain.aggregate(last=Max("changed_at"))["last"],
        "page": page,
        "states": State.choices,
        "channels": channels.choices(),
    }
    return render(request, "notices/notice.html", context | shown)


def known(tally: Counter[tuple[str, str]], state: str, channel: str) -> int:
    """How many found() finds, from what the progress has counted already."""
    states = {state} & set(State.values) or set(State.values)
    names = {channel} & set(CHANNELS) or set(CHANNELS)
    return sum(tally[pair] for pair in product(states, names))


def live(notice: Notice) -> dict[str, Any]:
    now = progress(notice)
    return {
        "notice": notice,
        "progress": now,
        "unfinished": notice.state in UNFINISHED,
        "zone": ZoneInfo(notice.zone),
        "face": face(notice, uncertain=bool(now["uncertain"])),
    }


def face(notice: Notice, *, uncertain: bool) -> str:
    """What the buttons of the page depend on: one that shows another face is asked for anew."""
    waiting = notice.state == Notice.State.WAITING
    features = {
        "held": notice.is_held,
        "in-question": notice.in_question_since is not None,
        "soon": waiting and notice.start_at - timezone.now() < SOON,
        "uncertain": uncertain,
    }
    return ".".join([notice.state, *(name for name, there in features.items() if there)])


def found(notice: Notice, q: str, state: str, channel: str) -> QuerySet[Delivery]:
    """By channel first, as the indexes have them: a page costs the same whatever is chosen. Of
    what fits a text, the first thousand: more would be searched for on every page."""
    deliveries = notice.deliveries.order_by("channel", "id").prefetch_related("failed_attempts")
    if state in State.values:
        deliveries = deliveries.filter(state=state)
    if channel in CHANNELS:
        # A range: by "=" the order would be that of the number alone, and PostgreSQL would read
        # the table from its beginning until it has met fifty of this notice.
        deliveries = deliveries.filter(channel__range=(channel, channel))
    if q := characters.clean(q).strip():
        fitting = deliveries.filter(Q(address__icontains=q) | Q(name__icontains=q))
        deliveries = deliveries.filter(pk__in=list(fitting.values_list("pk", flat=True)[:FOUND]))
    return deliveries


@require_GET
@staff_required
def progress_part(request: HttpRequest, pk: int) -> HttpResponse:
    """The part of the page that htmx asks for again and again, until the notice has ended. `face`
    is that of the page."""
    notice = get_object_or_404(Notice, pk=pk)
    shown = live(notice)
    response = render(request, "notices/progress.html", shown)
    if request.GET.get("face") != shown["face"]:
        response["HX-Refresh"] = "true"
    return response


@require_GET
@staff_required
def as_json(request: HttpRequest, pk: int) -> JsonResponse:
    return JsonResponse(report(get_object_or_404(Notice, pk=pk)))


@require_GET
@staff_required
def as_csv(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Every delivery, a row each, streamed."""
    notice = get_object_or_404(Notice, pk=pk)
    response = StreamingHttpResponse(csv_rows(notice), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="notice-{pk}.csv"'
    return response


class Echo:
    def write(self, row: str) -> str:
        return row


def csv_rows(notice: Notice) -> Iterator[str]:
    columns = ("channel", "address", "name", "state", "reason", "tries", "changed_at")
    writer = csv.writer(Echo())
    yield writer.writerow(columns)
    rows = notice.deliveries.order_by("channel", "id").values_list(*columns)
    for row in rows.iterator(1000):
        yield writer.writerow([harmless(value) for value in row])


def harmless(value: object) -> object:
    """A cell that no spreadsheet takes for a formula. Numbers such as +86… are left alone."""
    text = str(value)
    if text[:1] in ("=", "-", "@", "\t", "\r") or (text[:1] == "+" and not text[1:].isdecimal()):
        return f"'{text}"
    return value


@require_POST
@staff_required
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Pressed twice, the second answer is the first, as far as it is known by then."""
    notice = get_object_or_404(Notice, pk=pk)
    stopped = lifecycle.cancel(notice)
    notice.refresh_from_db()
    if notice.state != Notice.State.CANCELLED:
        messages.warning(request, _("This notice had ended already: nothing was left to cancel."))
    elif notice.started_at is None:
        messages.success(request, _("Undone. Nothing was sent."))
    elif stopped is None:
        messages.success(request, _("It is cancelled already: nothing was left to cancel."))
    else:
        text = ngettext(
            "Cancelled: %(count)d delivery was not sent.",
            "Cancelled: %(count)d deliveries were not sent.",
            stopped,
        )
        messages.success(request, text % {"count": stopped})
    return redirect(notice)


@require_POST
@staff_required
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Lets a notice that waits go now, also in the quiet hours, when the time to undo is over: the
    page that leads here has asked (starting.ask). Who presses twice is told the same while it
    goes."""
    notice = get_object_or_404(Notice, pk=pk)
    notice.in_quiet_hours |= quiet_hours.ends(timezone.now() + lifecycle.UNDO) is not None
    started = lifecycle.change(notice, ["in_quiet_hours"])
    notice.refresh_from_db()
    if started or notice.state in UNFINISHED:
        messages.success(request, _("It goes out now. You have 10 seconds to undo."))
    else:
        messages.warning(request, _("Nothing was changed: it has started meanwhile."))
    return redirect(notice)


@require_POST
@staff_required
def again(request: StaffRequest, pk: int) -> HttpResponse:
    """Sends again what is uncertain: the delivery that `delivery` names, or all of them. `until`:
    when the page saw them change last, so that who presses twice decides it once."""
    notice = get_object_or_404(Notice, pk=pk)
    wanted = request.POST.get("delivery", "")
    if wanted and not wanted.isdecimal():
        raise Http404
    number = int(wanted[:18]) if wanted else None
    until = instants.posted(request, "until")
    count = lifecycle.send_again(notice, request.user, number, until)
    if count:
        text = ngettext(
            "%(count)d delivery goes out again.", "%(count)d deliveries go out again.", count
        )
        messages.success(request, text % {"count": count})
    else:
        messages.info(request, _("Nothing was left to send again: that was done already."))
    return redirect(notice)
