"""People from a file, step by step: dropped, its columns said, checked, added."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

import jobs
from config import clock
from notices import rights
from notices.rights import demand, right_required
from signup import groups, rates, security
from signup.models import Group, Part, Upload
from signup.uploads import columns
from signup.uploads.models import WORKED_ON
from web import characters, tables
from web.access import StaffRequest
from web.answers import with_wait
from web.bodies import takes_a_file
from web.problems import TooMany

__all__ = ["act", "bad", "listing", "show", "state"]

FIRST, SHOWN = 5, 100  # rows, bad cells
SHORT = 80  # characters of a cell that are shown
State = Upload.State


def allowed(view: Callable[..., HttpResponse]) -> Callable[..., Any]:
    """Who may add people and see their addresses: a file is full of them."""

    @right_required(rights.PEOPLE)
    def inner(request: StaffRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        demand(request, rights.ADDRESSES)
        return view(request, *args, **kwargs)

    return inner


@require_http_methods(["GET", "POST"])
@takes_a_file(rights.PEOPLE, rights.ADDRESSES)
@allowed
def listing(request: StaffRequest) -> HttpResponse:
    refused: ValidationError | TooMany | None = None
    if request.method == "POST":
        try:
            return redirect("upload", take(request).pk)
        except (ValidationError, TooMany) as problem:
            refused = problem
    context = {
        "problem": refused and words(refused),
        "groups": Group.objects.all(),
        "uploads": Upload.objects.defer("data").select_related("by").order_by("-pk")[:50],
    }
    status = refused.status if isinstance(refused, TooMany) else 400 if refused else 200
    answer = render(request, "people/uploads.html", context, status=status)
    return with_wait(answer, refused if isinstance(refused, TooMany) else None)


def words(refused: ValidationError | TooMany) -> str:
    return refused.sentence if isinstance(refused, TooMany) else str(refused.messages[0])


def take(request: StaffRequest) -> Upload:
    """Raises ValidationError, and TooMany."""
    file = request.FILES.get("file")
    if file is None or not file.size:
        raise ValidationError(_("Choose a file that is not empty."))
    group = request.POST.get("group", "")
    if group:
        group = groups.read_group(group)
    rates.spend_anyway(rates.Limit("upload", rates.UPLOAD, str(request.user.pk)))
    upload = Upload.objects.create(
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


def shown(request: HttpRequest, pk: int, problem: str = "") -> HttpResponse:
    upload = get_object_or_404(Upload.objects.defer("data"), pk=pk)
    context = {"upload": upload, "problem": problem, **facts(upload)}
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


def facts(upload: Upload) -> dict[str, Any]:
    sums = {name: Sum(name) for name in ("bad", "created", "updated", "unchanged")}
    found = {name: value or 0 for name, value in upload.parts.aggregate(**sums).items()}
    total = upload.parts.aggregate(rows=Sum("size"))["rows"] or 0
    done = upload.parts.filter(state=upload.state).aggregate(rows=Sum("size"))["rows"] or 0
    return {**found, "total": total, "done": done, "good": total - found["bad"],
            "working": upload.state in WORKED_ON}  # fmt: skip


class Heading(NamedTuple):
    place: int
    name: str
    meaning: str
    cells: list[str]  # of the first rows


def headings(upload: Upload) -> Iterator[Heading]:
    first = upload.parts.order_by("number").first()
    rows = [row for _number, row in (first.rows if first else []) if not isinstance(row, str)]
    for place, name in enumerate(upload.columns):
        cells = [row[place][:SHORT] for row in rows[:FIRST]]
        yield Heading(place, name, upload.mapping[place], cells)


class BadCell(NamedTuple):
    row: int
    column: str
    cell: str
    problem: str


def bad_cells(upload: Upload) -> Iterator[BadCell]:
    for part in parts_with_bad(upload):
        rows = dict(part.rows)
        for number, place, words in part.problems:
            row = rows[number]
            is_there = place is not None and not isinstance(row, str)
            column = upload.columns[place] if is_there else ""
            yield BadCell(number, column, row[place][:SHORT] if is_there else "", words)


def parts_with_bad(upload: Upload) -> Iterator[Part]:
    yield from upload.parts.filter(bad__gt=0).order_by("number").iterator(chunk_size=4)


# What staff do to it


def judge(request: StaffRequest, upload: Upload) -> None:
    if upload.state not in (State.MAPPING, State.JUDGED):
        return  # by an earlier press
    mapping = [request.POST.get(f"column-{place}", "") for place in range(len(upload.columns))]
    columns.check(mapping)
    columns.remember(upload.columns, mapping)
    upload.mapping, upload.new_groups, upload.state = mapping, [], State.JUDGING
    upload.parts.update(state=State.READING, bad=0, problems=[])


def add(request: StaffRequest, upload: Upload) -> None:
    if upload.state == State.JUDGED:
        upload.state = State.IMPORTING
        security.tell("people-imported", upload=upload.pk)


STEPS: dict[str, Callable[[StaffRequest, Upload], None]] = {"judge": judge, "add": add}


@require_POST
@allowed
def act(request: StaffRequest, pk: int) -> HttpResponse:
    step = request.POST.get("step", "")
    if step == "remove":
        Upload.objects.filter(pk=pk).delete()
        messages.success(request, _("The file is removed. Who was added stays."))
        return redirect("uploads")
    try:
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


@require_GET
@allowed
def bad(request: StaffRequest, pk: int) -> HttpResponse:
    """The bad rows as a file to mend and to send again."""
    upload = get_object_or_404(Upload.objects.defer("data"), pk=pk)
    answer = StreamingHttpResponse(tables.written(bad_rows(upload)), content_type="text/csv")
    answer["Content-Disposition"] = f'attachment; filename="mend-{pk}.csv"'
    security.tell("upload-exported", upload=pk)
    return answer  # type: ignore[return-value]


def bad_rows(upload: Upload) -> Iterator[list[str]]:
    yield [*upload.columns, _("What to mend")]
    for part in parts_with_bad(upload):
        words: dict[int, list[str]] = {}
        for number, place, sentence in part.problems:
            column = "" if place is None else f"{upload.columns[place]}: "
            words.setdefault(number, []).append(f"{column}{sentence}")
        for number, row in part.rows:
            if number in words:
                cells = [""] * len(upload.columns) if isinstance(row, str) else row
                yield [*cells, " ".join(words[number])]
