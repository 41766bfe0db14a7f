"""A cron line in words, made of what it names and not of how it is written: `*/45` is
"at minute 0 and 45". cron-descriptor says of it "every 45 minutes"."""

from collections.abc import Callable, Collection
from itertools import groupby

from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from notices.recurrence.cron import LAST, Cron
from notices.recurrence.words import PLACES, month_day, turn

__all__ = ["in_words"]

TIMES = 6  # said one by one
ALL_DAYS, ALL_WEEKDAYS = set(range(1, 32)), {(day, 0) for day in range(7)}


def in_words(cron: Cron) -> str:
    said = [*times(cron), *days(cron)]
    if len(cron.months) < 12:
        said.append(_("in %s") % listed(runs(cron.months, lambda month: str(MONTHS[month]))))
    return _(", ").join(said)


def times(cron: Cron) -> list[str]:
    minutes, hours = sorted(cron.minutes), sorted(cron.hours)
    if len(minutes) * len(hours) <= TIMES:
        each = (f"{hour:02}:{minute:02}" for hour in hours for minute in minutes)
        return [_("at %s") % ", ".join(each)]
    step, found = even_step(minutes, 60), []
    if step:
        found.append(turn("MINUTELY", step))
    hour_step = even_step(hours, 24)
    if hour_step and (hour_step > 1 or not step):
        found.append(turn("HOURLY", hour_step))
    elif not hour_step and hours == list(range(hours[0], hours[-1] + 1)):
        span = {"first": f"{hours[0]:02}:00", "last": f"{hours[-1]:02}:59"}
        found.append(_("from %(first)s to %(last)s") % span)
    elif not hour_step:
        begins = listed([f"{hour:02}:00" for hour in hours])
        found.append(_("in the hours that begin at %s") % begins)
    if not step:
        found.append(_("at minute %s") % listed(runs(minutes, str)))
    return found


def even_step(numbers: list[int], size: int) -> int:
    """The step by which they go on for ever, from 0; or 0."""
    step = size // len(numbers)
    goes_on = len(numbers) > 1 and size % step == 0 and numbers == list(range(0, size, step))
    return step if goes_on else 0


def days(cron: Cron) -> list[str]:
    each = {day for day, nth in cron.weekdays if nth == 0}
    if cron.days >= ALL_DAYS or cron.weekdays >= ALL_WEEKDAYS or not cron.days | cron.weekdays:
        return []
    if not cron.days and len(each) == len(cron.weekdays):
        found = runs({day or 7 for day in each}, weekday)  # the week begins with Monday
        return found if len(each) > len(found) == 1 else [_("on %s") % listed(found)]
    found = runs(cron.days - {LAST}, lambda day: month_day(str(day)))
    found += [month_day("-1")] * (LAST in cron.days)
    places = {0: _("every %s"), LAST: PLACES["-1"]} | {n: PLACES[str(n)] for n in range(1, 6)}
    for day, nth in sorted(cron.weekdays, key=lambda one: (one[1], one[0])):
        found.append(str(places[nth]) % weekday(day))
    return [_("on %s") % listed(found)]


def weekday(day: int) -> str:
    return str(WEEKDAYS[(day - 1) % 7])


def runs(numbers: Collection[int], name: Callable[[int], str]) -> list[str]:
    """The name of each; of three or more one after the other the first and the last."""
    said = []
    for _start, run in groupby(enumerate(sorted(numbers)), key=lambda each: each[1] - each[0]):
        found = [name(number) for _place, number in run]
        if len(found) > 2:
            found = [_("%(first)s through %(last)s") % {"first": found[0], "last": found[-1]}]
        said += found
    return said


def listed(said: list[str]) -> str:
    return str(get_text_list(said, _("and")))
