"""Saving a draft: by a button, and by htmx while somebody writes."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from config import clock
from notices import rights
from notices.delivery import states
from notices.models import Notice
from notices.pages import drafts
from notices.pages.drafts import DraftForm
from notices.pages.notice_form import NoticeForm
from notices.pages.timing_form import TimingForm
from notices.pages.writing import page
from notices.rights import right_required
from web.access import StaffRequest

__all__ = ["delete", "save", "saved", "unsaved"]


@require_POST
@right_required(rights.WRITE, rights.SEND, rights.SCHEDULE)
def save(request: StaffRequest) -> HttpResponse:
    """To htmx it answers with the words beside the form, else with the draft's page. What cannot be
    saved stays on the page."""
    form = DraftForm(request.POST)
    if not form.is_valid() and (problem := form.problem()):
        return unsaved(request, NoticeForm(request.POST), problem=problem)
    draft = saved(request, form.kept())
    if draft is None:
        return unsaved(request, NoticeForm(initial=form.kept()), draft_changed=True)
    where = drafts.page_of(draft)
    if "HX-Request" not in request.headers:
        return redirect(where)
    facts = {"number": draft.pk, "version": draft.draft_version, "row": draft, "page": where}
    answer = render(request, "notices/draft.html", {"draft": facts})
    answer["HX-Replace-Url"] = where  # for who loads the page again
    return answer


@require_POST
@right_required(rights.WRITE, rights.SEND, rights.SCHEDULE)
def delete(request: StaffRequest) -> HttpResponse:
    """Not what somebody else wrote into it meanwhile."""
    named = drafts.posted(request)
    if named and states.discard_draft(*named):
        messages.success(request, _("The draft is deleted."))
        return redirect("notices")
    form = DraftForm(request.POST)
    form.is_valid()
    return unsaved(request, NoticeForm(initial=form.kept()), draft_changed=True)


def saved(request: StaffRequest, facts: dict[str, Any]) -> Notice | None:
    """None when somebody else was quicker."""
    named = None if "apart" in request.POST else drafts.posted(request)
    if named is None:
        return Notice.objects.create(
            **facts,
            state=Notice.State.DRAFT,
            author=request.user,
            saved_by=request.user,
            saved_at=clock.now(),
            draft_version=1,
        )
    pk, version = named
    if not states.save_draft(pk, version, saved_by=request.user, **facts):
        return None
    return Notice.objects.select_related("saved_by").filter(pk=pk).first()


def unsaved(request: StaffRequest, form: NoticeForm, **why: Any) -> HttpResponse:
    if "HX-Request" in request.headers:
        return render(request, "notices/draft.html", drafts.shown(request) | why)
    timing = TimingForm(request.POST, own_zone=request.user.time_zone)
    return page(request, form, timing, key=request.POST.get("key"), **why)
