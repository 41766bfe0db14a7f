"""The security log: who came in, who was refused, and who did what needs a right. One line each, to
the logger "security": event=… user=… origin=… route=… and what else there is (docs/running.md).

No name, number or address stands in it: people are their account's number, and what has none is a
digest under SECRET_KEY, the same for the same."""

import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.contrib.auth import signals
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import DatabaseError
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from signup import rates
from signup.models import User

log = logging.getLogger("security")
current: ContextVar[HttpRequest | None] = ContextVar("current", default=None)

STATUSES = {403: "refused", 429: "limit"}


def watched(get_response: Callable[[HttpRequest], HttpResponse]) -> object:
    """Middleware: tells of every refusal, by whichever door, and lets tell() know who asks."""

    def middleware(request: HttpRequest) -> HttpResponse:
        before = current.set(request)
        try:
            response = get_response(request)
            if event := STATUSES.get(response.status_code):
                tell(event, method=request.method)
            return response
        finally:
            current.reset(before)

    return middleware


def tell(event: str, **facts: Any) -> None:
    """Writes a line about the request in hand, or about a command."""
    request = current.get()
    said = {"event": event}
    if request is not None:
        said |= {"user": user_of(request), "origin": digest(rates.origin(request))}
        said |= {"route": route(request)}
        if request.resolver_match and "pk" in request.resolver_match.kwargs:
            said["pk"] = str(request.resolver_match.kwargs["pk"])
        if event == "refused" and hasattr(request, "missing_right"):
            said["right"] = request.missing_right
    log.info(" ".join(f"{name}={value}" for name, value in (said | facts).items()))


def user_of(request: HttpRequest) -> str:
    try:
        user = getattr(request, "user", None)  # none yet, when plain http is refused
        return str((user and user.pk) or "-")
    except DatabaseError:
        return "?"


def route(request: HttpRequest) -> str:
    """As urls.py writes it: addresses hold tokens."""
    return f"/{request.resolver_match.route}" if request.resolver_match else "-"


def digest(text: str) -> str:
    return salted_hmac("signup.security", text, algorithm="sha256").hexdigest()[:16]


@receiver(signals.user_logged_in)
def signed_in(user: AbstractBaseUser, **kwargs: Any) -> None:
    tell("sign-in", user=user.pk)


@receiver(signals.user_login_failed)
def sign_in_failed(credentials: dict[str, Any], **kwargs: Any) -> None:
    name = str(credentials.get("username", ""))
    account = User.objects.filter(username=name).values_list("pk", flat=True).first()
    tell("sign-in-failed", **({"account": account} if account else {"name": digest(name.lower())}))


@receiver(signals.user_logged_out)
def signed_out(user: AbstractBaseUser | None, **kwargs: Any) -> None:
    if user is not None:
        tell("sign-out", user=user.pk)


@receiver(post_save, sender=User)
def password_changed(instance: User, created: bool, **kwargs: Any) -> None:
    """By whichever door; a hash that was only renewed is no change, and Django clears it before."""
    if not created and instance._password is not None:  # type: ignore[attr-defined]
        tell("password-changed", account=instance.pk)
