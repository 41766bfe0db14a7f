from importlib import import_module
from typing import Any

from queueing.management.require import require_queues, require_redis

pool = import_module("django_rq.management.commands.rqworker-pool")


class Command(pool.Command):  # type: ignore[misc, name-defined]
    def handle(self, *args: Any, **options: Any) -> None:
        require_queues(args)
        require_redis()
        super().handle(*args, **options)
