"""How far a notice is. Every figure is counted from the deliveries, so the sums always fit."""

import time
from collections import Counter
from datetime import UTC, datetime
from math import ceil
from typing import Any, NamedTuple

from django.db.models import Count, Q

from config import clock
from notices.channels import CHANNELS
from notices.delivery import brake
from notices.models import OPEN, Approval, Notice, State
from notices.providers import breaker
from notices.providers.router import providers
from queueing.redis import ask
from queueing.scheduler import SCHEDULER_HEARTBEAT

__all__ = ["approved_by", "braked", "progress", "report", "stopped_after"]

LARGE = 10_000  # deliveries; of fewer every page counts anew
SHARE = 0.1  # of a process's time at most goes into counting those of one large notice


class Tally(NamedTuple):
    numbers: Counter[tuple[str, str]]  # (state, channel) -> deliveries
    state: str  # of the notice
    until: float  # time.monotonic() until which it may be shown again


tallies: dict[int, Tally] = {}  # notice's number -> what this process counted last


def tally(notice: Notice) -> Counter[tuple[str, str]]:
    """(state, channel) -> deliveries. Every reader's page asks each second, and counting a million
    takes a fifth of one: what was counted is shown for ten times as long as that took."""
    began = time.monotonic()
    kept = tallies.get(notice.pk)
    if kept and kept.state == notice.state and began < kept.until:
        return kept.numbers
    rows = notice.deliveries.order_by().values("state", "channel").annotate(number=Count("pk"))
    numbers = Counter({(row["state"], row["channel"]): row["number"] for row in rows})
    tallies.pop(notice.pk, None)
    if numbers.total() > LARGE:
        ended = time.monotonic()
        for pk, each in list(tallies.items()):  # other threads add and remove some meanwhile
            if each.until < ended:
                tallies.pop(pk, None)
        tallies[notice.pk] = Tally(numbers, notice.state, ended + (ended - began) / SHARE)
    return numbers


def counts(numbers: Counter[tuple[str, str]]) -> dict[str, int]:
    """A tally by state alone, each state present."""
    found = Counter[str]()
    for (state, _channel), number in numbers.items():
        found[state] += number
    return {state.value: found[state.value] for state in State}


LEFT = (State.SENT, State.DELIVERED, State.BOUNCED, State.UNCERTAIN)  # no cancelling calls it back


class Stop(NamedTuple):
    """Of a notice that was cancelled on its way: how far it had come, of how many deliveries."""

    after: int
    total: int


def stopped_after(notice: Notice) -> Stop | None:
    """None when it was not cancelled, or nothing of it had left."""
    if notice.state != Notice.State.CANCELLED or notice.started_at is None:
        return None
    by_state = counts(tally(notice))
    if not any(by_state[state] for state in LEFT):
        return None
    total = sum(by_state.values())
    return Stop(total - sum(by_state[state] for state in (State.CANCELLED, *OPEN)), total)


def approved_by(notice: Notice) -> list[Approval]:
    """Each approval that it has got, its schedule's among them, the last first."""
    rows = Approval.objects.filter(stage=Approval.Stage.GIVEN).select_related("decided_by")
    of_schedule = Q(schedule__occurrences__notice=notice, decided_at__lte=notice.created_at)
    return list(rows.filter(Q(notice=notice) | of_schedule).distinct())


def report(notice: Notice) -> dict[str, Any]:
    """The answer of the API and of `notice show --json`; times in ISO 8601, UTC. `stopped_after` is
    there when the notice was cancelled on its way, `brakes` when its emails stopped by themselves,
    `approvals` when somebody approved it: `by` is
    the number of a user."""
    by_state, stop = counts(tally(notice)), stopped_after(notice)
    approvals = [
        {"by": one.decided_by_id, "at": str(one.decided_at and one.decided_at.isoformat()),
         "people": one.people}
        for one in approved_by(notice)
    ]  # fmt: skip
    brakes = [
        {"why": one.kind, "number": one.number, "among": one.among, "at": one.at.isoformat(),
         "released_at": one.released_at and one.released_at.isoformat()}
        for one in notice.brakes.all()
    ]  # fmt: skip
    return {
        "id": notice.pk,
        "state": notice.state,
        **({"stopped_after": stop.after} if stop else {}),
        "recipients": sum(by_state.values()),
        "counts": by_state,
        **({"brakes": brakes} if brakes else {}),
        **({"approvals": approvals} if approvals else {}),
        "started_at": notice.started_at and notice.started_at.isoformat(),
        "finished_at": notice.finished_at and notice.finished_at.isoformat(),
    }


class Wait(NamedTuple):
    """Why nothing goes by a channel."""

    channel: str  # its label
    reason: str
    since: datetime


def waits(notice: Notice) -> list[Wait]:
    """What providers said of themselves, while something of it is to go."""
    if notice.state != Notice.State.SENDING:
        return []
    return [
        Wait(
            str(CHANNELS[channel].label), trouble.reason, datetime.fromtimestamp(trouble.since, UTC)
        )
        for channel in notice.channels
        for provider in providers(channel)
        if (trouble := breaker.trouble(provider.name))
    ]


def braked(notice: Notice) -> list[str]:
    """Why its emails stopped by themselves, in sentences, while they may go on."""
    if notice.state not in (Notice.State.SENDING, Notice.State.PAUSED):
        return []
    return [brake.sentence(each) for each in notice.brakes.filter(released_at=None)]


def scheduler_runs() -> bool:
    """Also when nobody can say: Redis is away."""
    return ask(lambda redis: redis.exists(SCHEDULER_HEARTBEAT)) != 0


def progress(notice: Notice) -> dict[str, Any]:
    """For the page: `figures` are the states worth showing, `percent` of the recipients are
    settled, `rate` is messages accepted a second, or None before the first."""
    numbers = tally(notice)
    by_state = counts(numbers)
    total = sum(by_state.values())
    settled = total - sum(by_state[state] for state in OPEN)
    gone = sum(by_state[state] for state in (State.SENT, State.DELIVERED, State.BOUNCED))
    rate = None
    if notice.started_at and gone:
        until = notice.finished_at or clock.now()
        rate = gone / max((until - notice.started_at).total_seconds(), 1)
    always = (State.QUEUED, State.SENDING, State.SENT, State.FAILED)
    return {
        "tally": numbers,
        "stopped": stopped_after(notice),
        "figures": [
            (state, by_state[state]) for state in State if by_state[state] or state in always
        ],
        "uncertain": by_state[State.UNCERTAIN],
        "total": total,
        "settled": settled,
        "percent": 100 * settled // total if total else 0,
        "rate": rate,
        "waits": waits(notice),
        "braked": braked(notice),
        "no_scheduler": notice.state == Notice.State.WAITING and not scheduler_runs(),
        "seconds_to_start": max(0, ceil((notice.start_at - clock.now()).total_seconds())),
    }
