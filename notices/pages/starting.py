"""Before a notice starts: it is held while somebody changes it, and who sends it at once is told
first what that means."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from config import clock
from notices import rights
from notices.channels import CHANNELS
from notices.delivery import lifecycle, quiet_hours
from notices.models import NOT_STARTED, UNFINISHED, Notice
from notices.pages.allowed import demand_for, demand_to_change
from notices.pages.reach import reach
from notices.rights import right_required

__all__ = ["STARTED", "ask", "at_once", "go_on", "hold", "tell"]

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


def at_once(notice: Notice) -> tuple[bool, timedelta]:
    """Lets it go, also in the quiet hours: whether it had not begun yet, and the time to undo, of
    which there is none where that runs already. Its row is read anew."""
    notice.in_quiet_hours |= quiet_hours.ends(clock.now() + lifecycle.UNDO) is not None
    runs = notice.start_at <= clock.now() + lifecycle.UNDO
    undo = timedelta(0) if runs and notice.state == Notice.State.WAITING else lifecycle.UNDO
    started = lifecycle.change(notice, ["in_quiet_hours"], undo=undo)
    notice.refresh_from_db()
    return started, undo


@require_GET
@right_required(rights.SEND)
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    """The question before "Send at once": to how many, instead of when, and in the quiet hours."""
    notice = get_object_or_404(Notice.objects.select_related("author"), pk=pk)
    demand_for(request, notice.audience)
    if notice.state not in NOT_STARTED or notice.in_question_since:
        messages.warning(request, STARTED)
        return redirect(notice)
    return render(request, "notices/ask.html", question(notice))


def question(notice: Notice) -> dict[str, Any]:
    found = {CHANNELS[name].label: reach(notice, CHANNELS[name]) for name in notice.channels}
    quiet_until = quiet_hours.ends(clock.now() + lifecycle.UNDO)
    return {
        "notice": notice,
        "zone": ZoneInfo(notice.zone),
        "reached": found.items(),
        "messages_in_all": sum(each.recipients for each in found.values()),
        "quiet_until": None if notice.in_quiet_hours else quiet_until,
    }
