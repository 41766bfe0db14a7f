"""/api/v1/: for other programs. docs/api.md says how it is used, and what may change."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI, Schema
from ninja.errors import HttpError, ValidationError

from config.database import AWAY
from notices.api import (
    again,
    audiences,
    deliveries,
    document,
    groups,
    health,
    messages,
    notices,
    people,
    problems,
    schedules,
    suppressions,
    verifications,
)
from notices.api.bearer import Asked, Bearer, with_limits
from notices.api.doors import JSONBody, is_known
from notices.api.problems import Refused
from notices.api.reading import page
from web.problems import Problem

__all__ = ["docs", "urls"]


class Api(NinjaAPI):
    def get_openapi_schema(self, **options: Any) -> Any:
        return document.complete(super().get_openapi_schema(**options))

    def create_response(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return with_limits(request, super().create_response(request, *args, **kwargs))

    def on_exception(self, request: HttpRequest, exc: Any) -> HttpResponse:
        return with_limits(request, super().on_exception(request, exc))


api = Api(
    title="Bellhop",
    version="1.1",  # docs/api.md has a line for each
    description="Messages to people, by email and SMS. See docs/api.md.",
    docs_url=None,
    auth=Bearer(),
    parser=JSONBody(),
    urls_namespace="api-1",
)


class TokenOut(Schema):
    name: str
    test: bool
    scopes: list[str]
    expires_at: datetime | None


@api.get("/token", response=TokenOut, summary="The token that asks", tags=["token"])
def token(request: Asked) -> dict[str, Any]:
    row = request.auth
    facts = {"name": row.name, "test": row.is_test, "scopes": row.scopes}
    return {**facts, "expires_at": row.expires_at}


api.add_router("/messages", messages.router)
api.add_router("/verifications", verifications.router)
api.add_router("/notices", notices.router)
api.add_router("/notices", again.router)
api.add_router("/schedules", schedules.router)
api.add_router("/deliveries", deliveries.router)
api.add_router("/people", people.router)
api.add_router("/groups", groups.router)
api.add_router("/audiences", audiences.router)
api.add_router("/suppressions", suppressions.router)
api.add_router("/health", health.router)


@api.exception_handler(Problem)
def refused(request: HttpRequest, problem: Problem) -> HttpResponse:
    return problems.answer(problem)


@api.exception_handler(ValidationError)
def wrong_body(request: HttpRequest, found: ValidationError) -> HttpResponse:
    return problems.answer(problems.of_body(found))


@api.exception_handler(HttpError)
def unreadable(request: HttpRequest, found: HttpError) -> HttpResponse:
    """What ninja itself says of a body that is no JSON, or that our parser refused."""
    if isinstance(found.__cause__, Problem):
        return problems.answer(found.__cause__)
    return problems.answer(Refused("invalid", _("This is not JSON. Send a JSON object in UTF-8.")))


@api.exception_handler(Http404)
def not_found(request: HttpRequest, found: Http404) -> HttpResponse:
    return problems.answer(Refused("not_found", _("There is no such thing here.")))


def database_away(request: HttpRequest, problem: Exception) -> HttpResponse:
    sentence = _("The database does not answer. Try again in a minute.")
    return problems.answer(Refused("unavailable", sentence))


for each in AWAY:
    api.add_exception_handler(each, database_away)  # type: ignore[arg-type]


def urls() -> Any:
    """For config.urls, once all operations are there. Who shows a token may send as much as
    staff."""
    found: Any = api.urls
    for each in found[0]:
        each.callback.is_known = is_known
    return found


def docs(request: HttpRequest) -> HttpResponse:
    """For people: what the document says."""
    return page(api.get_openapi_schema())(request)  # type: ignore[no-any-return]
