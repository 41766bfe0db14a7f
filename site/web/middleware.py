"""What the whole site does for the person who asks."""

import logging
import re
from collections.abc import Callable
from uuid import uuid4
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _

from config import logs
from config.database import AWAY
from web.answers import refusal
from web.problems import PlainHTTP

__all__ = ["DatabaseAway", "https_for_machines", "own_time_zone", "private", "request_id"]

log = logging.getLogger(__name__)

JSON = "application/json"
ROUTERS = re.compile(r"[A-Za-z0-9._-]{8,64}")  # an id as a router writes it
Handler = Callable[[HttpRequest], HttpResponse]
# Not "cookies": that would sign people out of other hosts of the same domain.
FORGET = '"cache", "storage"'


def request_id(get_response: Handler) -> Handler:
    """What is logged of a request bears its id: that of the router in front, or one of our own. The
    answer says it, so that who asks about a page can name it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        name = given if ROUTERS.fullmatch(given) else uuid4().hex
        with logs.about(request=name):
            response = get_response(request)
        response["X-Request-ID"] = name
        return response

    return middleware


def https_for_machines(get_response: Handler) -> Handler:
    """Pages are redirected to https; a program is refused, or its mistake would never be noticed
    and what it sent would go in plain text each time (OWASP ASVS 5.0, 4.1.2)."""
    never = re.compile("|".join(settings.NEVER_REDIRECTED))

    def middleware(request: HttpRequest) -> HttpResponse:
        if not settings.SECURE_SSL_REDIRECT or request.is_secure():
            return get_response(request)
        if request.method in {"GET", "HEAD"} and not never.search(request.path.lstrip("/")):
            return get_response(request)  # the next redirects
        with translation.override(translation.get_language_from_request(request)):
            return refusal(PlainHTTP())

    return middleware


def private(get_response: Handler) -> Handler:
    """Nobody keeps a copy of what somebody who is signed in was shown, and on signing out the
    browser forgets what it has of ours. The cookie alone decides: an old one costs no query."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        name = settings.SESSION_COOKIE_NAME
        given = response.cookies.get(name)
        if name in request.COOKIES or given is not None:
            add_never_cache_headers(response)
        if given is not None and not given.value:
            response["Clear-Site-Data"] = FORGET
        return response

    return middleware


class DatabaseAway:
    """An honest "later" in place of an error page while the database does not answer."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, problem: Exception) -> HttpResponse | None:
        if not isinstance(problem, AWAY):
            return None
        log.error("The database does not answer (%s).", type(problem).__name__)
        if request.content_type == JSON:
            sentence = _("The database does not answer. Try again in a minute.")
            facts = {"code": 503, "errmsg": sentence, "errors": {}}
            response: HttpResponse = JsonResponse(facts, status=503)
        else:
            # 503.html is plain: a page of ours would ask the database who is signed in.
            response = HttpResponse(render_to_string("503.html"), status=503)
        response["Retry-After"] = "60"
        return response


def own_time_zone(get_response: Handler) -> Handler:
    """Shows times in the zone of the user who is signed in, and to visitors in that of new users;
    each page says which (base.html)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        try:
            zone = getattr(request.user, "time_zone", "")
        except DatabaseError:
            zone = ""  # the view will say it
        with timezone.override(ZoneInfo(zone or settings.TIME_ZONE_DEFAULT)):
            return get_response(request)

    return middleware
