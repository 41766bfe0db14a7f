"""When a schedule rings. A rule is a cron line of five fields or an RFC 5545 recurrence rule, in
the local time of a zone; no offset is ever stored, so a law that moves the clocks moves the rule.

Where the clocks change (RFC 5545, 3.3.5, and what cron does):

- A time that a day skips rings as much later as the clocks went forward: 01:30 rings at 02:30.
- A time that a day has twice rings once, the first time.
- A rule that rings at least every hour of the day just goes on: through both of the hours that a
  day has twice, and not in the hour that it skips.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, islice, pairwise
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, croniter
from dateutil.relativedelta import relativedelta
from dateutil.rrule import rrule, rrulestr
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

HORIZON = relativedelta(years=10)  # what does not ring within it is taken to never ring again
LONGEST = 200  # characters
SOONEST = timedelta(minutes=1)  # between two notices to many
SAMPLE = 1500  # instants looked at to find two that are too close: more than a day of minutes
# dateutil looks for a match until the year 9999. The calendar repeats every 400 years, so we ask
# it about the same days 7,600 years later: what never rings is known in a moment.
LATER = 7600

UNIT = {
    "SECONDLY": timedelta(seconds=1),
    "MINUTELY": timedelta(minutes=1),
    "HOURLY": timedelta(hours=1),
    "DAILY": timedelta(days=1),
    "WEEKLY": timedelta(weeks=1),
}
PARTS = {
    "FREQ", "INTERVAL", "UNTIL", "COUNT", "WKST", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO",
    "BYMONTH", "BYHOUR", "BYMINUTE", "BYSECOND", "BYSETPOS",
}  # fmt: skip
CRON_FIELDS = (
    gettext_lazy("minute"),
    gettext_lazy("hour"),
    gettext_lazy("day of the month"),
    gettext_lazy("month"),
    gettext_lazy("day of the week"),
)
ANY_DAY = datetime.fromisoformat("2024-01-01")  # local, as all starts of rules
CRON_NAMES = "SUN|MON|TUE|WED|THU|FRI|SAT|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
# croniter also knows letters for random times, and fields for seconds and years.
CRON_FIELD = re.compile(rf"([0-9*,/#L?-]|{CRON_NAMES})+", re.IGNORECASE | re.ASCII)


def read(text: str, zone: ZoneInfo) -> tuple[str, int | None]:
    """A rule as somebody typed it -> the rule to store, and how many times it may ring (its COUNT,
    or None). Raises ValidationError that says which part is wrong."""
    text = " ".join(text.upper().removeprefix("RRULE:").split()).rstrip(";")
    if len(text) > LONGEST:
        raise ValidationError(_("A rule has at most %d characters.") % LONGEST)
    if "=" not in text:
        check_cron(text)
        return text, None
    parts = text.split(";")
    for part in parts:
        check_part(part)
    named = dict(part.split("=", 1) for part in parts)
    if "UNTIL" in named:
        named["UNTIL"] = local_end(named["UNTIL"], zone)
    if "FREQ" not in named or len(named) < len(parts):
        raise ValidationError(_("A rule names FREQ, and each part once: FREQ=WEEKLY;BYDAY=MO."))
    if named["FREQ"] in ("SECONDLY", "MINUTELY", "HOURLY") and "BYSETPOS" in named:
        raise ValidationError(_("BYSETPOS goes with days and longer, not with %s.") % parts[0])
    count = named.pop("COUNT", None)
    rule = ";".join(f"{name}={value}" for name, value in named.items())
    try:
        parse(rule, ANY_DAY)
    except (ValueError, TypeError):
        raise ValidationError(_("These parts do not fit together: %s.") % text) from None
    return rule, int(count) if count else None


def check_part(part: str) -> None:
    name, _equals, value = part.partition("=")
    if name not in PARTS:
        raise ValidationError(_("A rule has no part %s.") % (part[:40] or "“;;”"))
    bad = ValidationError(_("%s cannot be understood.") % part[:40])
    if name in ("INTERVAL", "COUNT"):
        if not (value.isdecimal() and value.isascii() and 1 <= int(value) <= 100_000):
            raise bad
        return
    if name == "UNTIL":
        if not re.fullmatch(r"\d{8}(T\d{6}Z?)?", value, re.ASCII):
            raise bad
        value = value.rstrip("Z")  # read() knows the zone
        part = f"UNTIL={value}"
    try:
        parse(part if name == "FREQ" else f"FREQ=YEARLY;{part}", ANY_DAY)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise bad from None


def local_end(until: str, zone: ZoneInfo) -> str:
    """UNTIL as a local time: a day is meant to its end, a Z means UTC."""
    if until.endswith("Z"):
        moment = datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return moment.astimezone(zone).strftime("%Y%m%dT%H%M%S")
    return until if "T" in until else f"{until}T235959"


def check_cron(line: str) -> None:
    fields = line.split(" ")
    if len(fields) != len(CRON_FIELDS):
        sentence = _("A cron line has five fields, such as 0 9 * * 1-5; this has %d.")
        raise ValidationError(sentence % (len(fields) if line else 0))
    for at, (field, name) in enumerate(zip(fields, CRON_FIELDS, strict=True)):
        alone = " ".join(field if at == each else "*" for each in range(len(CRON_FIELDS)))
        if not CRON_FIELD.fullmatch(field) or not croniter.is_valid(alone):
            facts = {"field": field[:40], "name": name}
            raise ValidationError(_("The %(name)s of this cron line, %(field)s, is wrong.") % facts)
    if not croniter.is_valid(line):
        raise ValidationError(_("These parts do not fit together: %s.") % line)


def parse(rule: str, start: datetime) -> rrule:
    parsed: rrule = rrulestr(rule, dtstart=start)
    return parsed


def years(moment: datetime, more: int) -> datetime:
    return moment.replace(year=moment.year + more)


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment that a local time names, in UTC; fold decides where there are two."""
    return wall.replace(tzinfo=zone).astimezone(UTC)


