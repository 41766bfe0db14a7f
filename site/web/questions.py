"""Questions in an address that make no sense to a database, such as a year of twenty digits."""

from collections.abc import Callable

from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

__all__ = ["OutOfRange"]


class OutOfRange:
    """The admin takes any column and any value for a filter, and looks at most of them itself.
    What is too large for a date or a column goes the way of its other wrong questions: to the whole
    list."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, problem: Exception) -> HttpResponse | None:
        asked = request.GET and request.path.startswith(reverse("admin:index"))
        return HttpResponseRedirect(f"{request.path}?e=1") if asked and too_large(problem) else None


def too_large(problem: Exception) -> bool:
    """Of Python's dates, of SQLite's or PostgreSQL's numbers."""
    if isinstance(problem, ValueError):
        return "out of range" in str(problem)
    return isinstance(problem, OverflowError | DataError)
