"""Bodies that come in chunks and not with a length, as Node, Go and Java send what they stream.

Django takes a request without Content-Length for an empty one. A server that ends the body where
its chunks end says so by wsgi.input_terminated (gunicorn does); then it may be read, so far as
anybody may send that much there.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from web.bodies import SMALL

__all__ = ["Chunked"]


class Chunked:
    """Before anything reads a body, as the CSRF check does: gives a request its body and the length
    of it. 413 for more than SMALL, or than the view's own `largest_body`; staff may send more."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: Any, view: Callable[..., Any], *args: Any
    ) -> HttpResponse | None:
        if not comes_in_chunks(request.META):
            return None
        stream, largest = request.META["wsgi.input"], getattr(view, "largest_body", SMALL)
        try:
            body = stream.read(largest + 1)
            if len(body) > largest and request.user.is_staff:
                largest = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
                body += stream.read(largest + 1 - len(body))
        except Exception:
            return HttpResponse(status=400)
        if len(body) > largest:
            return HttpResponse(status=413)
        request.META["CONTENT_LENGTH"] = str(len(body))
        request._body = body
        return None


def comes_in_chunks(facts: dict[str, Any]) -> bool:
    return (
        facts.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
        and bool(facts.get("wsgi.input_terminated"))
        and not facts.get("CONTENT_LENGTH")
    )
