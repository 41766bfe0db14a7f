"""How long staff stay signed in: their session sees everybody's addresses and can tell everyone."""

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.db import DatabaseError
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

__all__ = ["staff_sessions"]

BEGAN, SEEN = "began", "seen"  # of a session: seconds since 1970
COARSE = 60  # seconds between two writes of when somebody was seen


@receiver(user_logged_in)
def begin(request: HttpRequest, **kwargs: Any) -> None:
    request.session[BEGAN] = request.session[SEEN] = int(time.time())


def staff_sessions(get_response: Callable[[HttpRequest], HttpResponse]) -> object:
    """Middleware: signs staff out who were away for long, or came long ago."""

    def middleware(request: HttpRequest) -> HttpResponse:
        try:
            if getattr(request.user, "is_staff", False):
                watch(request)
        except DatabaseError:
            pass  # the view will say it
        return get_response(request)

    return middleware


def watch(request: HttpRequest) -> None:
    now, session = int(time.time()), request.session
    began, seen = session.setdefault(BEGAN, now), session.setdefault(SEEN, now)
    if now - began >= settings.STAFF_SESSION_AGE or now - seen >= settings.STAFF_SESSION_IDLE:
        logout(request)
    elif now - seen >= COARSE and "HX-Request" not in request.headers:
        session[SEEN] = now  # what a page that was left open asks by itself is nobody's doing
