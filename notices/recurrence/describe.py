"""A rule in words: "every 2 weeks, on Monday and Friday, at 09:00"."""

from datetime import datetime

from cron_descriptor import Options, get_description
from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.formats import date_format
from django.utils.text import get_text_list
from django.utils.translation import get_language, gettext_lazy, ngettext, to_locale
from django.utils.translation import gettext as _

from notices.recurrence.rule import Rule

__all__ = ["in_words"]

DAYS = dict(zip(("MO", "TU", "WE", "TH", "FR", "SA", "SU"), WEEKDAYS.values(), strict=True))
PLACES = {
    "1": gettext_lazy("first %s"),
    "2": gettext_lazy("second %s"),
    "3": gettext_lazy("third %s"),
    "4": gettext_lazy("fourth %s"),
    "-1": gettext_lazy("last %s"),
}
# What the sentence can say; a rule with other parts is shown as it is.
SAYABLE = {
    "FREQ", "INTERVAL", "UNTIL", "WKST", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYHOUR", "BYMINUTE",
}  # fmt: skip
SAYABLE_OF_HOURS = {"FREQ", "INTERVAL", "UNTIL", "WKST"}


def in_words(rule: Rule) -> str:
    """Begins with a small letter in English; the zone is not in it."""
    if rule.is_cron:
        return cron_in_words(rule.text)
    parts = rule.parts
    fine = parts["FREQ"] in ("SECONDLY", "MINUTELY", "HOURLY")
    vague = parts["FREQ"] == "YEARLY" and "BYMONTHDAY" in parts and "BYMONTH" not in parts
    if vague or not parts.keys() <= (SAYABLE_OF_HOURS if fine else SAYABLE):
        return _("by the rule %s") % rule.text
    said = [turn(parts["FREQ"], int(parts.get("INTERVAL", 1))), *days(parts, rule.start)]
    if not fine:
        said.append(_("at %s") % ", ".join(times(parts, rule.start)))
    if "UNTIL" in parts:
        until = datetime.fromisoformat(parts["UNTIL"])
        said.append(_("until %s") % date_format(until, "Y-m-d"))
    return _(", ").join(said)


def turn(frequency: str, number: int) -> str:
    text = {
        "SECONDLY": ngettext("every second", "every %d seconds", number),
        "MINUTELY": ngettext("every minute", "every %d minutes", number),
        "HOURLY": ngettext("every hour", "every %d hours", number),
        "DAILY": ngettext("every day", "every %d days", number),
        "WEEKLY": ngettext("every week", "every %d weeks", number),
        "MONTHLY": ngettext("every month", "every %d months", number),
        "YEARLY": ngettext("every year", "every %d years", number),
    }[frequency]
    return text % number if "%d" in text else text


def days(parts: dict[str, str], start: datetime) -> list[str]:
    """Which days of the turn; those of the start where the rule names none (RFC 5545, 3.3.10)."""
    said = []
    frequency = parts["FREQ"]
    names = [weekday(day) for day in parts.get("BYDAY", "").split(",") if day]
    numbers = [day.lstrip("+") for day in parts.get("BYMONTHDAY", "").split(",") if day]
    months = [int(month) for month in parts.get("BYMONTH", "").split(",") if month]
    if frequency == "WEEKLY" and not names:
        names = [str(WEEKDAYS[start.weekday()])]
    if frequency in ("MONTHLY", "YEARLY") and not names and not numbers:
        numbers = [str(start.day)]
    if frequency == "YEARLY" and not months and numbers:
        months = [start.month]
    if names:
        said.append(_("on %s") % get_text_list(names, _("and")))
    if numbers:
        said.append(_("on %s") % get_text_list([month_day(day) for day in numbers], _("and")))
    if months:
        said.append(_("in %s") % get_text_list([str(MONTHS[month]) for month in months], _("and")))
    return said


def weekday(text: str) -> str:
    place, name = text[:-2].lstrip("+"), str(DAYS[text[-2:]])
    if not place:
        return name
    return str(PLACES[place]) % name if place in PLACES else f"{place}. {name}"


def month_day(number: str) -> str:
    if number == "-1":
        return _("the last day of the month")
    if number.startswith("-"):
        return _("day %d from the month's end") % -int(number)
    return _("day %d") % int(number)


def times(parts: dict[str, str], start: datetime) -> list[str]:
    hours = [int(hour) for hour in parts.get("BYHOUR", str(start.hour)).split(",")]
    minutes = [int(minute) for minute in parts.get("BYMINUTE", str(start.minute)).split(",")]
    return [f"{hour:02}:{minute:02}" for hour in sorted(hours) for minute in sorted(minutes)]


def cron_in_words(line: str) -> str:
    options = Options()
    options.use_24hour_time_format = True
    options.locale_code = to_locale(get_language() or "en").replace("zh_Hans", "zh_CN")
    try:
        text: str = get_description(line, options)
    except Exception:  # its own reading of a line is narrower than croniter's
        return _("by the cron line %s") % line
    # The library leaves the names of days and months to the computer's locale.
    for names, ours in ((ENGLISH_DAYS, WEEKDAYS), (ENGLISH_MONTHS, MONTHS)):
        for name, word in zip(names, ours.values(), strict=True):
            text = text.replace(name, str(word))
    return text[:1].lower() + text[1:]


ENGLISH_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ENGLISH_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
