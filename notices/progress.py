"""How far a notice is. Every figure is counted from the deliveries, so the sums always fit."""

from math import ceil
from typing import Any

from django.db.models import Count
from django.utils import timezone

from notices.models import OPEN, Notice, State


def counts(notice: Notice) -> dict[str, int]:
    """Deliveries by state, each state present."""
    found = dict(notice.deliveries.order_by().values_list("state").annotate(number=Count("pk")))
    return {state.value: found.get(state.value, 0) for state in State}


def report(notice: Notice) -> dict[str, Any]:
    """The answer of the API and of `notice show --json`; times in ISO 8601, UTC."""
    by_state = counts(notice)
    return {
        "id": notice.pk,
        "state": notice.state,
        "recipients": sum(by_state.values()),
        "counts": by_state,
        "started_at": notice.started_at and notice.started_at.isoformat(),
        "finished_at": notice.finished_at and notice.finished_at.isoformat(),
    }


def progress(notice: Notice) -> dict[str, Any]:
    """For the page: `figures` are the states worth showing, `percent` of the recipients are
    settled, `rate` is messages accepted a second, or None before the first."""
    by_state = counts(notice)
    total = sum(by_state.values())
    settled = total - sum(by_state[state] for state in OPEN)
    gone = sum(by_state[state] for state in (State.SENT, State.DELIVERED, State.BOUNCED))
    rate = None
    if notice.started_at and gone:
        until = notice.finished_at or timezone.now()
        rate = gone / max((until - notice.started_at).total_seconds(), 1)
    always = (State.QUEUED, State.SENDING, State.SENT, State.FAILED)
    return {
        "figures": [
            (state, by_state[state]) for state in State if by_state[state] or state in always
        ],
        "uncertain": by_state[State.UNCERTAIN],
        "total": total,
        "settled": settled,
        "percent": 100 * settled // total if total else 0,
        "rate": rate,
        "seconds_to_start": max(0, ceil((notice.start_at - timezone.now()).total_seconds())),
    }
