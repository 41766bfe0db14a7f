"""What the whole site does for the person who asks."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone


def own_time_zone(get_response: Callable[[HttpRequest], HttpResponse]) -> object:
    """Shows times in the zone of the user who is signed in."""

    def middleware(request: HttpRequest) -> HttpResponse:
        try:
            zone = getattr(request.user, "time_zone", "")
        except DatabaseError:
            zone = ""  # the view will say it
        with timezone.override(ZoneInfo(zone) if zone else None):
            return get_response(request)

    return middleware
