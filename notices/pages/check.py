"""The page before a notice goes: to whom, what, when, for how much, and whether all is well."""

import unicodedata
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from notices import rights
from notices.content.written import languages_of
from notices.delivery import approval, lifecycle
from notices.delivery.lifecycle import DraftChanged
from notices.models import Delivery, Notice
from notices.pages import drafts, outlook, posted, survey
from notices.pages.allowed import buttons, demand_for
from notices.pages.approving import approvals
from notices.pages.cost import cost
from notices.pages.preview import frames, render_with_previews
from notices.pages.starting import STARTED, at_once, tell_at_once
from notices.pages.survey import Survey
from notices.providers import sender_domain
from notices.rights import demand, right_required
from signup import fresh
from web import answers
from web.access import StaffRequest, staff_required
from web.problems import Invalid, Problem

__all__ = ["check", "elsewhere", "page", "sender"]

DRAFT, CHANGING = Notice.State.DRAFT, Notice.State.CHANGING
WAITING, AWAITING = Notice.State.WAITING, Notice.State.AWAITING
PAUSED = Notice.State.PAUSED
TESTS = 6  # that are shown
GROWN = 0.05  # so many may have come or gone since the page was looked at


@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "POST"])
@right_required(rights.SEND, rights.APPROVE)
def check(request: StaffRequest, pk: int) -> HttpResponse:
    """GET looks, POST sends: a draft, a notice that was changed, or with at=once one that waits.
    Pressed twice, or by two people, it goes once."""
    wanted = Notice.objects.select_related("author", "saved_by", "group", "saved", "occurrence")
    notice = get_object_or_404(wanted, pk=pk)
    now = "once" in (request.GET.get("at"), request.POST.get("at"))
    if there := elsewhere(request, notice, now=now):
        return there
    if now:
        notice.planned_for = None
    found = survey.survey(notice)
    if request.method != "POST":
        return page(request, notice, found, now=now)
    demand(request, rights.SEND)
    demand_for(request, notice.audience)
    try:
        confirm(request, notice, found)
        return send(request, notice, found, now=now)
    except Problem as problem:
        return page(request, notice, found, now=now, problem=problem)


def elsewhere(request: StaffRequest, notice: Notice, *, now: bool) -> HttpResponse | None:
    """Where to go instead, when there is nothing to check."""
    if notice.state == DRAFT:
        if notice.checked_version == notice.draft_version:
            return None
        messages.warning(request, _("It was changed, or is not finished: check it once more."))
        return redirect(drafts.page_of(notice) if drafts.may_open(request, notice) else "notices")
    if notice.state == CHANGING:
        return None if notice.checked_version else redirect("notice_edit", notice.pk)
    waits = notice.state in (WAITING, AWAITING, PAUSED) and not notice.in_question_since
    if waits and ((now and notice.state != PAUSED) or approval.missing(notice)):
        return None
    if request.method == "GET":
        goes = notice.state in (WAITING, Notice.State.PREPARING, Notice.State.SENDING)
        messages.warning(request, _("It was sent already.") if goes and not now else STARTED)
    return redirect(notice)


def confirm(request: StaffRequest, notice: Notice, found: Survey) -> None:
    """Raises Problem when it may not go like this."""
    if posted.number(request, "version") != notice.draft_version:
        raise Invalid(_("It was changed since you looked. Look once more, then send it."))
    if approval.missing(notice):
        raise Invalid(_("It goes when somebody else has approved it."))
    if not found.told:
        raise Invalid(_("Nobody would get this. Choose another audience."))
    if sentence := outlook.over(notice):
        raise Invalid(sentence)
    shown = posted.number(request, "people")
    if abs(found.told - shown) > max(shown, found.told) * GROWN:
        raise Invalid(_("The number of people is another by now. Look once more, then send it."))
    if found.told <= settings.CONFIRM_ABOVE:
        return
    if number(request.POST.get("typed", "")) != shown:
        sentence = _("Type the number of people to whom this goes: %(number)d.")
        raise Invalid.field("typed", sentence % {"number": shown})
    fresh.demand(request)


