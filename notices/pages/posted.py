"""Numbers that a page sends."""

from django.http import Http404, HttpRequest

__all__ = ["number"]


def number(request: HttpRequest, name: str) -> int:
    """Raises Http404 for what no row can have."""
    text = request.POST.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise Http404
    return int(text)
