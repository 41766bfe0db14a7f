"""Instants that a page wrote into its forms, and gets back."""

from datetime import datetime

from django.http import HttpRequest

from notices.recurrence.parse import FAR

__all__ = ["posted"]


def posted(request: HttpRequest, name: str) -> datetime | None:
    """The instant of a field; None when there is none or it is no such thing."""
    try:
        at = datetime.fromisoformat(request.POST.get(name, ""))
    except ValueError:
        return None
    return at if at.tzinfo and 1970 < at.year < FAR else None
