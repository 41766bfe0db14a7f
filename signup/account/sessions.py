"""Where somebody is signed in, and signing out there."""

import re
from collections.abc import Callable
from contextlib import suppress

from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.models import Session
from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from signup.models import SignedIn, User

LISTED = "listed"  # in a session: the key under which it has a row
BROWSERS = {
    "MicroMessenger": "WeChat", "Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox",
    "SamsungBrowser": "Samsung Internet", "Chrome": "Chrome", "Safari": "Safari",
}  # fmt: skip
SYSTEMS = {
    "iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows",
    "Mac OS X": "Mac", "CrOS": "Chromebook", "Linux": "Linux",
}  # fmt: skip


def listed(get_response: Callable[[HttpRequest], HttpResponse]) -> object:
    """Middleware: each session in which somebody is signed in has a row. It costs a statement when
    one begins, and later none."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        with suppress(DatabaseError):  # it is listed the next time
            keep(request)
        return response

    return middleware


def keep(request: HttpRequest) -> None:
    session = request.session
    if not request.user.is_authenticated or session.get(LISTED) == (session.session_key or ""):
        return
    if not session.session_key:
        session.create()
    with transaction.atomic():
        SignedIn.objects.update_or_create(
            session_key=session.session_key,
            defaults={"user": request.user, "browser": browser(request)},
        )
    session[LISTED] = session.session_key


def browser(request: HttpRequest) -> str:
    """As people call it, such as "Firefox, Windows"; no more is kept of what a browser says."""
    said = request.headers.get("User-Agent", "")[:500]
    found = (
        next((name for sign, name in names.items() if re.search(rf"\b{sign}", said)), "")
        for names in (BROWSERS, SYSTEMS)
    )
    return ", ".join(filter(None, found))


@receiver(user_logged_out)
def forget(request: HttpRequest, **kwargs: object) -> None:
    SignedIn.objects.filter(session_key=request.session.session_key or "").delete()


def open_of(user: User) -> QuerySet[SignedIn]:
    still = Session.objects.filter(expire_date__gt=timezone.now())
    return SignedIn.objects.filter(user=user, session_key__in=still.values("session_key"))