def exists(wall: datetime, zone: ZoneInfo) -> bool:
    return instant(wall, zone).astimezone(zone).replace(tzinfo=None) == wall


def is_repeated(wall: datetime, zone: ZoneInfo) -> bool:
    return exists(wall, zone) and instant(wall, zone) != instant(wall.replace(fold=1), zone)


@dataclass(frozen=True)
class Rule:
    """`start`: local and naive; nothing rings before it, and intervals count from it."""

    text: str
    zone: ZoneInfo
    start: datetime

    @property
    def is_cron(self) -> bool:
        return "=" not in self.text

    def instants(self, after: datetime) -> Iterator[datetime]:
        """Every moment later than `after`, in order, in UTC, until the rule ends or has nothing
        within ten years."""
        last = after
        for day, walls in groupby(self.walls(after), key=datetime.date):
            found = (instant(wall, self.zone) for wall in walls)
            for moment in found if self.is_steady(day) else self.over_a_change(walls):
                if moment > last:
                    yield moment
                    last = moment

    def is_steady(self, day: date) -> bool:
        ends = [datetime.combine(day, time(), self.zone) + timedelta(days=n) for n in (0, 1)]
        return ends[0].utcoffset() == ends[1].utcoffset()

    def over_a_change(self, walls: Iterator[datetime]) -> list[datetime]:
        if not self.goes_on:
            return sorted({instant(wall, self.zone) for wall in walls})
        both = [wall.replace(fold=fold) for wall in walls for fold in (0, 1)]
        return sorted({instant(wall, self.zone) for wall in both if exists(wall, self.zone)})

    @property
    def goes_on(self) -> bool:
        """Whether it rings at least every hour of the day."""
        if self.is_cron:
            return self.text.split(" ")[1] in ("*", "*/1")
        rule = parse(self.text, self.start)
        names_hours = "BYHOUR" in self.text or "BYSETPOS" in self.text
        return not names_hours and self.step(rule) <= timedelta(hours=1)

    def step(self, rule: rrule) -> timedelta:
        """From one turn of the rule to the next; a year where that is no fixed time."""
        unit = UNIT.get(self.text.partition("FREQ=")[2].partition(";")[0], timedelta(days=365))
        interval: int = rule._interval
        return unit * interval

    def walls(self, after: datetime) -> Iterator[datetime]:
        """The local times from some hours before `after`, naive and in order."""
        local = after.astimezone(self.zone).replace(tzinfo=None, fold=0)
        # A change of the clocks moves what rings all the time by hours, other times by a day.
        first = max(self.start, local - timedelta(hours=3 if self.goes_on else 24))
        last = first + HORIZON
        if self.is_cron:
            return self.cron_walls(first, last)
        rule = parse(self.text, self.start)
        end = min(rule._until or last, last)
        start = self.start
        if any(f"FREQ={name}" in self.text for name in UNIT):
            # The same rule, begun as many turns later as fit: nobody walks through years of it.
            turns = max(0, (first - start) // self.step(rule) - 1)
            start += turns * self.step(rule)
        found = rule.replace(dtstart=years(start, LATER), until=years(end, LATER))
        return (years(wall, -LATER) for wall in found)

    def cron_walls(self, first: datetime, last: datetime) -> Iterator[datetime]:
        times = croniter(self.text, first - timedelta(seconds=1), max_years_between_matches=10)
        while True:
            try:
                wall: datetime = times.get_next(datetime)
            except CroniterBadDateError:
                return
            if wall > last:
                return
            yield wall


def check(rule: Rule, after: datetime, many: bool) -> None:
    """Raises ValidationError for a rule that rings never, or too often to tell many people."""
    found = list(islice(rule.instants(after), SAMPLE))
    if not found:
        raise ValidationError(_("This never happens: there is no such time within ten years."))
    if many and any(later - earlier < SOONEST for earlier, later in pairwise(found)):
        raise ValidationError(_("This is more than once a minute: too often to tell many people."))
