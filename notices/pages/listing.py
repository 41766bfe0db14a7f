"""The list of notices: found by what they say and by whom, or by what became of them."""

from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from notices.models import LONG_FIELDS, Approval, Kind, Notice
from notices.pages.approving import mine
from notices.pages.progress import stopped_after
from signup import search
from web import characters
from web.access import StaffRequest, staff_required

__all__ = ["listing"]

PAGE = 50


@require_GET
@staff_required
def listing(request: StaffRequest) -> HttpResponse:
    wanted = {name: request.GET.get(name, "")[:254] for name in ("q", "state", "kind", "own")}
    notices = found(wanted, request)
    page = Paginator(notices, PAGE).get_page(request.GET.get("page"))
    for each in page:
        each.stopped = stopped_after(each)  # type: ignore[attr-defined]
    context = {
        "page": page,
        "to_approve": mine(request),
        "search": wanted,
        "narrowed": any(wanted.values()),
        "states": Notice.State.choices,
        "kinds": Kind.objects.all(),
    }
    return render(request, "notices/list.html", context)


def found(wanted: dict[str, str], request: StaffRequest) -> QuerySet[Notice]:
    rows = Notice.objects.select_related("author", "kind").defer(*LONG_FIELDS)
    given = Approval.objects.filter(notice=OuterRef("pk"), stage=Approval.Stage.GIVEN)
    rows = rows.annotate(was_approved=Exists(given))
    if text := characters.clean(wanted["q"]).strip():
        columns = ("subject", "text", "author__username", "author__name")
        rows = rows.filter(search.fitting(text, *columns))
    if wanted["state"] in Notice.State.values:
        rows = rows.filter(state=wanted["state"])
    if wanted["kind"].isascii() and wanted["kind"].isdecimal():
        kind = Kind.objects.filter(pk=wanted["kind"][:18]).first()
        none = Q(kind=None) if kind and kind.part == Kind.Part.DEFAULT else Q()
        rows = rows.filter(Q(kind=kind) | none if kind else Q(pk__in=[]))
    if wanted["own"]:
        rows = rows.filter(author=request.user)
    return rows
