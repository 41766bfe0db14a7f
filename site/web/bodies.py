"""How much may be sent. A stranger's body is small, and a larger one is read only when who sends it
is known: nobody makes us decode megabytes for nothing."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadhandler import FileUploadHandler, TemporaryFileUploadHandler
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from config.database import AWAY
from web import answers
from web.chunked import comes_in_chunks, take
from web.middleware import DatabaseAway
from web.problems import TooLarge

__all__ = ["SMALL", "BodyLimit", "NoFile", "takes_a_file"]

SMALL = 64 * 1024  # bytes; a sign-up is a few hundred

View = Callable[..., Any]


class NoFile(FileUploadHandler):
    """What becomes of a file wherever nobody asked for one."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        raise TooManyFilesSent

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Never called."""

    def file_complete(self, file_size: int) -> None:
        """Never called."""


def takes_a_file(*rights: str) -> Callable[[View], View]:
    """For a view: it lets a file in, by people who have all of these."""

    def decorate(view: View) -> View:
        view.file_rights = rights  # type: ignore[attr-defined]
        return view

    return decorate


class BodyLimit:
    """Before anything reads a body, as the CSRF check does: 413 for one of more than SMALL, or than
    the view's own `largest_body`. Staff may send more, or whoever the view's own `is_known` knows.
    A view with a limit of its own asks for the right before it reads."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: View, *args: Any) -> HttpResponse | None:
        allowed = partial(most, request, view)
        try:
            if comes_in_chunks(request.META):
                size = take(request, allowed)
            else:
                size = int(request.META.get("CONTENT_LENGTH") or 0)
            if size > allowed(size):
                return too_large(request)
            rights = getattr(view, "file_rights", None)
            if rights and request.user.has_perms(rights):
                request.upload_handlers = [TemporaryFileUploadHandler(request)]
            return None
        except UnreadablePostError:
            return HttpResponse(status=400)
        except AWAY as problem:
            return DatabaseAway(self.get_response).process_exception(request, problem)


def most(request: HttpRequest, view: View, size: int) -> int:
    """Bytes that may be sent there. Who sends them is asked only for what is large."""
    by_anybody: int = getattr(view, "largest_body", SMALL)
    is_known: Callable[[HttpRequest], bool] = getattr(view, "is_known", is_staff)
    if size <= by_anybody or not is_known(request):
        return by_anybody
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def is_staff(request: HttpRequest) -> bool:
    return request.user.is_staff


def too_large(request: HttpRequest) -> HttpResponse:
    if request.content_type == "application/json":
        return answers.refusal(TooLarge(_("This is too large. Send less.")))
    return HttpResponse(render_to_string("413.html"), status=413)
