"""A schedule as facts: for its page, the list and `schedule list --json`."""

from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from notices.models import LONG_FIELDS, Notice, Occurrence, Schedule
from notices.pages.progress import report
from notices.recurrence.describe import in_words
from notices.schedules import actions

__all__ = ["facts_of", "made", "schedule_report", "schedule_reports", "with_runs"]


def with_runs(schedules: QuerySet[Schedule]) -> QuerySet[Schedule]:
    """Adds `runs`, `skips` (see Schedule.instants), and of the last notice its number and state as
    `last` and `last_state`."""
    run = Occurrence.objects.filter(schedule=OuterRef("pk"), notice__isnull=False)
    last = run.order_by("-planned_at")
    # Asked for each row that is shown, so a page need not count those of all schedules.
    runs = run.order_by().values("schedule").annotate(number=Count("pk")).values("number")
    skipped_ahead: Any = {"planned_at__gt": OuterRef("handled_until"), "extra": False}
    return schedules.select_related("author").annotate(
        skips=Exists(Occurrence.objects.filter(schedule=OuterRef("pk"), **skipped_ahead)),
        runs=Coalesce(Subquery(runs), 0),
        last=Subquery(last.values("notice")[:1]),
        last_state=Subquery(last.values("notice__state")[:1]),
    )


def made(saved: Notice | Schedule) -> dict[str, Any]:
    """The answer of the API to who wrote it."""
    if isinstance(saved, Schedule):
        return {"schedule": schedule_report(saved)}
    return {"notice": report(saved)}


def schedule_report(schedule: Schedule) -> dict[str, Any]:
    """Times in ISO 8601, UTC."""
    [facts] = schedule_reports(Schedule.objects.filter(pk=schedule.pk))
    return facts


def schedule_reports(schedules: QuerySet[Schedule]) -> list[dict[str, Any]]:
    return [facts_of(found) for found in with_runs(schedules.defer(*LONG_FIELDS))]


def facts_of(found: Any) -> dict[str, Any]:
    """Of one that with_runs() found."""
    return {
        "id": found.pk,
        "subject": found.subject,
        "state": found.state,
        "rule": found.rule,
        "words": in_words(found.as_rule),
        "zone": found.zone,
        "late_minutes": found.late_minutes,
        "next": [at.isoformat() for at in actions.upcoming(found)],
        "runs": found.runs,
        "last_notice": found.last,
        "last_state": found.last_state,
    }
