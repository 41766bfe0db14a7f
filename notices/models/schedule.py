"""A rule that makes notices, and each planned instant of it."""

from collections.abc import Iterator
from datetime import datetime, time
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notices import rights
from notices.models.notice import Content, Notice, once_per_request
from notices.recurrence.rule import Rule, instant


class Schedule(Content):
    """Every instant up to `handled_until` has its occurrence, or was passed by on purpose (before
    it was written, while it was paused). `next_at` is the first instant after that, computed from
    the rule; it is stored for the sweep to find, and computed again whenever it matters."""

    class State(models.TextChoices):
        ACTIVE = "active", _("active")
        PAUSED = "paused", _("paused")
        ENDED = "ended", _("ended")

    rule = models.CharField(_("rule"), max_length=250)  # as notices/recurrence/rule.py reads it
    start = models.CharField(max_length=16)  # local time in `zone`, such as 2026-12-01T09:00
    ends_on = models.DateField(_("last day"), null=True, blank=True)  # in `zone`, itself included
    times = models.PositiveIntegerField(_("times in all"), null=True, blank=True)
    # How late an instant may be found and still run; null: however late.
    late_minutes = models.PositiveIntegerField(_("minutes late at most"), null=True, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.ACTIVE)
    handled_until = models.DateTimeField(default=timezone.now)
    next_at = models.DateTimeField(_("next"), null=True)
    in_question_since = models.DateTimeField(null=True, editable=False)  # as a notice

    class Meta:
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")
        permissions = rights.of(rights.SCHEDULE)
        ordering = ["-id"]
        constraints = [once_per_request("schedule")]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(state="active"), name="schedule_due")
        ]

    def get_absolute_url(self) -> str:
        return reverse("schedule", args=[self.pk])

    @property
    def zone_info(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @property
    def as_rule(self) -> Rule:
        return Rule(self.rule, self.zone_info, datetime.fromisoformat(self.start))

    def instants(self) -> Iterator[datetime]:
        """What is planned after `handled_until` and was not skipped."""
        decided = set[datetime]()
        if self.pk and getattr(self, "skips", True):  # a list asks for all of them at once
            ahead = self.occurrences.filter(extra=False, planned_at__gt=self.handled_until)
            decided = set(ahead.values_list("planned_at", flat=True))
        found: Iterator[datetime] = (
            at for at in self.as_rule.instants(self.handled_until) if at not in decided
        )
        if self.ends_on:
            last = instant(datetime.combine(self.ends_on, time.max), self.zone_info)
            found = takewhile(lambda at: at <= last, found)
        if self.times is not None:
            found = islice(found, max(0, self.times - self.done()))
        return found

    def done(self) -> int:
        """How many of its times are used up: run, missed or skipped."""
        return self.occurrences.filter(extra=False).count() if self.pk else 0

    def advance(self, handled_until: datetime) -> None:
        """Computes the next instant; the schedule ends with its last one. Does not save."""
        self.handled_until = handled_until
        self.next_at = next(self.instants(), None)
        if self.next_at is None:
            self.state = self.State.ENDED


class Occurrence(models.Model):
    """One planned instant of a schedule: what became of it, and why."""

    class State(models.TextChoices):
        STARTED = "started", _("started")
        MISSED = "missed", _("missed")
        SKIPPED = "skipped", _("skipped")

    schedule = models.ForeignKey(
        Schedule, models.CASCADE, related_name="occurrences", verbose_name=_("schedule")
    )
    planned_at = models.DateTimeField(_("planned"))
    state = models.CharField(_("state"), max_length=10, choices=State)
    reason = models.CharField(_("reason"), max_length=255, blank=True, default="")
    extra = models.BooleanField(_("out of turn"), default=False)  # somebody pressed "Run now"
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, verbose_name=_("by")
    )
    decided_at = models.DateTimeField(_("decided"), default=timezone.now)
    notice = models.OneToOneField(
        Notice, models.SET_NULL, null=True, related_name="occurrence", verbose_name=_("notice")
    )

    class Meta:
        verbose_name = _("occurrence")
        verbose_name_plural = _("occurrences")
        ordering = ["-planned_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["schedule", "planned_at"], name="occurrence_once_per_instant"
            )
        ]

    def __str__(self) -> str:
        return f"occurrence {self.pk}"

    @property
    def minutes_late(self) -> int:
        return int((self.decided_at - self.planned_at).total_seconds() // 60)
