"""What the buttons of a page send: numbers, and which step to take."""

from collections.abc import Callable, Mapping

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

__all__ = ["number", "take_step"]


def number(request: HttpRequest, name: str) -> int:
    """Raises Http404 for what no row can have."""
    text = request.POST.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise Http404
    return int(text)


def take_step(
    request: HttpRequest, steps: Mapping[str, Callable[[HttpRequest], str]]
) -> tuple[str, str]:
    """The name of the step that was asked for, and what it says of itself, once it is done. Raises
    ValidationError when there is no such step, and what the step raises."""
    step = request.POST.get("step", "")
    if step not in steps:
        raise ValidationError(_("Choose what to do."))
    return step, steps[step](request)
