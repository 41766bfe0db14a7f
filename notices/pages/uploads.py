"""People from a file, step by step: dropped, its columns said, checked, added."""

from collections.abc import Callable
from itertools import islice
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Sum
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

import jobs
from config import clock
from notices import rights
from notices.audience import files
from notices.models import UNPREPARED, Notice
from notices.pages.cells import bad_cells, bad_rows, headings
from notices.pages.drafts import page_of
from notices.rights import demand, right_required
from signup import groups, rates, security
from signup.models import Group, Upload
from signup.uploads import columns
from signup.uploads.models import WORKED_ON
from web import characters, tables
from web.access import StaffRequest
from web.answers import with_wait
from web.bodies import takes_a_file
from web.problems import TooMany

__all__ = ["act", "bad", "listing", "show", "state", "take", "words"]

SHOWN = 100  # bad cells
State = Upload.State


def allowed(view: Callable[..., HttpResponse]) -> Callable[..., Any]:
    """Who may add people and see their addresses: a file is full of them. Whom a notice is for, who
    dropped the file may see."""

    @right_required(rights.PEOPLE, rights.SEND)
    def inner(request: StaffRequest, pk: int = 0) -> HttpResponse:
        dropped = Upload.objects.filter(pk=pk, purpose=Upload.Purpose.NOTICE).only("by").first()
        demand(request, rights.SEND if dropped else rights.PEOPLE)
        if not dropped or dropped.by_id != request.user.pk:
            demand(request, rights.ADDRESSES)
        return view(request, pk) if pk else view(request)

    return inner


@require_http_methods(["GET", "POST"])
@takes_a_file(rights.PEOPLE, rights.ADDRESSES)
@allowed
def listing(request: StaffRequest) -> HttpResponse:
    refused: ValidationError | TooMany | None = None
    if request.method == "POST":
        try:
            return redirect("upload", take(request, Upload.Purpose.PEOPLE).pk)
        except (ValidationError, TooMany) as problem:
            refused = problem
    context = {
        "problem": refused and words(refused),
        "groups": Group.objects.all(),
        "uploads": Upload.objects.filter(purpose=Upload.Purpose.PEOPLE)
        .defer("data")
        .select_related("by")
        .order_by("-pk")[:50],
    }
    status = refused.status if isinstance(refused, TooMany) else 400 if refused else 200
    answer = render(request, "people/uploads.html", context, status=status)
    return with_wait(answer, refused if isinstance(refused, TooMany) else None)


def words(refused: ValidationError | TooMany) -> str:
    return refused.sentence if isinstance(refused, TooMany) else str(refused.messages[0])


def take(request: StaffRequest, purpose: str, field: str = "file") -> Upload:
    """Raises ValidationError, and TooMany."""
    file = request.FILES.get(field)
    if file is None or not file.size:
        raise ValidationError(_("Choose a file that is not empty."))
    group = request.POST.get("group", "")
    if group:
        group = groups.read_group(group)
    rates.spend_anyway(rates.Limit("upload", rates.UPLOAD, str(request.user.pk)))
    upload = Upload.objects.create(
        purpose=purpose,
        by=request.user,
        name=characters.one_line(file.name or "")[:100],
        language=get_language() or "en",
        data=file.read(),
        group=group,
    )
    security.tell("upload", upload=upload.pk, bytes=file.size)
    jobs.now(jobs.take_upload, upload.pk)
    return upload


@require_GET
@allowed
def show(request: StaffRequest, pk: int) -> HttpResponse:
    return shown(request, pk)


def shown(request: StaffRequest, pk: int, problem: str = "") -> HttpResponse:
    upload = get_object_or_404(Upload.objects.defer("data"), pk=pk)
    context = {"upload": upload, "problem": problem, **facts(upload)}
    if upload.purpose == Upload.Purpose.NOTICE:
        context |= of_notice(request, upload)
    if upload.state in (State.MAPPING, State.JUDGED):
        context |= {"columns": list(headings(upload)), "attributes": groups.attributes()}
    context["bad_cells"] = list(islice(bad_cells(upload), SHOWN))
    return render(request, "people/upload.html", context, status=400 if problem else 200)


@require_GET
@allowed
def state(request: StaffRequest, pk: int) -> HttpResponse:
    """How far it is; when that is over, the page is loaded anew."""
    upload = get_object_or_404(Upload.objects.defer("data"), pk=pk)
    if upload.state not in WORKED_ON:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "people/upload_state.html", {"upload": upload, **facts(upload)})


