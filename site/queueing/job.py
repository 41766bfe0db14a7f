"""What may be on a queue: JSON, and the name of a function of jobs.py.

Whoever can write to Redis must not be able to run code of their own. This holds for the worker,
the pool, the scheduler and the dashboard, with the plain commands and whatever flags they get.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from rq import job as rq_job
from rq import serializers

__all__ = ["Job", "NotAllowed", "queue_of"]

# Some of RQ's registries ignore every setting and take the default serializer, which is pickle:
# bytes that somebody planted in Redis would be executed by whoever lists them.
serializers.DefaultSerializer.dumps = staticmethod(serializers.JSONSerializer.dumps)
serializers.DefaultSerializer.loads = staticmethod(serializers.JSONSerializer.loads)

FAILURE_TTL = 3600  # seconds a failed job stays; a bug that lasts is there again every 10 s


def queue_of(func_name: str | None) -> str | None:
    """The queue of a function of jobs.py by its dotted path; None when no such job exists."""
    module, _, name = (func_name or "").partition(".")
    queues: dict[str, str] = import_module("jobs").QUEUES
    return queues.get(name) if module == "jobs" else None


class NotAllowed(Exception):  # noqa: N818
    """Somebody queued a function that is not a job of ours. It was not run."""


class Job(rq_job.Job):
    """JSON only, whatever serializer a command or a registry passes."""

    def __init__(self, id: str | None = None, connection: Any = None, serializer: Any = None):  # noqa: A002
        super().__init__(id, connection, serializers.JSONSerializer)

    @classmethod
    def create(cls, func: Any, *args: Any, **kwargs: Any) -> rq_job.Job:
        if kwargs.get("failure_ttl") is None:  # RQ's own default is a year
            kwargs["failure_ttl"] = FAILURE_TTL
        return super().create(func, *args, **kwargs)


def func(job: rq_job.Job) -> Callable[..., Any]:
    """The function of jobs.py that the job names. Raises NotAllowed for any other."""
    name = job.func_name
    if not isinstance(name, str) or queue_of(name) is None or job.instance:
        raise NotAllowed(f"{name!r} is not a job of jobs.py and was not run.")
    return getattr(import_module("jobs"), name.removeprefix("jobs."))  # type: ignore[no-any-return]


rq_restore = rq_job.Job.restore


def restore(job: rq_job.Job, raw_data: Any) -> None:
    """Reads a job's hash without what names code to import or addresses to call."""
    rq_restore(job, raw_data)
    job.webhooks = []
    job._success_callback_name = job._success_callback = None  # type: ignore[assignment]
    job._failure_callback_name = job._failure_callback = None  # type: ignore[assignment]
    job._stopped_callback_name = job._stopped_callback = None
    if not isinstance(job.meta, dict) or "unserialized" in job.meta:
        job.meta = {}  # not JSON: RQ keeps the bytes, and fails at the next save


rq_handle_failure = rq_job.Job._handle_failure
# Redis was away, or emptied, when RQ had to note that a job had ended.
NOT_NOTED = ("redis.exceptions.", "rq.exceptions.InvalidJobOperation")
WORKER_DIED = ("AbandonedJobError", "Work-horse terminated unexpectedly")


def handle_failure(job: rq_job.Job, exc_string: str, pipeline: Any, **kwargs: Any) -> None:
    """The list of failed jobs is for bugs. That a worker was killed is none, nor that Redis could
    not note how it ended: the database knows how far it came, and the sweep rings again."""
    last = exc_string.rstrip().rpartition("\n")[2]
    if last.startswith(NOT_NOTED) or any(each in exc_string for each in WORKER_DIED):
        pipeline.delete(job.key)
    else:
        rq_handle_failure(job, exc_string, pipeline, **kwargs)


# On RQ's own class, because its registries and the dashboard name that one, not ours: looking at
# the list of started jobs would import and call whatever an abandoned job names as its callback.
rq_job.Job.func = property(func)  # type: ignore[assignment, method-assign]
rq_job.Job.restore = restore  # type: ignore[assignment, method-assign]
rq_job.Job._handle_failure = handle_failure  # type: ignore[assignment, method-assign]
