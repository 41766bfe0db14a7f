"""What is begun and not sent yet: a draft, or the text of an earlier notice, used again.

Who saves a draft names the version that they saw: what somebody else wrote meanwhile is never
overwritten. It is saved by pages/saving.py.
"""

from typing import Any

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse

from config import clock
from notices import rights
from notices.delivery import states
from notices.delivery.lifecycle import DraftChanged
from notices.models import CONTENT_FIELDS, TEXT_FIELDS, Notice
from notices.pages.notice_form import NoticeForm
from notices.pages.rule_fields import fields_of
from notices.rights import demand
from web.access import StaffRequest

__all__ = [
    "DraftForm", "begun", "file_again", "keep_checked", "may_open", "number", "page_of", "posted",
    "shown", "times_of", "to_send",
]  # fmt: skip

AGAIN = (*TEXT_FIELDS, "kind", "channels")  # whom it is for is chosen anew


class DraftForm(NoticeForm):
    """Takes what is there so far. Of a choice that is none it takes nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.required = False

    def clean_subject(self) -> str:
        return " ".join(self.cleaned_data["subject"].split())

    def clean_text(self) -> str:
        return str(self.cleaned_data["text"].replace("\r\n", "\n"))

    def clean_texts(self) -> Any:
        return self.cleaned_data["texts"]

    def clean_sms_text(self) -> str:
        return str(self.cleaned_data["sms_text"].replace("\r\n", "\n"))

    def clean(self) -> dict[str, Any]:
        return self.cleaned_data

    def _post_clean(self) -> None:
        """The model asks for all of a notice."""

    def problem(self) -> str:
        """Why the words cannot be kept; empty when they can."""
        named = ("subject", "text", "sms_text", "texts")
        wrong = [each for name in named for each in self.errors.get(name, ())]
        return str(wrong[0]) if wrong else ""

    def kept(self) -> dict[str, Any]:
        empty = {
            "channels": [], "audience": "", "addresses": "", "language": "", "sms_text": "",
        }  # fmt: skip
        given = {name: self.cleaned_data.get(name) for name in CONTENT_FIELDS}
        return {name: value or empty.get(name) for name, value in given.items()} | {
            name: given[name] or "" for name in ("subject", "text")
        }


def number(text: str | None) -> int | None:
    is_one = text and text.isascii() and text.isdecimal() and len(text) <= 9
    return int(text) if is_one and text else None


def page_of(notice: Notice) -> str:
    return f"{reverse('notice_new')}?draft={notice.pk}"


def may_open(request: StaffRequest, draft: Notice) -> bool:
    """Who may write; somebody else's list or file is for who may see addresses."""
    of_people = draft.addresses or draft.upload_id
    own = draft.author_id == request.user.pk or not of_people
    may_write = rights.has_any(request.user, rights.WRITE, rights.SEND, rights.SCHEDULE)
    return may_write and (own or request.user.has_perm(rights.ADDRESSES))


def begun(request: StaffRequest) -> dict[str, Any]:
    """What the form of a new notice begins with: a draft, or the notice that `again` names."""
    if request.method == "POST":
        return {}
    if "draft" in request.GET:
        draft = opened(request, request.GET["draft"])
        return {name: getattr(draft, name) for name in CONTENT_FIELDS}
    if "again" in request.GET:
        notice = again(request)
        return {name: getattr(notice, name) for name in AGAIN}
    if upload := number(request.GET.get("upload")):
        return {"audience": Notice.Audience.UPLOAD, "upload": upload}
    return {}


def again(request: HttpRequest) -> Notice:
    pk = number(request.GET["again"])
    if pk is None:
        raise Http404
    return get_object_or_404(Notice, pk=pk)


def file_again(request: HttpRequest) -> dict[str, Any]:
    """Of a notice that is used again, whether its file is still there."""
    if request.method == "POST" or "again" not in request.GET:
        return {}
    notice = again(request)
    was_file = notice.audience == Notice.Audience.UPLOAD
    return {"file_is_gone": was_file and not notice.upload, "file_is_kept": notice.upload}


def opened(request: StaffRequest, named: str) -> Notice:
    pk = number(named)
    if pk is None:
        raise Http404
    draft = get_object_or_404(Notice, pk=pk, state=Notice.State.DRAFT)
    if not may_open(request, draft):
        demand(request, rights.ADDRESSES)
    return draft


def times_of(request: StaffRequest) -> dict[str, Any]:
    """What the form of the time begins with: as the draft had it when it was checked last."""
    if request.method == "POST" or "draft" not in request.GET:
        return {}
    draft = opened(request, request.GET["draft"])
    chosen = draft.planned_for or draft.not_after or draft.in_quiet_hours
    return fields_of(draft) if chosen else {}


def keep_checked(
    request: StaffRequest, begun: tuple[int, int] | None, facts: dict[str, Any]
) -> Notice:
    """The draft as a form has it that is complete: it may be sent once it was looked at. Raises
    DraftChanged when somebody else was quicker."""
    if begun is None:
        own = {"author": request.user, "saved_by": request.user, "saved_at": clock.now()}
        kept = {"state": Notice.State.DRAFT, "draft_version": 1, "checked_version": 1}
        return Notice.objects.create(**facts, **own, **kept)
    pk, version = begun
    facts |= {"saved_by": request.user, "checked_version": version + 1}
    if not states.save_draft(pk, version, **facts):
        raise DraftChanged
    return Notice.objects.get(pk=pk)


def posted(request: HttpRequest) -> tuple[int, int] | None:
    """The number and version of the draft that a form was written in."""
    pk, version = number(request.POST.get("draft")), number(request.POST.get("version"))
    return None if pk is None or version is None else (pk, version)


def to_send(request: StaffRequest) -> tuple[int, int] | None:
    """The same. Of their own draft in its last version: it may just have been saved by itself."""
    named = posted(request)
    own = Notice.objects.filter(pk=named[0], saved_by=request.user) if named else ()
    return next(((each.pk, each.draft_version) for each in own), named)


def shown(request: HttpRequest) -> dict[str, Any]:
    """For draft.html."""
    named = posted(request)
    pk = named[0] if named else number(request.GET.get("draft"))
    drafts = Notice.objects.select_related("saved_by").filter(state=Notice.State.DRAFT, pk=pk or 0)
    row = drafts.first() if pk is not None else None
    version = named[1] if named else row and row.draft_version
    return {"draft": {"number": pk, "version": version, "row": row, "page": row and page_of(row)}}