def of_notice(request: StaffRequest, upload: Upload) -> dict[str, Any]:
    """The form that it was dropped on."""
    drafts_with_it = Notice.objects.filter(upload=upload, state=Notice.State.DRAFT)
    draft = drafts_with_it.filter(saved_by=request.user).order_by("-pk").first()
    new = f"{reverse('notice_new')}?upload={upload.pk}"
    judged = upload.state == State.JUDGED
    return {
        "form_page": page_of(draft) if draft else new,
        "repeated": files.repeated(upload) if judged else "",
        "placeholders": files.placeholders(upload) if judged else [],
        "told": files.count(upload) if judged else 0,
    }


def facts(upload: Upload) -> dict[str, Any]:
    sums = {name: Sum(name) for name in ("bad", "created", "updated", "unchanged")}
    found = {name: value or 0 for name, value in upload.parts.aggregate(**sums).items()}
    total = upload.parts.aggregate(rows=Sum("size"))["rows"] or 0
    done = upload.parts.filter(state=upload.state).aggregate(rows=Sum("size"))["rows"] or 0
    return {**found, "total": total, "done": done, "good": total - found["bad"],
            "working": upload.state in WORKED_ON}  # fmt: skip


# What staff do to it


def judge(request: StaffRequest, upload: Upload) -> None:
    if upload.state not in (State.MAPPING, State.JUDGED):
        return  # by an earlier press
    mapping = [request.POST.get(f"column-{place}", "") for place in range(len(upload.columns))]
    columns.check(upload, mapping)
    not_in_use(upload)
    columns.remember(upload, mapping)
    upload.mapping, upload.new_groups, upload.state = mapping, [], State.JUDGING
    upload.parts.update(state=State.READING, bad=0, problems=[], recipients=None, repeated=None)


def not_in_use(upload: Upload) -> None:
    """Raises ValidationError when it is whom a notice is still to tell."""
    unfinished = Notice.objects.filter(upload=upload, state__in=UNPREPARED)
    if pk := unfinished.values_list("pk", flat=True).first():
        raise ValidationError(
            _("Notice %(number)d is for the people in this file. Change or cancel that first.")
            % {"number": pk}
        )


def add(request: StaffRequest, upload: Upload) -> None:
    if upload.state == State.JUDGED and upload.purpose == Upload.Purpose.PEOPLE:
        upload.state = State.IMPORTING
        security.tell("people-imported", upload=upload.pk)


STEPS: dict[str, Callable[[StaffRequest, Upload], None]] = {"judge": judge, "add": add}


@require_POST
@allowed
def act(request: StaffRequest, pk: int) -> HttpResponse:
    step = request.POST.get("step", "")
    try:
        if step == "remove":
            return remove(request, pk)
        if step not in STEPS:
            raise ValidationError(_("Choose what to do."))
        with transaction.atomic():
            rows = Upload.objects.select_for_update().defer("data")
            upload = get_object_or_404(rows, pk=pk)
            STEPS[step](request, upload)
            upload.active_at = clock.now()
            upload.save(update_fields=["mapping", "new_groups", "state", "active_at"])
            if upload.state in WORKED_ON:
                jobs.now(jobs.take_upload, pk)
    except ValidationError as problem:
        return shown(request, pk, problem.messages[0])
    return redirect("upload", pk)


def remove(request: StaffRequest, pk: int) -> HttpResponse:
    with transaction.atomic():
        found = Upload.objects.select_for_update().defer("data").filter(pk=pk).first()
        for_notice = found is not None and found.purpose == Upload.Purpose.NOTICE
        if found:
            not_in_use(found)
            found.delete()
    if for_notice:
        messages.success(request, _("The file is removed."))
        return redirect("notices")
    messages.success(request, _("The file is removed. Who was added stays."))
    return redirect("uploads")


@require_GET
@allowed
def bad(request: StaffRequest, pk: int) -> HttpResponse:
    """The bad rows as a file to fix and to send again."""
    upload = get_object_or_404(Upload.objects.defer("data"), pk=pk)
    answer = StreamingHttpResponse(tables.written(bad_rows(upload)), content_type="text/csv")
    answer["Content-Disposition"] = f'attachment; filename="fix-{pk}.csv"'
    security.tell("upload-exported", upload=pk)
    return answer  # type: ignore[return-value]
