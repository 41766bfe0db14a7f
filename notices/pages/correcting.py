"""Correct and go on: another text for those who have not got a paused notice."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from notices import rights
from notices.content import placeholders
from notices.content.written import sources
from notices.delivery import corrections
from notices.models import Notice
from notices.pages import posted
from notices.pages.allowed import demand_for
from notices.pages.texts_field import TextsForm, every
from notices.rights import right_required
from web.access import StaffRequest

__all__ = ["MOVING", "NOT_NOW", "CorrectionForm", "correct", "versions"]

NOT_NOW = gettext_lazy("Nothing was changed: pause it first, and look at its text once more.")
MOVING = gettext_lazy("The last messages of before are still leaving. Try again in some seconds.")


class CorrectionForm(TextsForm):
    """The texts of a notice, read as the editor reads them. What stands for a placeholder was kept
    when it was prepared, so none can be added."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        own = placeholders.own(*sources(Notice.objects.get(pk=self.instance.pk)))
        others = "\n\n".join(every(cleaned.get("texts")))
        given = {name: cleaned.get(name, "") for name in ("subject", "text", "sms_text")}
        for name, text in (given | {"texts": others}).items():
            if new := placeholders.unknown(text, own):
                words = _("((%s)) was not in it before: nobody has a value for it.") % new[0]
                self.add_error(name, ValidationError(words))
        return cleaned


@require_http_methods(["GET", "POST"])
@right_required(rights.SEND)
def correct(request: StaffRequest, pk: int) -> HttpResponse:
    """`version`: of the text that was read. It stays paused: whoever is sure lets it go on."""
    notice = get_object_or_404(Notice, pk=pk)
    demand_for(request, notice.audience)
    if notice.state != Notice.State.PAUSED:
        messages.warning(request, NOT_NOW)
        return redirect(notice)
    version = notice.version
    form = CorrectionForm(request.POST or None, instance=notice)
    problem: Any = ""
    if request.method == "POST" and form.is_valid():
        try:
            saved = posted.number(request, "version")
            corrections.correct(pk, request.user, saved, form.cleaned_data)
            messages.success(request, _("Corrected. It is paused until you let it go on."))
            return redirect(notice)
        except corrections.NotNow:
            problem, version = NOT_NOW, saved
        except corrections.Moving:
            problem = MOVING
    context = {"form": form, "notice": notice, "version": version, "problem": problem}
    bad = bool(problem or form.errors)
    return render(request, "notices/correct.html", context, status=400 if bad else 200)


def versions(notice: Notice) -> list[dict[str, Any]]:
    """For its page: what it said, and how many got that, the first version first."""
    got = corrections.got(notice)
    if not got and notice.version == 1:
        return []
    now = {"number": notice.version, "texts": corrections.snapshot(notice), "by": None}
    before = [
        {"number": each.number, "texts": each.texts, "by": each.replaced_by, "at": each.replaced_at}
        for each in notice.versions.select_related("replaced_by")
    ]
    return [each | {"got": got.get(each["number"], 0)} for each in [*before, now]]
