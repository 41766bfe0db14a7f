"""The queue check: a job on each queue, and what became of each."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from rq import job as rq_job
from rq.exceptions import DeserializationError

import jobs
from queueing.job import Job
from queueing.redis import bell

KEPT = 600  # seconds that a result can be looked at
QUICK = 1
HEAVY_ON = "default"
JOB_ID = re.compile(r"check_queue-[0-9]+-[0-9a-f]{32}")

STATES = {
    rq_job.JobStatus.QUEUED: "pending",
    rq_job.JobStatus.STARTED: "running",
    rq_job.JobStatus.FINISHED: "success",
    rq_job.JobStatus.FAILED: "error",
    rq_job.JobStatus.STOPPED: "error",
    rq_job.JobStatus.CANCELED: "error",
}
WORDS: dict[str, str | Promise] = {
    "pending": _("pending"),
    "running": _("running"),
    "success": _("success"),
    "error": _("error"),
    "gone": _("gone"),
}
ORDER = ("success", "error", "running", "pending", "gone")


@dataclass(frozen=True)
class Row:
    """One job of a check. Times are seconds, None while there is nothing to tell."""

    place: int  # in which it was put
    state: str
    queue: str = ""
    n: int = 0
    wait: float | None = None
    run: float | None = None
    result: object = None
    ended: float = 0.0

    @property
    def word(self) -> str | Promise:
        return WORDS[self.state]

    @property
    def settled(self) -> bool:
        return self.state not in {"pending", "running"}


def start(heavy: int | None) -> list[str]:
    """Puts the heavy job first, if one is wanted, then a quick one on each queue. Their ids; an
    empty list when Redis is away."""
    wanted = [(HEAVY_ON, heavy)] if heavy else []
    wanted += [(name, QUICK) for name in settings.RQ_QUEUES]
    ids: list[str] = []
    for queue, n in wanted:
        job_id = jobs.push(jobs.check_queue, n, result_ttl=KEPT, queue=queue)
        if job_id is None:
            return []
        ids.append(job_id)
    return ids


def read_ids(text: str) -> list[str]:
    """The job ids in a page's address; whatever else stands there is left out."""
    return [part for part in text.split(",") if JOB_ID.fullmatch(part)][:10]


def look(ids: list[str]) -> list[Row]:
    """What became of each job, in the order in which they ended. Raises RedisError."""
    found = Job.fetch_many(ids, connection=bell()) if ids else []
    rows = [row(place, job) for place, job in enumerate(found, start=1)]
    return sorted(rows, key=lambda row: (ORDER.index(row.state), row.ended, row.place))


def row(place: int, job: rq_job.Job | None) -> Row:
    try:
        if job is None or job.func_name != "jobs.check_queue":  # others' arguments stay theirs
            return Row(place, "gone")
        state = STATES.get(job.get_status(refresh=False), "pending")
        now = datetime.now(UTC)
        began, ended = job.started_at, job.ended_at
        return Row(
            place,
            state,
            queue=job.origin,
            n=int(job.args[0]),
            wait=seconds(job.enqueued_at, began or now),
            run=seconds(began, ended or now),
            result=job.return_value() if state == "success" else None,
            ended=ended.timestamp() if ended else 0.0,
        )
    except (DeserializationError, ValueError, TypeError, IndexError):  # not one of ours
        return Row(place, "gone")


def seconds(start: datetime | None, end: datetime) -> float | None:
    return None if start is None else max(0.0, (end - start).total_seconds())
