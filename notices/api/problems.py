"""What is not done, told to a program: application/problem+json (RFC 9457). `code` is stable, the
sentence is for a person and may change."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja.errors import ValidationError

from web.problems import Problem, TooMany

__all__ = ["CODES", "PROBLEM", "Refused", "answer", "code_of_status", "of_body"]

PROBLEM = "application/problem+json"

# code -> status, and what it means: the table of docs/api.md and of the page of the API.
CODES = {
    "invalid": (400, "A field cannot be used as it is; `field` says which."),
    "wrong_code": (400, "The code is wrong, too old, used already, or was guessed too often."),
    "no_token": (401, "Send Authorization: Bearer and a token."),
    "wrong_token": (401, "The token is not known here, expired, or was revoked."),
    "wrong_network": (403, "The token may not be used from this address."),
    "missing_scope": (403, "The token lacks a scope; the sentence names it."),
    "forbidden": (403, "No token may do this."),
    "plain_http": (403, "Use https://. What comes in plain text is not read."),
    "not_found": (404, "There is no such thing, or it is not yours to see."),
    "method_not_allowed": (405, "The address knows other methods; Allow names them."),
    "in_work": (409, "A request with the same Idempotency-Key is in work. Ask again in a second."),
    "too_late": (409, "The message is not queued any more."),
    "not_now": (409, "It is in a state in which this cannot be done."),
    "in_use": (409, "It is still needed; the sentence says by what."),
    "key_reused": (422, "The Idempotency-Key was used for another request."),
    "too_large": (413, "The body is too large."),
    "unsupported_type": (415, "Send application/json."),
    "too_many": (429, "A limit was reached; Retry-After says how many seconds to wait."),
    "internal": (500, "A mistake of ours. It was logged."),
    "unavailable": (503, "The database or Redis does not answer. Try again in a minute."),
}


class Refused(Problem):
    """With a code of the table above."""

    def __init__(self, code: str, sentence: str, field: str = "") -> None:
        self.code, self.status = code, CODES[code][0]
        super().__init__(sentence, {field: [sentence]} if field else None)


def code_of(problem: Problem) -> str:
    if isinstance(problem, Refused):
        return problem.code
    return code_of_status(problem.status)


def code_of_status(status: int) -> str:
    """For what was refused without a code: by Django, or by a door that is not ours alone."""
    by_status = {
        403: "plain_http", 404: "not_found", 405: "method_not_allowed", 413: "too_large",
        415: "unsupported_type", 422: "key_reused", 429: "too_many", 503: "unavailable",
    }  # fmt: skip
    return by_status.get(status, "invalid" if status < 500 else "internal")


def answer(problem: Problem) -> HttpResponse:
    code = code_of(problem)
    facts: dict[str, Any] = {
        "type": f"{reverse('api_docs')}#{code}",
        "title": CODES[code][1],
        "status": CODES[code][0],
        "code": code,
        "detail": problem.sentence,
    }
    if problem.errors:
        facts["field"] = next(iter(problem.errors))
        facts["errors"] = problem.errors
    response = JsonResponse(facts, status=CODES[code][0], content_type=PROBLEM)
    if isinstance(problem, TooMany):
        response["Retry-After"] = str(problem.wait)
    if code == "unavailable":
        response["Retry-After"] = "60"
    if code in ("no_token", "wrong_token"):
        response["WWW-Authenticate"] = 'Bearer realm="Bellhop"'
    return response


def of_body(found: ValidationError) -> Problem:
    """What the schema says of a field: our own sentences, and pydantic's for what is no JSON of
    that shape."""
    errors: Mapping[str, list[str]] = {}
    for each in found.errors:
        place = [str(part) for part in each["loc"]]
        name = ".".join(place[2:] or place[1:] or ["body"])
        errors = {**errors, name: [*errors.get(name, []), sentence(each)]}
    return Problem(errors=errors)


def sentence(error: Mapping[str, Any]) -> str:
    if error["type"] == "missing":
        return _("This field is missing.")
    if error["type"] == "extra_forbidden":
        return _("There is no such field.")
    return f"{str(error['msg']).removeprefix('Value error, ').rstrip('.')}."