def number(text: str) -> int | None:
    """As people write one: 1,602, 1 602."""
    digits = [char for char in unicodedata.normalize("NFKC", text) if char.isdecimal()]
    return int("".join(digits)) if 0 < len(digits) <= 12 else None


def send(request: StaffRequest, notice: Notice, found: Survey, *, now: bool) -> HttpResponse:
    """What is already on its way goes once, whoever presses."""
    version = notice.draft_version
    if now:
        undo = at_once(notice, version)
        return tell_at_once(request, notice, undo)
    try:
        if notice.state in (WAITING, AWAITING):
            raise Invalid(_("It goes when somebody else has approved it."))
        if notice.state == DRAFT:
            lifecycle.send(notice, version)
        elif not lifecycle.change(notice, (), notice.planned_for, version=version):
            raise DraftChanged
    except DraftChanged:
        notice.refresh_from_db()
        if notice.state == DRAFT:
            raise Invalid(
                _("It was changed since you looked. Look once more, then send it.")
            ) from None
    return redirect(notice)


def page(
    request: StaffRequest,
    notice: Notice,
    found: Survey,
    *,
    now: bool,
    problem: Problem | None = None,
    test_problem: Problem | None = None,
) -> HttpResponse:
    when = outlook.outlook(notice, found, anyway=now)
    shown = chosen(request, notice, found)
    languages = dict(settings.LANGUAGES)
    context: dict[str, Any] = {
        "notice": notice,
        "now": now,
        "found": found,
        "channels": [
            (channel, found.messages(channel.name),
             [(languages.get(code, code), n) for code, n in found.by_channel[channel.name].items()])
            for channel in found.channels
        ],
        "shown": shown,
        "frames": frames(shown.deliveries) if shown else [],
        "cost": cost(notice, found),
        "when": when,
        "zone": ZoneInfo(notice.zone),
        "beside": outlook.beside(notice, when.begins),
        "many": found.told > settings.CONFIRM_ABOVE,
        "proof": fresh.wanted(request) if found.told > settings.CONFIRM_ABOVE else "",
        "approvals": approvals(request, notice),
        "act": reverse("notice_approval", args=[notice.pk]),
        "problem": problem,
        "tests": tests(notice),
        "test_problem": test_problem,
        "others": request.POST.get("others", "")[:2000],
        "typed": request.POST.get("typed", "")[:20],
        "editor": drafts.page_of(notice) if notice.state == DRAFT else "",
    }  # fmt: skip
    context |= buttons(request, notice) | {"fallen_back": fallen_back(notice, found)}
    goes = now or notice.state in (DRAFT, CHANGING)
    context["may_send"] = (
        request.user.has_perm(rights.SEND)
        and context["may_start"]
        and bool(goes and found.told)
        and not (when.is_over or context["approvals"].missing)
    )
    problem = problem or test_problem
    status = problem.status if problem else 200
    answer = render_with_previews(request, "notices/check.html", context, status=status)
    return answers.with_wait(answer, problem)


def fallen_back(notice: Notice, found: Survey) -> list[tuple[str, int, str]]:
    """Languages in which it is not written, how many people read them, and what they get."""
    labels, there = dict(settings.LANGUAGES), languages_of(notice)
    return [
        (str(labels.get(code, code)), number, str(labels.get(notice.language, notice.language)))
        for code, number in found.languages.items()
        if there and code not in there
    ]


def tests(notice: Notice) -> QuerySet[Delivery]:
    """The last that were sent of it."""
    rows = Delivery.objects.filter(written__test_of=notice.pk)
    return rows.order_by("-pk")[:TESTS]


def chosen(request: HttpRequest, notice: Notice, found: Survey) -> survey.Person | None:
    """Whose message is shown: the one that `as` names, else the first."""
    key = drafts.number(request.GET.get("as"))
    named = survey.person(notice, key) if key is not None else None
    return named or next(iter(found.first), None)


@require_GET
@staff_required
def sender(request: HttpRequest) -> HttpResponse:
    """The part of the page that asks the DNS, which may take a while."""
    return render(request, "notices/check_sender.html", {"seen": sender_domain.look()})
