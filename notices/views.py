"""The staff's pages: write a notice, watch it go, see what became of each delivery."""

import csv
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config import answers
from config.access import StaffRequest, staff_required
from config.problems import Invalid
from notices import schedule
from notices.compose import NoticeForm
from notices.models import Channel, Delivery, Notice, State
from notices.preview import previews
from notices.progress import progress, report

PAGE = 50
QUEUE_AWAY = gettext_lazy("Accepted. The queue is away: it will go out when the queue is back.")
UNFINISHED = (Notice.State.WAITING, Notice.State.PREPARING, Notice.State.SENDING)


@require_GET
@staff_required
def listing(request: HttpRequest) -> HttpResponse:
    notices = Notice.objects.select_related("author").defer("addresses", "text")
    page = Paginator(notices, PAGE).get_page(request.GET.get("page"))
    return render(request, "notices/list.html", {"page": page})


def new_by_json(request: StaffRequest, body: dict[str, Any]) -> JsonResponse:
    form = NoticeForm.from_json(body)
    if not form.is_valid():
        raise Invalid(errors=form.complaints())
    return answers.ok(notice=report(accepted(form, request)))


def accepted(form: NoticeForm, request: StaffRequest) -> Notice:
    notice: Notice = form.save(commit=False)
    notice.author = request.user
    if not schedule.accept(notice):
        messages.warning(request, QUEUE_AWAY)
    return notice


@answers.form_or_json(staff_required(new_by_json), settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
@require_http_methods(["GET", "POST"])
@staff_required
def new(request: StaffRequest) -> HttpResponse:
    """Writes a notice. POST with `preview` shows it, without sends it; so does JSON with the
    form's fields."""
    form = NoticeForm(request.POST or None)
    shown = []
    if request.method == "POST" and form.is_valid():
        if "preview" not in request.POST:
            return redirect(accepted(form, request))
        shown = previews(form.save(commit=False), request.user)
    status = 400 if form.errors else 200
    return render(request, "notices/new.html", {"form": form, "previews": shown}, status=status)


@require_GET
@staff_required
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    notice = get_object_or_404(Notice.objects.select_related("author"), pk=pk)
    search = {name: request.GET.get(name, "")[:100] for name in ("q", "state", "channel")}
    page = Paginator(found(notice, **search), PAGE).get_page(request.GET.get("page"))
    context = {"search": search, "page": page, "states": State.choices, "channels": Channel.choices}
    return render(request, "notices/notice.html", context | live(notice))


def live(notice: Notice) -> dict[str, Any]:
    return {
        "notice": notice,
        "progress": progress(notice),
        "unfinished": notice.state in UNFINISHED,
    }


def found(notice: Notice, q: str, state: str, channel: str) -> QuerySet[Delivery]:
    deliveries = notice.deliveries.order_by("id").prefetch_related("failed_tries")
    if q := q.replace("\x00", "").strip():
        deliveries = deliveries.filter(Q(address__icontains=q) | Q(name__icontains=q))
    if state in State.values:
        deliveries = deliveries.filter(state=state)
    if channel in Channel.values:
        deliveries = deliveries.filter(channel=channel)
    return deliveries


@require_GET
@staff_required
def progress_part(request: HttpRequest, pk: int) -> HttpResponse:
    """The part of the page that htmx asks for again and again, until the notice has ended."""
    notice = get_object_or_404(Notice, pk=pk)
    response = render(request, "notices/progress.html", live(notice))
    if notice.state not in UNFINISHED:
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
    for row in notice.deliveries.order_by("id").values_list(*columns).iterator(1000):
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
    notice = get_object_or_404(Notice, pk=pk)
    stopped = schedule.cancel(notice)
    if stopped is None:
        messages.warning(request, _("This notice had ended already: nothing was left to cancel."))
    elif notice.state == Notice.State.WAITING:
        messages.success(request, _("Undone. Nothing was sent."))
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
def again(request: StaffRequest, pk: int) -> HttpResponse:
    """Sends again what is uncertain: the delivery that `delivery` names, or all of them."""
    notice = get_object_or_404(Notice, pk=pk)
    wanted = request.POST.get("delivery", "")
    if wanted and not wanted.isdecimal():
        raise Http404
    count = schedule.send_again(notice, request.user, int(wanted[:18]) if wanted else None)
    text = ngettext(
        "%(count)d delivery goes out again.", "%(count)d deliveries go out again.", count
    )
    messages.success(request, text % {"count": count})
    return redirect(notice)
