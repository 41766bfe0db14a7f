from typing import Any

from django_rq.management.commands import rqworker

from queueing.management.require import require_queues, require_redis


class Command(rqworker.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        require_queues(args)
        require_redis()
        super().handle(*args, **options)  # type: ignore[no-untyped-call]
