"""What somebody typed as a rule, read strictly: each part that is accepted can be reckoned with,
in a moment and for ever."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notices.recurrence import cron

__all__ = ["FAR", "read"]

LONGEST = 200  # characters
FAR = 2300  # no year beyond it
TIMES_A_DAY = 96  # that a rule may name

# Of RFC 5545, 3.3.10: part -> what each of its values looks like, and the greatest number in it.
WEEKDAY = "(?:MO|TU|WE|TH|FR|SA|SU)"
PARTS = {
    "FREQ": ("SECONDLY|MINUTELY|HOURLY|DAILY|WEEKLY|MONTHLY|YEARLY", 0),
    "INTERVAL": (r"[1-9]\d*", 10_000),
    "COUNT": (r"[1-9]\d*", 1_000_000),
    "UNTIL": (r"\d{8}(?:T\d{6}Z?)?", 0),
    "WKST": (WEEKDAY, 0),
    "BYDAY": (rf"(?:[+-]?[1-9]\d?)?{WEEKDAY}", 53),
    "BYMONTHDAY": (r"[+-]?[1-9]\d?", 31),
    "BYYEARDAY": (r"[+-]?[1-9]\d{0,2}", 366),
    "BYWEEKNO": (r"[+-]?[1-9]\d?", 53),
    "BYSETPOS": (r"[+-]?[1-9]\d{0,2}", 366),
    "BYMONTH": (r"[1-9]\d?", 12),
    "BYHOUR": (r"\d\d?", 23),
    "BYMINUTE": (r"\d\d?", 59),
}
LISTS = [name for name in PARTS if name.startswith("BY")]
# Parts that make sense with some frequencies only.
ONLY_WITH = {
    "BYYEARDAY": ("YEARLY",),
    "BYWEEKNO": ("YEARLY",),
    "BYSETPOS": ("MONTHLY", "YEARLY"),
    "BYMONTHDAY": ("HOURLY", "DAILY", "MONTHLY", "YEARLY"),
}
CRON_FIELDS = (
    gettext_lazy("minute"),
    gettext_lazy("hour"),
    gettext_lazy("day of the month"),
    gettext_lazy("month"),
    gettext_lazy("day of the week"),
)


def read(text: str, zone: ZoneInfo) -> tuple[str, int | None]:
    """A rule as somebody typed it -> the rule to store, and how many times it may ring (its COUNT,
    or None). Raises ValidationError that says which part is wrong."""
    text = " ".join(text.upper().removeprefix("RRULE:").split()).rstrip(";")
    if len(text) > LONGEST:
        raise ValidationError(_("A rule has at most %d characters.") % LONGEST)
    if "=" not in text:
        check_cron(text)
        return text, None
    pairs = [part.partition("=")[::2] for part in text.split(";")]
    for name, value in pairs:
        check_part(name, value)
    named = dict(pairs)
    if "FREQ" not in named or len(named) < len(pairs):
        raise ValidationError(_("A rule names FREQ, and each part once: FREQ=WEEKLY;BYDAY=MO."))
    check_together(named)
    if "UNTIL" in named:
        named["UNTIL"] = local_end(named["UNTIL"], zone)
    count = named.pop("COUNT", None)
    rule = ";".join(f"{name}={value}" for name, value in named.items())
    return rule, int(count) if count else None


def check_part(name: str, value: str) -> None:
    if name not in PARTS:
        raise ValidationError(_("A rule has no part %s.") % (name[:40] or "“;;”"))
    pattern, greatest = PARTS[name]
    for each in value.split(",") if name in LISTS else [value]:
        digits = re.search(r"\d+", each)
        too_great = greatest and digits and int(digits[0]) > greatest
        if not re.fullmatch(pattern, each, re.ASCII) or too_great:
            raise ValidationError(_("%s cannot be understood.") % f"{name}={value}"[:40])


def check_together(named: dict[str, str]) -> None:
    frequency = named["FREQ"]
    for name in named:
        finest = frequency in ("SECONDLY", "MINUTELY") and name in LISTS
        if finest or frequency not in ONLY_WITH.get(name, (frequency,)):
            facts = {"part": name, "frequency": f"FREQ={frequency}"}
            raise ValidationError(_("%(part)s does not go with %(frequency)s.") % facts)
    days = named.get("BYDAY", "").split(",")
    numbered = [number[0] for day in days if (number := re.search(r"\d+", day))]
    # dateutil wants a day to be both, where RFC 5545 means either; so does what was made after it
    # (https://github.com/jkbrzt/rrule/issues/71).
    mixed = 0 < len(numbered) < len(days)
    most = {"MONTHLY": 5, "YEARLY": 53}.get(frequency, 0)
    if mixed:
        sentence = _("%s names days with a number and without. Make two rules of it.")
        raise ValidationError(sentence % f"BYDAY={named['BYDAY']}"[:40])
    if any(int(number) > most for number in numbered):
        facts = {"part": f"BYDAY={named['BYDAY']}"[:40], "frequency": f"FREQ={frequency}"}
        raise ValidationError(_("%(part)s does not go with %(frequency)s.") % facts)
    times = [len(named.get(name, "").split(",")) for name in ("BYHOUR", "BYMINUTE")]
    if times[0] * times[1] > TIMES_A_DAY:
        raise ValidationError(_("A rule names at most %d times of day.") % TIMES_A_DAY)


def local_end(until: str, zone: ZoneInfo) -> str:
    """UNTIL as a local time: a day is meant to its end, a Z means UTC."""
    try:
        end = datetime.fromisoformat(until if "T" in until else f"{until}T235959")
        if not 1970 < end.year < FAR:
            raise ValueError
    except ValueError:
        raise ValidationError(_("%s cannot be understood.") % f"UNTIL={until}") from None
    if end.tzinfo:
        end = end.astimezone(UTC).astimezone(zone)
    return end.strftime("%Y%m%dT%H%M%S")


def check_cron(line: str) -> None:
    fields = line.split(" ")
    if len(fields) != len(CRON_FIELDS):
        sentence = _("A cron line has five fields, such as 0 9 * * 1-5; this has %d.")
        raise ValidationError(sentence % (len(fields) if line else 0))
    for field, name, kind in zip(fields, CRON_FIELDS, cron.FIELDS, strict=True):
        facts = {"field": field[:40], "name": name}
        try:
            cron.read_field(field, kind)
        except ValueError:
            sentence = _("The %(name)s of this cron line, %(field)s, is wrong.")
            raise ValidationError(sentence % facts) from None
        if cron.oversteps(field, kind):
            sentence = _("The %(name)s of this cron line, %(field)s, steps beyond its end at once.")
            raise ValidationError(sentence % facts)
