"""A file with people, dropped on the form of a notice. What is written so far becomes a draft,
which keeps the file; its columns are said and its rows are checked on the file's own page."""

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from notices import rights
from notices.models import Notice
from notices.pages.drafts import DraftForm
from notices.pages.notice_form import NoticeForm
from notices.pages.saving import saved, unsaved
from notices.pages.uploads import take, words
from notices.rights import right_required
from signup.models import Upload
from web.access import StaffRequest
from web.answers import with_wait
from web.bodies import takes_a_file
from web.problems import TooMany

__all__ = ["drop"]

CHOSEN = {"audience": Notice.Audience.UPLOAD, "group": None, "saved": None, "addresses": ""}


@require_POST
@takes_a_file(rights.SEND)
@right_required(rights.SEND)
def drop(request: StaffRequest) -> HttpResponse:
    form = DraftForm(request.POST)
    if not form.is_valid() and (problem := form.problem()):
        return unsaved(request, NoticeForm(request.POST), problem=problem)
    try:
        upload = take(request, Upload.Purpose.NOTICE, "dropped")
    except (ValidationError, TooMany) as refused:
        again = NoticeForm(initial=form.kept() | {"audience": Notice.Audience.UPLOAD})
        answer = unsaved(request, again, file_problem=words(refused))
        answer.status_code = refused.status if isinstance(refused, TooMany) else 400
        return with_wait(answer, refused if isinstance(refused, TooMany) else None)
    if saved(request, form.kept() | CHOSEN | {"upload": upload}) is None:
        upload.delete()
        return unsaved(request, NoticeForm(initial=form.kept()), draft_changed=True)
    return redirect("upload", upload.pk)
