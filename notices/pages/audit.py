"""The page of who did what: searched, the newest first, and as a file."""

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from notices import rights
from notices.pages.audit_words import lines, pattern
from notices.rights import right_required
from signup import security
from signup.audit.verbs import SENTENCES
from signup.models import Entry, User
from web import characters, tables

__all__ = ["as_csv", "listing"]

PAGE, PART = 50, 500
COLUMNS = (
    "number",
    "at",
    "who",
    "account",
    "door",
    "network",
    "verb",
    "kind",
    "object",
    "sentence",
)


class Search(forms.Form):
    """What cannot be read is not searched by, and is marked."""

    who = forms.CharField(
        label=_("Who"),
        required=False,
        max_length=150,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    verb = forms.ChoiceField(label=_("What was done"), required=False)
    kind = forms.ChoiceField(label=_("To what"), required=False)
    number = forms.IntegerField(
        label=_("Its number"), required=False, min_value=1, max_value=10**18
    )
    day = forms.DateField(
        label=_("Day"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    before = forms.IntegerField(required=False, min_value=1, max_value=10**18)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        verbs = sorted(((verb, pattern(verb)) for verb in SENTENCES), key=lambda pair: pair[1])
        every = [("", _("all"))]
        self.fields["verb"].choices = every + verbs  # type: ignore[attr-defined]
        self.fields["kind"].choices = every + Entry.Kind.choices  # type: ignore[attr-defined]

    def found(self) -> QuerySet[Entry]:
        self.is_valid()
        asked = {name: value for name, value in self.cleaned_data.items() if value}
        rows = Entry.objects.filter(**{
            name: asked[name] for name in ("verb", "kind", "number") if name in asked
        })  # fmt: skip
        if name := characters.clean(asked.get("who", "")).strip():
            people = User.objects.filter(Q(username=name) | Q(name=name)).values("pk")
            rows = rows.filter(Q(by__in=people) | Q(doer=name))
        if day := asked.get("day"):
            begins = timezone.make_aware(datetime.combine(day, time()))
            rows = rows.filter(at__gte=begins, at__lt=begins + timedelta(days=1))
        if before := asked.get("before"):
            rows = rows.filter(pk__lt=before)
        return rows


seen_by = right_required(rights.SEE_WHO_DID_WHAT)


@require_GET
@seen_by
def listing(request: HttpRequest) -> HttpResponse:
    form = Search(request.GET)
    rows = list(form.found()[: PAGE + 1])
    context = {
        "form": form,
        "lines": lines(rows[:PAGE]),
        "next_before": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "narrowed": any(request.GET.get(name) for name in form.fields),
    }
    return render(request, "notices/audit.html", context)


@require_GET
@seen_by
def as_csv(request: HttpRequest) -> HttpResponseBase:
    """All that the search finds, streamed. Who downloads it is part of the log, too."""
    found = Search(request.GET).found()
    security.tell("audit-exported")
    rows = exported(found, get_language() or "en")
    response = StreamingHttpResponse(tables.written(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="audit.csv"'
    return response


def exported(found: QuerySet[Entry], language: str) -> Iterator[Sequence[object]]:
    """In parts, each a query of its own: a pooler may hand each to another connection."""
    yield COLUMNS
    last = None
    while True:
        part = list((found.filter(pk__lt=last) if last else found)[:PART])
        with override(language):
            written = [
                (each.pk, each.at.isoformat(), line.who, each.by_id, each.door, each.origin,
                 each.verb, each.kind, each.number, line.sentence)
                for line in lines(part) for each in [line.entry]
            ]  # fmt: skip
        yield from written
        if len(part) < PART:
            return
        last = part[-1].pk
