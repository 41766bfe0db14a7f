"""The security log: who came in, who was refused, and who did what needs a right. One line each, to
the logger "security": event=… user=… origin=… route=… and what else there is (docs/running.md).
What somebody did is an entry of the audit log, too (audit/verbs.py says what that is), written in
the transaction in which it is told.

No name, number or address stands in either: people are their account's number, and what has none is
a digest under SECRET_KEY, the same for the same."""

import ipaddress
import logging
import os
import pwd
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from django.contrib.auth import signals
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import DatabaseError
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac
from django_otp.plugins.otp_totp.models import TOTPDevice

from queueing import process
from signup import rates
from signup.audit.verbs import SENTENCES
from signup.models import Entry, User

log = logging.getLogger("security")
current: ContextVar[HttpRequest | None] = ContextVar("current", default=None)
acting: ContextVar[User | None] = ContextVar("acting", default=None)

PREFIXES = {4: 24, 6: 48}  # of a network that is kept
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


@contextmanager
def command(by: User | None) -> Iterator[None]:
    """What is told meanwhile was done by them, in a shell."""
    before = acting.set(by)
    try:
        yield
    finally:
        acting.reset(before)


def tell(event: str, **facts: Any) -> None:
    """Of the request in hand, of a command, or of a job."""
    request = current.get()
    said = {"event": event}
    if request is not None:
        said |= {"user": user_of(request), "origin": digest(rates.origin(request))}
        said |= {"route": route(request)}
        if token := getattr(request, "auth", None):  # of the API
            said["token"] = str(token.pk)
        if request.resolver_match and "pk" in request.resolver_match.kwargs:
            said["pk"] = str(request.resolver_match.kwargs["pk"])
        if event == "refused" and hasattr(request, "missing_right"):
            said["right"] = request.missing_right
    elif by := acting.get():
        said["user"] = str(by.pk)
    log.info(" ".join(f"{name}={value}" for name, value in (said | facts).items()))
    if event in SENTENCES:
        keep(event, facts)


def user_of(request: HttpRequest) -> str:
    try:
        user = getattr(request, "user", None)  # none yet, when plain http is refused
        return str((user and user.pk) or "-")
    except DatabaseError:
        return "?"


# The audit log


class Doer(NamedTuple):
    door: Entry.Door
    by: int | None = None  # an account
    name: str = ""
    origin: str = ""


def keep(verb: str, facts: Mapping[str, Any]) -> None:
    """`user` among the facts: who did it, if the request does not know that yet. The first fact
    that names an object is what it was done to."""
    left, who = dict(facts), doer()
    by = left.pop("user", who.by)
    kind = next((each for each in left if each in Entry.Kind.values), "")
    number = left.pop(kind) if kind else None
    Entry.objects.create(
        verb=verb, by_id=by, doer=who.name, door=who.door, origin=who.origin, kind=kind,
        number=number, facts=left,
    )  # fmt: skip


def doer() -> Doer:
    request = current.get()
    if request is not None:
        origin = network(request)
        if token := getattr(request, "auth", None):  # of the API
            return Doer(Entry.Door.API, name=token.name, origin=origin)
        return Doer(
            Entry.Door.PAGE, getattr(getattr(request, "user", None), "pk", None), "", origin
        )
    if process.served:
        return Doer(Entry.Door.JOB)
    by = acting.get()
    return Doer(Entry.Door.COMMAND, by.pk if by else None, login_name())


def network(request: HttpRequest) -> str:
    """The neighbourhood of the address that it came from, which is nobody's alone."""
    address = rates.client(request)
    if isinstance(address, str):
        return ""
    return str(ipaddress.ip_network((address, PREFIXES[address.version]), strict=False))


def login_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


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


@receiver(post_delete, sender=TOTPDevice)
def second_factor_removed(instance: TOTPDevice, **kwargs: Any) -> None:
    if instance.confirmed:  # else it was never set up
        tell("second-factor-removed", account=instance.user_id)


@receiver(post_save, sender=User)
def password_changed(instance: User, created: bool, **kwargs: Any) -> None:
    """By whichever door; a hash that was only renewed is no change, and Django clears it before."""
    if not created and instance._password is not None:  # type: ignore[attr-defined]
        tell("password-changed", account=instance.pk)


@receiver(post_save, sender=User)
def superuser_made(instance: User, created: bool, **kwargs: Any) -> None:
    """By createsuperuser; the admin makes people first, and changes their rights then."""
    if created and instance.is_superuser:
        tell("superuser-made", account=instance.pk)
