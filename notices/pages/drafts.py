"""What is begun from something else: the text of an earlier notice, used again."""

from typing import Any

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from notices.models import Notice

__all__ = ["used_again"]

AGAIN = ("subject", "text", "channels")  # whom it is for is chosen anew


def used_again(request: HttpRequest) -> dict[str, Any]:
    """What the form of a new notice begins with: the notice's that `again` names."""
    number = request.GET.get("again", "")
    if not number:
        return {}
    if not (number.isascii() and number.isdecimal() and len(number) <= 18):
        raise Http404
    notice = get_object_or_404(Notice, pk=int(number))
    return {name: getattr(notice, name) for name in AGAIN}
