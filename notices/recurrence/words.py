"""Words that rules of both kinds are said with."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

__all__ = ["PLACES", "month_day", "turn"]

PLACES = {
    "1": gettext_lazy("first %s"),
    "2": gettext_lazy("second %s"),
    "3": gettext_lazy("third %s"),
    "4": gettext_lazy("fourth %s"),
    "5": gettext_lazy("fifth %s"),
    "-1": gettext_lazy("last %s"),
}


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


def month_day(number: str) -> str:
    if number == "-1":
        return _("the last day of the month")
    if number.startswith("-"):
        return _("day %d from the month's end") % -int(number)
    return _("day %d") % int(number)
