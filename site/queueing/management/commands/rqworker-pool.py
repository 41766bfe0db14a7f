from importlib import import_module
from typing import Any

from queueing.management.require import await_redis, require_queues

pool = import_module("django_rq.management.commands.rqworker-pool")


class Command(pool.Command):  # type: ignore[misc, name-defined]
    def handle(self, *args: Any, **options: Any) -> None:
        require_queues(args)
        await_redis()
        super().handle(*args, **options)
