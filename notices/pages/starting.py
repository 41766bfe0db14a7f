"""Before a notice starts: it is taken back, or held while somebody changes it, or goes at once."""

from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from config import clock
from notices import rights
from notices.delivery import lifecycle, quiet_hours
from notices.models import UNFINISHED, Notice
from notices.pages.allowed import demand_for, demand_to_change
from notices.pages.drafts import may_open, page_of
from notices.rights import right_required
from web.access import StaffRequest

__all__ = ["STARTED", "at_once", "go_on", "hold", "tell", "tell_at_once", "undo"]

STARTED = gettext_lazy("Nothing was changed: it has started meanwhile.")


@require_POST
@right_required(rights.SEND)
def hold(request: HttpRequest, pk: int) -> HttpResponse:
    """Opens the editor. The notice does not start before it is saved or let go."""
    notice = get_object_or_404(Notice, pk=pk)
    demand_to_change(request, notice)
    if lifecycle.hold(notice):
        return redirect("notice_edit", pk)
    messages.warning(request, STARTED)
    return redirect(notice)


@require_POST
@right_required(rights.SEND)
def go_on(request: HttpRequest, pk: int) -> HttpResponse:
    """Lets a notice go that was held, as it is. Pressed twice it is told twice."""
    notice = get_object_or_404(Notice, pk=pk)
    demand_for(request, notice.audience)
    if notice.state == Notice.State.CHANGING and notice.checked_version:
        return redirect("notice_check", pk)  # it was changed, and goes when somebody has looked
    if notice.state == Notice.State.CHANGING:
        lifecycle.change(notice, (), notice.start_at)
    goes, ended = (
        _("Nothing was changed. It goes on as it was."),
        _("Nothing was changed: this notice has ended."),
    )
    return tell(request, notice, goes, ended)


def tell(request: HttpRequest, notice: Notice, goes: str, ended: str) -> HttpResponse:
    """What became of it, on its page."""
    notice.refresh_from_db()
    if notice.state in UNFINISHED:
        messages.success(request, goes)
    else:
        messages.warning(request, ended)
    return redirect(notice)


@require_POST
@right_required(rights.SEND)
def undo(request: StaffRequest, pk: int) -> HttpResponse:
    """Makes it a draft again. Who presses twice is told the same."""
    notice = get_object_or_404(Notice, pk=pk)
    lifecycle.take_back(notice, request.user)
    notice.refresh_from_db()
    if notice.state != Notice.State.DRAFT:
        messages.warning(request, STARTED)
        return redirect(notice)
    messages.success(request, _("Undone. Nothing was sent. It is a draft again."))
    return redirect(page_of(notice) if may_open(request, notice) else "notices")


def at_once(notice: Notice, version: int | None = None) -> timedelta | None:
    """Lets a notice that waits go now, also in the quiet hours; the time to undo, none when that
    runs already. None when it has started, or was changed since."""
    notice.in_quiet_hours |= quiet_hours.ends(clock.now() + lifecycle.UNDO) is not None
    runs = notice.start_at <= clock.now() + lifecycle.UNDO
    undo = timedelta(0) if runs and notice.state == Notice.State.WAITING else lifecycle.UNDO
    started = lifecycle.change(notice, ["in_quiet_hours"], undo=undo, version=version)
    return undo if started else None


def tell_at_once(request: HttpRequest, notice: Notice, undo: timedelta | None) -> HttpResponse:
    """Who presses twice is told the same while it goes."""
    notice.refresh_from_db()
    if undo is not None or notice.state in UNFINISHED:
        with_undo = _("It goes out now. You have 10 seconds to undo.")
        messages.success(request, _("It goes out now.") if undo == timedelta(0) else with_undo)
    else:
        messages.warning(request, STARTED)
    return redirect(notice)
