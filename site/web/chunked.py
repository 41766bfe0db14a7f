"""Bodies that come in chunks and not with a length, as Node, Go and Java send what they stream.

Django takes a request without Content-Length for an empty one. A server that ends the body where
its chunks end says so by wsgi.input_terminated (gunicorn does); then it may be read.
"""

from collections.abc import Callable
from typing import Any

from django.http import UnreadablePostError

__all__ = ["comes_in_chunks", "take"]


def comes_in_chunks(facts: dict[str, Any]) -> bool:
    return (
        facts.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
        and bool(facts.get("wsgi.input_terminated"))
        and not facts.get("CONTENT_LENGTH")
    )


def take(request: Any, most: Callable[[int], int]) -> int:
    """Gives a request its body and the length of it; no more is read than one byte beyond `most`,
    which is asked with what has come. Raises UnreadablePostError for what are no chunks."""
    stream, body = request.META["wsgi.input"], b""
    while (room := most(len(body)) + 1 - len(body)) > 0:
        try:
            part = stream.read(room)
        except Exception as problem:  # whatever the server raises
            raise UnreadablePostError from problem
        if not part:
            break
        body += part
    request.META["CONTENT_LENGTH"] = str(len(body))
    request._body = body
    return len(body)
