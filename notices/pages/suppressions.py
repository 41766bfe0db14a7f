"""The staff's page of the suppression list: who gets nothing, why, since when; lifting it."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from notices import channels, rights
from notices.audience import hashes, suppression
from notices.models import Suppression
from notices.rights import right_required
from signup.search import fitting, looked_for
from web import characters
from web.access import StaffRequest, staff_required

__all__ = ["lift", "listing"]

PAGE = 50


@require_GET
@staff_required
def listing(request: HttpRequest) -> HttpResponse:
    return show(request)


def show(request: HttpRequest, problem: str = "", status: int = 200) -> HttpResponse:
    search = {"q": request.GET.get("q", "")[:254], "lifted": request.GET.get("lifted", "")[:1]}
    if not request.user.has_perm(rights.ADDRESSES):  # who could ask for one digit after the other
        search["q"] = ""
    looked_for(search["q"])
    page = Paginator(found(**search), PAGE).get_page(request.GET.get("page"))
    context = {
        "search": search,
        "page": page,
        "problem": problem,
        "without_key": suppression.without_key(),
    }
    return render(request, "notices/suppressed.html", context, status=status)


def found(q: str, lifted: str) -> QuerySet[Suppression]:
    rows = Suppression.objects.select_related("lifted_by").filter(lifted_at__isnull=not lifted)
    if q := characters.clean(q).strip():
        rows = rows.filter(
            fitting(q, "address") & ~Q(address__startswith="#") | Q(address__in=hashed(q))
        )
    return rows


def hashed(q: str) -> list[str]:
    """As somebody stands there who was erased: found by a whole address alone."""
    channel = channels.of(q)
    try:
        return hashes.of(channel.name, channel.read(q))
    except ValueError:
        return []


@require_POST
@right_required(rights.LIFT)
def lift(request: StaffRequest, pk: int) -> HttpResponse:
    """One that is lifted already stays as it is: the answer is that of the first press."""
    row = get_object_or_404(Suppression, pk=pk)
    reason = characters.clean(request.POST.get("reason", "")).strip()
    if not reason:
        return show(request, _("Say why it is lifted. Nothing was changed."), 400)
    suppression.lift(row.pk, request.user, reason)
    text = _("%(address)s gets messages again.")
    if suppression.active(row.channel, row.address).exists():
        text = _("Lifted. %(address)s stands on the list for another reason, too.")
    if row.is_hashed:
        messages.success(request, _("Lifted."))
        return redirect("suppressed")
    may_see = request.user.has_perm(rights.ADDRESSES)
    address = row.address if may_see else channels.masked(row.address)
    messages.success(request, text % {"address": address})
    return redirect("suppressed")
