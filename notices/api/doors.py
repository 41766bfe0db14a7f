"""What is refused before an operation is asked, in the words of the API: no such address, another
method, a body that is too large or no JSON, plain http, a database that is away, a mistake of
ours."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _
from ninja.parser import Parser

from notices.api import problems, tokens
from notices.api.problems import PROBLEM, Refused

__all__ = ["JSONBody", "is_known", "told_as_problems"]

JSON = "application/json"
KEPT = ("Allow", "Retry-After")  # headers


def told_as_problems(get_response: Callable[[HttpRequest], HttpResponse]) -> object:
    """Middleware, around all that may refuse."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        is_ours = request.path.startswith("/api/") and response.status_code >= 400
        if not is_ours or response["Content-Type"] == PROBLEM:
            return response
        with translation.override(translation.get_language_from_request(request)):
            told = problems.answer(refused(request, response))
        for name in KEPT:
            if name in response:
                told[name] = response[name]
        return told

    return middleware


def refused(request: HttpRequest, response: HttpResponse) -> Refused:
    code = problems.code_of_status(response.status_code)
    sentences = {
        "plain_http": _("Use https:// here. What comes in plain text is not read."),
        "not_found": _("There is no such address. /api/v1/docs names them."),
        "method_not_allowed": _("Use %s here.") % response.get("Allow", ""),
        "too_large": _("This is too large. Send less."),
        "unavailable": _("The database does not answer. Try again in a minute."),
        "internal": _("This is a mistake of ours, and was logged. Try again later."),
    }
    return Refused(code, sentences.get(code) or HTTPStatus(response.status_code).phrase)


class JSONBody(Parser):
    """A body that does not say that it is JSON is not read as such."""

    def parse_body(self, request: HttpRequest) -> Any:
        if request.content_type != JSON:
            sentence = _("Send the header “Content-Type: application/json”.")
            raise Refused("unsupported_type", sentence)
        return super().parse_body(request)


def is_known(request: HttpRequest) -> bool:
    """Whether who asks may send a large body: whoever has a token (web/bodies.py)."""
    text = request.headers.get("Authorization", "").partition(" ")[2].strip()
    found = tokens.find(text)
    return found is not None and found.is_live
