"""The part of a notice's form that is about a file with people."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from notices.audience import files
from notices.content import placeholders
from notices.models import Notice
from notices.pages import texts_field
from notices.pages.timing_form import TimingForm
from signup import groups, rates
from signup.models import Upload, User
from signup.uploads import at_once, columns

__all__ = ["CheckedFile", "check_placeholders", "for_one_notice", "problems", "read_rows"]


class CheckedFile(forms.ModelChoiceField):  # type: ignore[type-arg]
    """By its number."""

    def __init__(self) -> None:
        super().__init__(
            Upload.objects.filter(purpose=Upload.Purpose.NOTICE).defer("data").order_by("-pk"),
            label=_("A file that was checked"),
            required=False,
            error_messages={"invalid_choice": _("This file is not there any more. Drop it again.")},
        )


def read_rows(text: str, by: User) -> Upload:
    """A CSV file as a text. Raises ValidationError with each of its bad cells, and TooMany."""
    rates.spend_anyway(rates.Limit("upload", rates.UPLOAD, str(by.pk)))
    upload = at_once.checked(text.encode(errors="replace"), "", by)
    if bad := list(files.bad_rows(upload)):
        upload.delete()
        raise ValidationError(bad)
    return upload


def check_placeholders(text: str, upload: Upload | None) -> None:
    """Raises ValidationError for a placeholder that would reach people unfilled: it is none of the
    file's columns, or else no attribute of people."""
    used = placeholders.own("", text)
    if not used:
        return
    if upload:
        own, always = files.placeholders(upload), ["name"]
        unknown = [each for each in used if columns.placeholder(each) not in own]
    else:
        own, always = groups.attributes(), list(placeholders.PLACEHOLDERS)
        unknown = placeholders.unknown(text, own)
    if unknown:
        raise ValidationError(
            _("There is no placeholder ((%(name)s)). You can use: %(known)s."),
            params={
                "name": unknown[0][:30],
                "known": ", ".join(f"(({name}))" for name in (*always, *own)),
            },
        )


def problems(upload: Upload, cleaned: dict[str, Any]) -> list[Any]:
    """Why its people cannot be told this, in sentences."""
    if upload.state != Upload.State.JUDGED:
        return [_("This file is not checked yet. Open it, and say what its columns mean.")]
    channels = cleaned.get("channels", ())
    if channels and not files.reached(upload, channels):
        return [_("Nobody in this file has an address for the channels that are chosen.")]
    needed = placeholders.needed(
        *(cleaned.get(name, "") for name in ("subject", "text", "sms_text")),
        *texts_field.every(cleaned.get("texts")),
    )
    return list(files.problems(upload, needed))


def for_one_notice(form: forms.BaseForm, timing: TimingForm) -> None:
    """Of bound forms: a schedule would need the file's people for as long as it goes on."""
    is_file = form.is_bound and form["audience"].data == Notice.Audience.UPLOAD
    timing.is_valid()  # it has been read then
    if is_file and timing.cleaned_data.get("when") == "repeat":
        timing.add_error("when", _("A file is for one notice. Send it now or later."))
