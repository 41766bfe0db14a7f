"""What the whole site does for the person who asks."""

import logging
from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DatabaseError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

__all__ = ["DatabaseAway", "own_time_zone"]

log = logging.getLogger(__name__)


class DatabaseAway:
    """An honest "later" in place of an error page while the database does not answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, problem: Exception) -> HttpResponse | None:
        if not isinstance(problem, OperationalError):
            return None
        log.error("The database does not answer (%s).", type(problem).__name__)
        if request.content_type == "application/json":
            sentence = _("The database does not answer. Try again in a minute.")
            facts = {"code": 503, "errmsg": sentence, "errors": {}}
            response: HttpResponse = JsonResponse(facts, status=503)
        else:
            # 503.html is plain: a page of ours would ask the database who is signed in.
            response = HttpResponse(render_to_string("503.html"), status=503)
        response["Retry-After"] = "60"
        return response


def own_time_zone(get_response: Callable[[HttpRequest], HttpResponse]) -> object:
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
