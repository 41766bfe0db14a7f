"""The staff's page of what is kept, and for how long."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from notices import rights
from notices.delivery import periods
from notices.models import Period
from notices.rights import demand
from web.access import StaffRequest, staff_required

__all__ = ["page"]


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def page(request: StaffRequest) -> HttpResponse:
    problems: dict[str, str] = {}
    if request.method == "POST":
        demand(request, rights.RETENTION)
        wanted, problems = typed(request)
        if not problems:
            changed = periods.change(wanted, request.user)
            messages.success(request, _("Changed.") if changed else _("Nothing was changed."))
            return redirect("retention")
    now = periods.all_days()
    changed_by = {each.kind: each for each in Period.objects.select_related("by")}
    rows = [
        {
            "name": name,
            "kind": kind,
            "days": request.POST.get(name, now[name]),
            "default": kind.by_default(),
            "changed": changed_by.get(name),
            "problem": problems.get(name),
        }
        for name, kind in periods.KINDS.items()
    ]
    status = 400 if problems else 200
    context = {"rows": rows, "problems": problems}
    return render(request, "notices/retention.html", context, status=status)


def typed(request: HttpRequest) -> tuple[dict[str, int], dict[str, str]]:
    """What is named, and what is wrong with it."""
    wanted, problems = dict[str, int](), dict[str, str]()
    for name in periods.KINDS:
        if (text := request.POST.get(name)) is not None:
            try:
                wanted[name] = periods.read(name, text)
            except ValidationError as problem:
                problems[name] = problem.messages[0]
    return wanted, problems
