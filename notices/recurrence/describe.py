"""A rule in words: "every 2 weeks, on Monday and Friday, at 09:00"."""

from datetime import datetime, time

from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.formats import date_format
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from notices.recurrence import describe_cron
from notices.recurrence.rule import Rule
from notices.recurrence.words import PLACES, month_day, turn

__all__ = ["in_words"]

DAYS = dict(zip(("MO", "TU", "WE", "TH", "FR", "SA", "SU"), WEEKDAYS.values(), strict=True))
# What the sentence can say; a rule with other parts is shown as it is.
SAYABLE = {
    "FREQ", "INTERVAL", "UNTIL", "WKST", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYHOUR", "BYMINUTE",
}  # fmt: skip
SAYABLE_OF_HOURS = {"FREQ", "INTERVAL", "UNTIL", "WKST"}


def in_words(rule: Rule) -> str:
    """Begins with a small letter in English; the zone is not in it."""
    if rule.is_cron:
        return describe_cron.in_words(rule.cron)
    parts = rule.parts
    fine = parts["FREQ"] in ("SECONDLY", "MINUTELY", "HOURLY")
    if is_vague(parts) or not parts.keys() <= (SAYABLE_OF_HOURS if fine else SAYABLE):
        return _("by the rule %s") % rule.text
    said = [turn(parts["FREQ"], int(parts.get("INTERVAL", 1))), *days(parts, rule.start)]
    if not fine:
        said.append(_("at %s") % ", ".join(times(parts, rule.start)))
    if "UNTIL" in parts:
        until = datetime.fromisoformat(parts["UNTIL"])
        whole_day = until.time() >= time(23, 59)
        said.append(_("until %s") % date_format(until, "Y-m-d" if whole_day else "Y-m-d H:i"))
    return _(", ").join(said)


def is_vague(parts: dict[str, str]) -> bool:
    """Whether a sentence would be read in two ways: of a Friday that must also be the 13th, of
    days of the month in a year without months, or of the twentieth Monday."""
    both = {"BYDAY", "BYMONTHDAY"} <= parts.keys()
    monthless = parts["FREQ"] == "YEARLY" and "BYMONTH" not in parts
    places = {day[:-2].lstrip("+") for day in parts.get("BYDAY", "").split(",")}
    numbered = bool(places - {""})
    return (
        both or (monthless and ("BYMONTHDAY" in parts or numbered)) or not places <= {"", *PLACES}
    )


def days(parts: dict[str, str], start: datetime) -> list[str]:
    """Which days of the turn; those of the start where the rule names none (RFC 5545, 3.3.10)."""
    frequency = parts["FREQ"]
    every = _("every %s") if frequency in ("MONTHLY", "YEARLY") else "%s"
    names = [weekday(day, every) for day in parts.get("BYDAY", "").split(",") if day]
    numbers = [day.lstrip("+") for day in parts.get("BYMONTHDAY", "").split(",") if day]
    months = [int(month) for month in parts.get("BYMONTH", "").split(",") if month]
    if frequency == "WEEKLY" and not names:
        names = [str(WEEKDAYS[start.weekday()])]
    if frequency in ("MONTHLY", "YEARLY") and not names and not numbers:
        numbers = [str(start.day)]
    if frequency == "YEARLY" and not months and numbers:
        months = [start.month]
    said = []
    # Of the days that DAILY counts, those alone (3.3.10: there it limits).
    on = _("only on %s") if frequency == "DAILY" else _("on %s")
    if names:
        said.append(on % get_text_list(names, _("and")))
    if numbers:
        said.append(on % get_text_list([month_day(day) for day in numbers], _("and")))
    if months:
        said.append(_("in %s") % get_text_list([str(MONTHS[month]) for month in months], _("and")))
    return said


def weekday(text: str, every: str) -> str:
    place, name = text[:-2].lstrip("+"), str(DAYS[text[-2:]])
    return (str(PLACES[place]) if place else every) % name


def times(parts: dict[str, str], start: datetime) -> list[str]:
    hours = [int(hour) for hour in parts.get("BYHOUR", str(start.hour)).split(",")]
    minutes = [int(minute) for minute in parts.get("BYMINUTE", str(start.minute)).split(",")]
    return [f"{hour:02}:{minute:02}" for hour in sorted(hours) for minute in sorted(minutes)]
