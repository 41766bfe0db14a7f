"""A schedule as facts: for its page, the list and `schedule list --json`."""

from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from notices import repeat
from notices.models import Occurrence, Schedule
from notices.rule_words import in_words


def with_runs(schedules: QuerySet[Schedule]) -> QuerySet[Schedule]:
    """Adds `runs`, and of the last notice its number and state as `last` and `last_state`."""
    last = Occurrence.objects.filter(schedule=OuterRef("pk"), notice__isnull=False)
    last = last.order_by("-planned_at")
    return schedules.select_related("author").annotate(
        runs=Count("occurrences", filter=Q(occurrences__notice__isnull=False)),
        last=Subquery(last.values("notice")[:1]),
        last_state=Subquery(last.values("notice__state")[:1]),
    )


def schedule_report(schedule: Schedule) -> dict[str, Any]:
    """Times in ISO 8601, UTC."""
    [found] = with_runs(Schedule.objects.filter(pk=schedule.pk))
    facts: Any = found
    return {
        "id": found.pk,
        "subject": found.subject,
        "state": found.state,
        "rule": found.rule,
        "words": in_words(found.as_rule),
        "zone": found.zone,
        "late_minutes": found.late_minutes,
        "next": [at.isoformat() for at in repeat.upcoming(found)],
        "runs": facts.runs,
        "last_notice": facts.last,
        "last_state": facts.last_state,
    }
