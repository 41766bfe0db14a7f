"""Who asks: by a token in the Authorization header, and by nothing else."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja.security import HttpBearer

from notices.api import tokens
from notices.api.problems import Refused
from notices.models import Token
from signup import rates

__all__ = ["Asked", "Bearer", "scope", "with_limits"]


class Asked(HttpRequest):
    """A request whose token was found; for mypy."""

    auth: Token


class Bearer(HttpBearer):
    """Raises Refused or TooMany, and never says of an unknown token how near it is to a real
    one."""

    def __call__(self, request: HttpRequest) -> Token:
        kind, _blank, text = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not text.strip():
            raise Refused("no_token", _("Send the header “Authorization: Bearer” with a token."))
        return self.authenticate(request, text.strip())

    def authenticate(self, request: HttpRequest, token: str) -> Token:
        found = tokens.find(token)
        if found is None:
            raise Refused("wrong_token", _("This token is not known here."))
        if found.revoked_at:
            raise Refused("wrong_token", _("This token was revoked."))
        if found.is_expired:
            raise Refused("wrong_token", _("This token has expired."))
        if not tokens.admits(found, rates.client(request)):
            raise Refused("wrong_network", _("This token may not be used from this address."))
        limit = limit_of(found)
        request.token_limit = limit  # type: ignore[attr-defined]
        rates.spend_anyway(limit)
        tokens.used(found)
        return found


def limit_of(token: Token) -> rates.Limit:
    return rates.Limit("api-token", rates.API_TOKEN, str(token.pk))


def with_limits(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The headers of draft-ietf-httpapi-ratelimit-headers."""
    if limit := getattr(request, "token_limit", None):
        found = rates.left(limit)
        response["RateLimit-Policy"] = f'"token";q={found.allowed};w={found.seconds}'
        response["RateLimit"] = f'"token";r={found.left};t={found.reset}'
    return response


def scope(*names: str, tests: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """For an operation: the token has one of these, or a 403 says which are missing. Not `tests`
    where a test would tell people something, or change what is kept of them."""

    def decorate(operation: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(operation)
        def inner(request: Asked, *args: Any, **kwargs: Any) -> Any:
            if not set(names) & set(request.auth.scopes):
                wanted = " / ".join(names)
                raise Refused("missing_scope", _("This token lacks the scope %s.") % wanted)
            if request.auth.is_test and not tests:
                raise Refused("forbidden", _("A token for tests may not do this."))
            return operation(request, *args, **kwargs)

        return inner

    return decorate
