"""The quiet hours: notices that fall into them are held until they end, not dropped."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from notices.models import Notice
from notices.recurrence.rule import instant

__all__ = ["ends", "hold"]


def ends(at: datetime) -> datetime | None:
    """When the quiet hours that `at` (aware) falls into are over; None outside of them."""
    if settings.QUIET_HOURS is None:
        return None
    begin, end = settings.QUIET_HOURS  # local times of TIME_ZONE_DEFAULT
    zone = ZoneInfo(settings.TIME_ZONE_DEFAULT)
    local = at.astimezone(zone)
    for back in (1, 0):  # those that began the day before, then today's
        day = local.date() - timedelta(days=back)
        last = day + timedelta(days=1) if end <= begin else day
        until = instant(datetime.combine(last, end), zone)
        if instant(datetime.combine(day, begin), zone) <= at < until:
            return until
    return None


def hold(notices: QuerySet[Notice]) -> datetime | None:
    """Holds them in the quiet hours; when those are over, or None to go on."""
    until = ends(timezone.now())
    if until and notices.filter(in_quiet_hours=False).update(held_until=until):
        return until
    return None
