"""Sending again: what went wrong by reason, one message, some, or all, each with what it means."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from config import clock
from notices import rights
from notices.delivery import again
from notices.delivery.again import AT_MOST, Closed, Twice, Wanted
from notices.models import Notice, State
from notices.pages import instants
from notices.pages.allowed import demand_for
from notices.rights import right_required
from signup import fresh
from web import answers
from web.access import StaffRequest
from web.problems import Invalid, Problem

__all__ = ["CHOSEN", "again_page", "refusal", "section"]

MEANS = {
    State.FAILED: gettext_lazy("It was not taken: nobody of these got it."),
    State.BOUNCED: gettext_lazy(
        "It came back. If the address is wrong, correct it with the person: to the same address it "
        "comes back again."
    ),
    State.UNCERTAIN: gettext_lazy("No answer came: they may have it, and may get it twice."),
    State.SENT: gettext_lazy("Their provider took it: they get it twice."),
    State.DELIVERED: gettext_lazy("It arrived: they get it twice."),
}
WRONG = (State.FAILED, State.BOUNCED, State.UNCERTAIN)
CHOSEN = 1000  # messages that one form can name


@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "POST"])
@right_required(rights.SEND)
def again_page(request: StaffRequest, pk: int) -> HttpResponse:
    """GET asks, about all that went wrong or the messages that `delivery` names. POST sends what
    `group` (a state, or one with a reason) and `delivery` name; `twice`: who presses was told that
    some may get it twice. `until`: when the page was made, so that a double click decides once."""
    notice = get_object_or_404(Notice, pk=pk)
    if request.method != "POST":
        return page(request, notice, numbers(request.GET))
    demand_for(request, notice.audience)
    wanted = meant(request.POST, instants.posted(request, "until"))
    try:
        if not (wanted.states or wanted.reasons or wanted.deliveries):
            raise Invalid(_("Choose what goes again."))
        if wanted.rows(notice)[: settings.CONFIRM_ABOVE + 1].count() > settings.CONFIRM_ABOVE:
            fresh.demand(request)
        count = again.send(notice, request.user, wanted, twice="twice" in request.POST)
    except (Closed, Twice) as found:
        return page(request, notice, wanted.deliveries, problem=refusal(found))
    except Problem as problem:
        return page(request, notice, wanted.deliveries, problem=problem)
    messages.success(request, sent_again(count))
    return redirect(notice)


def refusal(found: Closed | Twice) -> Invalid:
    if isinstance(found, Closed):
        return Invalid(_("Nothing of this notice goes out any more."))
    words = ngettext(
        "%(number)d person may get it twice. Tick that you know, then send it again.",
        "%(number)d people may get it twice. Tick that you know, then send it again.",
        found.number,
    )
    return Invalid.field("twice", words % {"number": found.number})


def sent_again(count: int) -> str:
    if not count:
        return _("Nothing was left to send again: that was done already.")
    text = ngettext(
        "%(count)d delivery goes out again.", "%(count)d deliveries go out again.", count
    )
    if count == AT_MOST:
        text += " " + _("That is as many as go at a time: press again for those that are left.")
    return text % {"count": count}


def numbers(given: QueryDict) -> list[int]:
    found = given.getlist("delivery")[:CHOSEN]
    if not all(text.isascii() and text.isdecimal() and len(text) <= 18 for text in found):
        raise Http404
    return [int(text) for text in found]


def meant(given: QueryDict, until: Any) -> Wanted:
    pairs = [text.partition("|") for text in given.getlist("group")[:CHOSEN]]
    return Wanted(
        states=[state for state, bar, _reason in pairs if not bar],
        reasons=[(state, reason) for state, bar, reason in pairs if bar],
        deliveries=numbers(given),
        until=until,
    )


def section(request: StaffRequest, notice: Notice) -> dict[str, Any]:
    """For the notice's page: what went wrong, and whether the reader may send it again."""
    may = request.user.has_perm(rights.SEND) and not again.is_closed(notice)
    return {"wrong": wrong(notice), "may_send_again": may, "again": WRONG}


def wrong(notice: Notice) -> list[tuple[State, Any, list[tuple[str, again.Group]]]]:
    """State, what it means, and its reasons, each with its name in the form."""
    found = again.groups(notice)
    by_state = {
        state: [(f"{state}|{each.reason}", each) for each in found if each.state == state]
        for state in WRONG
    }
    return [(state, MEANS[state], reasons) for state, reasons in by_state.items() if reasons]


def page(
    request: HttpRequest, notice: Notice, chosen: Any, *, problem: Problem | None = None
) -> HttpResponse:
    rows = list(Wanted(deliveries=chosen).rows(notice)) if chosen else []
    unproved = problem and {"code", "password"} & set(problem.errors)
    context = {
        "notice": notice,
        "now": clock.now().isoformat(),
        "chosen": [(row, MEANS[State(row.state)]) for row in rows],
        "wrong": [] if rows else wrong(notice),
        "all": [(state, MEANS[state]) for state in (State.SENT, State.DELIVERED)],
        "ticked": request.POST.getlist("group"),
        "twice": "twice" in request.POST,
        "ask_twice": any(row.state not in again.SAFE for row in rows) or not rows,
        "closed": again.is_closed(notice),
        "proof": fresh.wanted(request) if unproved else "",
        "problem": problem,
    }
    status = problem.status if problem else 200
    answer = render(request, "notices/again.html", context, status=status)
    return answers.with_wait(answer, problem)
