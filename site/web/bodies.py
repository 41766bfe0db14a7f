"""How much may be sent. A stranger's body is small, and a larger one is read only when who sends it
is known: nobody makes us decode megabytes for nothing."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from web import answers
from web.middleware import DatabaseAway
from web.problems import TooLarge

__all__ = ["SMALL", "BodyLimit"]

SMALL = 64 * 1024  # bytes; a sign-up is a few hundred


class BodyLimit:
    """Before anything reads a body, as the CSRF check does: 413 for one of more than SMALL, unless
    a member of staff sends it, or the view has a `largest_body` of its own and asks for the right
    before it reads. What comes in chunks has its length from web/chunked.py."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], *args: Any
    ) -> HttpResponse | None:
        size = int(request.META.get("CONTENT_LENGTH") or 0)
        if size <= SMALL or hasattr(view, "largest_body"):
            return None
        try:
            by_staff = request.user.is_staff
        except OperationalError as problem:
            return DatabaseAway(self.get_response).process_exception(request, problem)
        if by_staff and size <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return None
        if request.content_type == "application/json":
            return answers.refusal(TooLarge(_("This is too large. Send less.")))
        return HttpResponse(render_to_string("413.html"), status=413)
