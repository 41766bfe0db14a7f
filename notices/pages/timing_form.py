"""When a notice goes out, as staff or a script say it: now, later, or again and again."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from config import clock
from notices.delivery import quiet_hours
from notices.models import Notice, Schedule
from notices.pages.rule_fields import MONTH_DAYS, MOST, WEEKDAYS, fields_of, rule_of
from notices.pages.time_zones import read_time_zone
from notices.recurrence import parse
from notices.recurrence import rule as rules
from notices.recurrence.parse import FAR
from web.forms import JSONForm

__all__ = ["TimingForm"]

DAYS = dict(zip(WEEKDAYS, WEEKDAYS_ABBR.values(), strict=True))


class LocalTimeField(forms.DateTimeField):
    """A local time, naive: its zone is another field."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values or isinstance(value, datetime):
            return value or None
        try:
            moment = datetime.fromisoformat(str(value).strip())
            if moment.tzinfo or not 1970 < moment.year < FAR:
                raise ValueError
        except ValueError:
            raise ValidationError(_("Write a date and a time, such as 2026-12-01T09:00.")) from None
        return moment.replace(second=0, microsecond=0)

    def prepare_value(self, value: Any) -> Any:
        return value


class TimingForm(JSONForm, forms.Form):
    when = forms.ChoiceField(
        label=gettext_lazy("When"),
        choices=[
            ("now", gettext_lazy("Now")),
            ("later", gettext_lazy("Later")),
            ("repeat", gettext_lazy("Repeat")),
        ],
        widget=forms.RadioSelect,
        required=False,
    )
    at = LocalTimeField(label=gettext_lazy("Date and time"), required=False)
    zone = forms.CharField(
        label=gettext_lazy("Time zone"),
        max_length=64,
        required=False,
        help_text=gettext_lazy("Whose clock counts. Type a large city, such as London."),
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
    )
    not_after = LocalTimeField(
        label=gettext_lazy("Not after"),
        required=False,
        help_text=gettext_lazy("What has not left by then is not sent any more."),
    )
    every = forms.ChoiceField(
        label=gettext_lazy("Repeat every"),
        choices=[
            ("days", gettext_lazy("day(s)")),
            ("weeks", gettext_lazy("week(s)")),
            ("month", gettext_lazy("month")),
            ("hours", gettext_lazy("hour(s)")),
            ("minutes", gettext_lazy("minute(s)")),
            ("rule", gettext_lazy("time that a rule names")),
        ],
        widget=forms.Select(attrs={"aria-label": gettext_lazy("Unit of time")}),
        required=False,
    )
    number = forms.IntegerField(
        label=pgettext_lazy("every how many days", "How many"),
        widget=forms.NumberInput(
            attrs={"aria-label": pgettext_lazy("every how many days", "How many")}
        ),
        initial=1,
        min_value=1,
        max_value=MOST,
        required=False,
    )
    weekdays = forms.MultipleChoiceField(
        label=gettext_lazy("On these days only"),
        choices=list(DAYS.items()),
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    month_day = forms.ChoiceField(
        label=gettext_lazy("Day of the month"),
        choices=[(day, gettext_lazy("the last day") if day == "-1" else day) for day in MONTH_DAYS],
        required=False,
        help_text=gettext_lazy("A month that has no such day is left out."),
    )
    rule = forms.CharField(
        label=gettext_lazy("Cron line or rule"),
        required=False,
        help_text=gettext_lazy(
            "For those who know them: 0 9 * * 1-5, or FREQ=MONTHLY;BYDAY=-1FR (RFC 5545). "
            "A cron line names its own time of day."
        ),
    )
    ends_on = forms.DateField(
        label=gettext_lazy("Last day (optional)"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        validators=[MaxValueValidator(date(FAR - 1, 12, 31))],
        error_messages={"max_value": gettext_lazy("Choose a day up to %(limit_value)s.")},
    )
    times = forms.IntegerField(
        label=gettext_lazy("Times in all (optional)"),
        min_value=1,
        max_value=1_000_000,
        required=False,
    )
    missed = forms.ChoiceField(
        label=gettext_lazy("If its time was missed, say in a power cut"),
        choices=[
            ("late", gettext_lazy("send it late, once")),
            ("limit", gettext_lazy("send it late, but not too late")),
            ("skip", gettext_lazy("leave it out")),
        ],
        required=False,
    )
    late_minutes = forms.IntegerField(
        label=gettext_lazy("Minutes late at most"), min_value=1, max_value=100_000, required=False
    )
    in_quiet_hours = forms.BooleanField(
        label=gettext_lazy("Send it even in the quiet hours,"), required=False
    )

    def __init__(
        self,
        *args: Any,
        own_zone: str = "",
        many: bool = True,
        saved: Notice | Schedule | None = None,
        **kwargs: Any,
    ) -> None:
        """`own_zone`: where the one who writes is. `many`: whether many people will be told.
        `saved`: what is changed by it."""
        if saved:
            kwargs["initial"] = fields_of(saved)
        super().__init__(*args, **kwargs)
        self.label_suffix, self.saved = "", saved
        self.own_zone, self.many = own_zone or settings.TIME_ZONE_DEFAULT, many
        self.fields["zone"].initial = self.own_zone
        self.fields["when"].initial = "now"
        if settings.QUIET_HOURS is None:  # what was chosen while there were some is kept
            self.fields["in_quiet_hours"].widget = forms.HiddenInput()

    @property
    def words_for_quiet_hours(self) -> str:
        begin, end = settings.QUIET_HOURS or (None, None)
        return f"{begin:%H:%M}–{end:%H:%M} ({settings.TIME_ZONE_DEFAULT})" if begin else ""

    def clean_when(self) -> str:
        own = "repeat" if isinstance(self.saved, Schedule) else "now"
        return self.cleaned_data["when"] or own

    def clean_zone(self) -> str:
        return read_time_zone(self.cleaned_data["zone"] or self.own_zone)

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if "zone" not in cleaned or "when" not in cleaned:
            return cleaned
        zone = ZoneInfo(cleaned["zone"])
        steps = {"now": (), "later": (self.check_start,), "repeat": (self.check_rule,)}
        for step in (*steps[cleaned["when"]], self.check_not_after):
            step(cleaned, zone)
        return cleaned

    def moment(self, field: str, zone: ZoneInfo) -> datetime | None:
        """The instant that a field means, or None with a sentence on the field."""
        wall = self.cleaned_data.get(field)
        if wall is None:
            return None
        if not rules.exists(wall, zone):
            facts = {"time": date_format(wall, "Y-m-d H:i"), "zone": zone.key}
            self.add_error(
                field,
                _("%(time)s does not exist in %(zone)s: the clocks go forward. Choose another.")
                % facts,
            )
            return None
        return rules.instant(wall, zone)

    def check_start(self, cleaned: dict[str, Any], zone: ZoneInfo) -> None:
        if cleaned.get("at") is None:
            if "at" not in self.errors:
                self.add_error("at", _("Choose a date and a time."))
            return
        if isinstance(self.saved, Notice) and not {"at", "zone"} & set(self.changed_data):
            cleaned["start_at"] = self.saved.start_at  # past by now for one that is held
            return
        start_at = self.moment("at", zone)
        if start_at and start_at <= clock.now():
            self.add_error("at", _("This is in the past. Choose a time to come, or send it now."))
        cleaned["start_at"] = start_at

    def check_not_after(self, cleaned: dict[str, Any], zone: ZoneInfo) -> None:
        if cleaned["when"] == "repeat":
            cleaned["not_after"] = None
            return
        cleaned["not_after"] = end = self.moment("not_after", zone)
        if end is None:
            return
        try:
            also_then = cleaned["in_quiet_hours"]
            quiet_hours.check(end, cleaned.get("start_at"), in_quiet_hours=also_then)
        except quiet_hours.NeverStarts as never:
            sentence = _("It would be held until %(time)s (%(zone)s): these are the quiet hours.")
            if never.until:
                shown = date_format(never.until.astimezone(zone), "Y-m-d H:i")
                self.add_error("not_after", sentence % {"time": shown, "zone": zone.key})
            else:
                self.add_error("not_after", _("This is over before it could start."))

    def check_rule(self, cleaned: dict[str, Any], zone: ZoneInfo) -> None:
        after = clock.now()
        if cleaned.get("at") is None:
            local = after.astimezone(zone).replace(tzinfo=None, second=0, microsecond=0)
            cleaned["at"] = local
        if self.errors:
            return
        field = "rule" if cleaned["every"] == "rule" else "every"
        try:
            text, times = parse.read(rule_of(cleaned), zone)
        except ValidationError as problem:
            self.add_error(field, problem)
            return
        cleaned["rule"], cleaned["times"] = text, cleaned.get("times") or times
        rule = rules.Rule(text, zone, cleaned["at"])
        if isinstance(self.saved, Schedule):
            after = max(after, self.saved.handled_until)
        try:
            first = rules.check(rule, after, self.many)
        except ValidationError as problem:
            self.add_error(field, problem)
            return
        self.check_ends(cleaned, first)

    def check_ends(self, cleaned: dict[str, Any], first: datetime) -> None:
        ends_on, local = cleaned.get("ends_on"), first.astimezone(ZoneInfo(cleaned["zone"]))
        if ends_on and ends_on < local.date():
            facts = date_format(local, "Y-m-d H:i")
            self.add_error("ends_on", _("This is before the first time, %s.") % facts)
        if cleaned.get("missed") == "limit" and not cleaned.get("late_minutes"):
            self.add_error("late_minutes", _("Say how many minutes late it may be sent."))

    def apply_to_notice(self, notice: Notice) -> None:
        notice.zone, notice.not_after = self.cleaned_data["zone"], self.cleaned_data["not_after"]
        notice.in_quiet_hours = self.cleaned_data["in_quiet_hours"]

    def apply_to_schedule(self, schedule: Schedule) -> None:
        given = self.cleaned_data
        schedule.rule, schedule.zone = given["rule"], given["zone"]
        schedule.start = given["at"].isoformat(timespec="minutes")
        schedule.ends_on, schedule.times = given["ends_on"], given["times"]
        schedule.late_minutes = {"skip": 0, "limit": given["late_minutes"]}.get(given["missed"])
        schedule.in_quiet_hours = given["in_quiet_hours"]
