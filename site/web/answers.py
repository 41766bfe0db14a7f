"""One address, two languages: a browser's form, answered by a page, or JSON, answered by JSON.

The JSON is {"code": 0, "errmsg": "ok"}, or the HTTP status as `code`, a sentence as `errmsg` and
the sentences of each field as `errors`.
"""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from web.problems import Invalid, NotAllowed, Problem, TooLarge, TooMany

__all__ = ["Response", "form_or_json", "ok", "read", "refusal", "with_wait"]

Response = TypeVar("Response", bound=HttpResponse)
Page = Callable[..., HttpResponse]
Act = Callable[..., HttpResponse]


def form_or_json(act: Act) -> Callable[[Page], Page]:
    """Decorates the page's view: posts of JSON go to `act(request, body)` instead. Who may is asked
    by a decorator around this one, before the body is read.

    JSON needs no CSRF token: another site's page cannot send that content type to us, since we
    grant no CORS. Forms do.
    """

    def decorate(page: Page) -> Page:
        protected = csrf_protect(page)

        @csrf_exempt
        @wraps(page)
        def view(request: HttpRequest) -> HttpResponse:
            if request.content_type != "application/json":
                return protected(request)
            if request.method != "POST":
                return not_allowed("POST")
            try:
                return act(request, read(request))
            except Problem as problem:
                return refusal(problem)
            except PermissionDenied as denied:
                return refusal(NotAllowed(str(denied)))

        return view

    return decorate


def read(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of the body; Invalid or TooLarge for anything else."""
    try:
        # ValueError: broken JSON, broken UTF-8, or a number of thousands of digits.
        body = json.loads(request.body.decode())
    except RequestDataTooBig:
        raise TooLarge(_("This is too large. Send less.")) from None
    except (ValueError, RecursionError, UnreadablePostError):
        raise Invalid(_("This is not JSON. Send a JSON object in UTF-8.")) from None
    if not isinstance(body, dict):
        raise Invalid(_('Send a JSON object, such as {"mobile": "..."}.'))
    return body


def ok(**facts: Any) -> JsonResponse:
    return JsonResponse({"code": 0, "errmsg": "ok"} | facts)


def refusal(problem: Problem) -> JsonResponse:
    body = {"code": problem.status, "errmsg": problem.sentence, "errors": problem.errors}
    return with_wait(JsonResponse(body, status=problem.status), problem)


def with_wait(response: Response, problem: Problem | None) -> Response:
    """Says in the header, too, how long to wait."""
    if isinstance(problem, TooMany):
        response["Retry-After"] = str(problem.wait)
    return response


def not_allowed(*methods: str) -> JsonResponse:
    sentence = _("Use %s here.") % ", ".join(methods)
    response = JsonResponse({"code": 405, "errmsg": sentence, "errors": {}}, status=405)
    response["Allow"] = ", ".join(methods)
    return response
