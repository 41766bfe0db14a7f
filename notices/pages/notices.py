"""The staff's pages: write a notice, watch it go, see what became of each delivery."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from config import clock
from notices import channels, rights
from notices.audience import people
from notices.channels import CHANNELS
from notices.delivery import approval, corrections, lifecycle
from notices.models import NOT_STARTED, UNFINISHED, Delivery, Notice, State
from notices.pages import again, drafts
from notices.pages.allowed import buttons, demand_for
from notices.pages.correcting import versions
from notices.pages.progress import approved_by, progress, report
from notices.pages.starting import at_once, tell, tell_at_once
from notices.rights import demand, right_required
from signup import fresh, search, security
from web import characters, tables
from web.access import StaffRequest, staff_required

__all__ = [
    "as_csv", "as_json", "cancel", "detail", "pause", "progress_part", "resume", "start",
]  # fmt: skip

PAGE = 50
FOUND = 1000
PART = 1000  # rows
EXPORTED = ("channel", "address", "name", "state", "reason", "tries", "changed_at")
SOON = timedelta(seconds=90)  # before its start the seconds are counted down


@require_GET
@staff_required
def detail(request: StaffRequest, pk: int) -> HttpResponse:
    rows = Notice.objects.select_related("author", "occurrence__schedule")
    notice = get_object_or_404(rows, pk=pk)
    if notice.state == Notice.State.DRAFT and drafts.may_open(request, notice):
        return redirect(drafts.page_of(notice))
    wanted = {name: request.GET.get(name, "")[:100] for name in ("q", "state", "channel")}
    shown = live(notice)
    by_address = request.user.has_perm(rights.ADDRESSES)
    if by_address:
        search.looked_for(wanted["q"])
    pages = Paginator(found(notice, **wanted, by_address=by_address), PAGE)
    if not wanted["q"].strip():
        pages.count = known(shown["progress"]["tally"], wanted["state"], wanted["channel"])
    page = pages.get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "search": wanted,
        "page": page,
        "states": State.choices,
        "channels": channels.choices(),
    }
    context["approved"] = approved_by(notice)
    waits = notice.state in (*NOT_STARTED, Notice.State.PAUSED) and not notice.in_question_since
    context["unapproved"] = waits and (
        corrections.waits_for_approval(notice)
        if notice.state == Notice.State.PAUSED
        else approval.missing(notice)
    )
    context |= shown | buttons(request, notice)
    context["versions"] = versions(notice)
    context |= again.section(request, notice)
    return render(request, "notices/notice.html", context)


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
        "soon": now["seconds_to_start"] <= SOON.seconds and waits(notice),
        "zone": ZoneInfo(notice.zone),
        "face": face(notice, uncertain=bool(now["uncertain"]), braked=bool(now["braked"])),
    }


def waits(notice: Notice) -> bool:
    return notice.state == Notice.State.WAITING and not notice.is_held


def face(notice: Notice, *, uncertain: bool, braked: bool) -> str:
    """What the buttons of the page depend on: one that shows another face is asked for anew."""
    waiting = notice.state == Notice.State.WAITING
    features = {
        "held": notice.is_held,
        "in-question": notice.in_question_since is not None,
        "soon": waiting and notice.start_at - clock.now() < SOON,
        "uncertain": uncertain,
        "braked": braked,
    }
    return ".".join([notice.state, *(name for name, there in features.items() if there)])


def found(
    notice: Notice, q: str, state: str, channel: str, by_address: bool = True
) -> QuerySet[Delivery]:
    """By channel first, as the indexes have them: a page costs the same whatever is chosen. Of
    what fits a text, the first thousand: more would be searched for on every page. Not
    `by_address` for who may not see them, and could ask for one digit after the other."""
    deliveries = notice.deliveries.order_by("channel", "id").prefetch_related("failed_attempts")
    if state in State.values:
        deliveries = deliveries.filter(state=state)
    if channel in CHANNELS:
        # A range: by "=" the order would be that of the number alone, and PostgreSQL would read
        # the table from its beginning until it has met fifty of this notice.
        deliveries = deliveries.filter(channel__range=(channel, channel))
    if q := characters.clean(q).strip():
        columns = ("address", "name") if by_address else ("name",)
        fitting = deliveries.filter(search.fitting(q, *columns))
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
@right_required(rights.EXPORT)
def as_csv(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Every delivery, a row each, streamed."""
    demand(request, rights.ADDRESSES)
    notice = get_object_or_404(Notice, pk=pk)
    security.tell("export", notice=pk)
    response = StreamingHttpResponse(
        tables.written(exported(notice)), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="notice-{pk}.csv"'
    return response


def exported(notice: Notice) -> Iterator[Sequence[object]]:
    """Asked for in parts, each a query of its own: while an answer is streamed, a pooler of
    database connections may hand the next part to another one, where no cursor is open."""
    yield EXPORTED
    for channel in sorted(CHANNELS):
        of_channel = notice.deliveries.filter(channel__range=(channel, channel))
        rows = of_channel.order_by("channel", "id").values_list("id", *EXPORTED)
        last = 0
        while part := list(rows.filter(id__gt=last)[:PART]):
            yield from (cells for _id, *cells in part)
            last = part[-1][0]


@require_POST
@right_required(rights.SEND)
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
@right_required(rights.SEND)
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    notice = get_object_or_404(Notice, pk=pk)
    lifecycle.pause(notice)
    notice.refresh_from_db()
    if notice.state == Notice.State.PAUSED:
        messages.success(request, _("Paused. Nothing more of it goes out until it goes on."))
    else:
        messages.warning(request, _("Nothing was paused: it does not go out at the moment."))
    return redirect(notice)


@require_POST
@right_required(rights.SEND)
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    notice = get_object_or_404(Notice, pk=pk)
    demand_for(request, notice.audience)
    if corrections.waits_for_approval(notice):
        messages.warning(request, _("It was corrected: it goes on when somebody approved that."))
        return redirect("notice_check", pk)
    lifecycle.resume(notice)
    ended = _("This notice has ended: nothing was left to send.")
    return tell(request, notice, _("It goes on where it stopped."), ended)


@require_POST
@right_required(rights.SEND)
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Lets a notice that waits go now, as the page that asks does (check.py)."""
    notice = get_object_or_404(Notice, pk=pk)
    demand_for(request, notice.audience)
    if fresh.wanted(request) and people.is_above(notice, settings.CONFIRM_ABOVE):
        return redirect(reverse("notice_check", args=[pk]) + "?at=once")
    return tell_at_once(request, notice, at_once(notice))
