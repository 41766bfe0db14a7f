"""The quiet hours: notices that fall into them are held until they end, not dropped."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet

from config import clock
from notices.models import Notice
from notices.recurrence.rule import instant

__all__ = ["NeverStarts", "check", "ends", "held_from", "hold"]


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


class NeverStarts(ValueError):  # noqa: N818
    """A notice would be over before it could start. `until`: the end of the quiet hours that hold
    it; None when they have no part in it."""

    def __init__(self, until: datetime | None = None) -> None:
        super().__init__(until)
        self.until = until


def held_from(at: datetime, *, in_quiet_hours: bool) -> datetime | None:
    """Until when a notice of `at` is held; None when it is not."""
    return None if in_quiet_hours else ends(at)


def check(not_after: datetime, start_at: datetime | None, *, in_quiet_hours: bool) -> None:
    """Raises NeverStarts. `start_at`: None for now."""
    start_at = max(start_at or clock.now(), clock.now())
    if not_after <= start_at:
        raise NeverStarts
    until = held_from(start_at, in_quiet_hours=in_quiet_hours)
    if until and not_after <= until:
        raise NeverStarts(until)


def hold(notices: QuerySet[Notice]) -> datetime | None:
    """Holds them in the quiet hours; when those are over, or None to go on."""
    until = ends(clock.now())
    if until and notices.filter(in_quiet_hours=False).update(held_until=until):
        return until
    return None
