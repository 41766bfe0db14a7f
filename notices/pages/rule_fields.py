"""The page's fields for what is saved, and the rule that they say, both ways."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from config import clock
from notices.delivery import lifecycle
from notices.models import Notice, Schedule
from notices.recurrence.rule import parts_of

__all__ = ["MONTH_DAYS", "MOST", "WEEKDAYS", "fields_of", "rule_of"]

FREQUENCIES = {"minutes": "MINUTELY", "hours": "HOURLY", "days": "DAILY", "weeks": "WEEKLY"}
MOST = 1000  # the largest interval
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MONTH_DAYS = (*map(str, range(1, 32)), "-1")


def rule_of(given: Mapping[str, Any]) -> str:
    """What the fields say, as a rule."""
    every = given["every"] or "days"
    if every == "rule":
        return str(given["rule"])
    if every == "month":
        return f"FREQ=MONTHLY;BYMONTHDAY={given['month_day'] or 1}"
    rule = f"FREQ={FREQUENCIES[every]};INTERVAL={given['number'] or 1}"
    return rule + (f";BYDAY={','.join(given['weekdays'])}" if given["weekdays"] else "")


def fields_of_rule(rule: str) -> dict[str, Any]:
    parts = parts_of(rule)
    every = {frequency: name for name, frequency in FREQUENCIES.items()}.get(parts.get("FREQ", ""))
    simple = {
        "number": parts.get("INTERVAL", "1"),
        "weekdays": [day for day in parts.get("BYDAY", "").split(",") if day],
        "month_day": parts.get("BYMONTHDAY", ""),
    }
    for name in (every or "days", "month"):
        fields = {"every": name, **simple}
        if rule_of(fields) == rule and can_be_chosen(simple):
            return fields
    return {"every": "rule", "rule": rule}


def can_be_chosen(simple: Mapping[str, Any]) -> bool:
    """Whether the form has each of these values: a browser would post another in its place."""
    return (
        int(simple["number"]) <= MOST
        and set(simple["weekdays"]) <= set(WEEKDAYS)
        and simple["month_day"] in ("", *MONTH_DAYS)
    )


def fields_of(saved: Notice | Schedule) -> dict[str, Any]:
    """What to fill the form with, so that it says the same."""
    if isinstance(saved, Schedule):
        return fields_of_schedule(saved)
    at = saved.start_at
    if saved.state == Notice.State.DRAFT:
        at = saved.planned_for or clock.now()
    return {
        # What was sent now, or is late because it was held: it goes when it is saved.
        "when": "now" if at <= clock.now() + lifecycle.UNDO else "later",
        "at": local_minute(at, saved.zone),
        "zone": saved.zone,
        "not_after": saved.not_after and local_minute(saved.not_after, saved.zone),
        "in_quiet_hours": saved.in_quiet_hours,
    }


def local_minute(at: datetime, zone: str) -> datetime:
    """As a browser posts it: so the form sees what was not changed."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, second=0, microsecond=0)


def fields_of_schedule(schedule: Schedule) -> dict[str, Any]:
    missed = {None: "late", 0: "skip"}.get(schedule.late_minutes, "limit")
    return {
        "when": "repeat",
        "at": schedule.start,
        "zone": schedule.zone,
        **fields_of_rule(schedule.rule),
        "ends_on": schedule.ends_on,
        "times": schedule.times,
        "missed": missed,
        "late_minutes": schedule.late_minutes or None,
        "in_quiet_hours": schedule.in_quiet_hours,
    }
