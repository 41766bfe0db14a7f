from typing import Any

from django_rq.management.commands import rqworker

from queueing.management.require import await_redis, require_queues


class Command(rqworker.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        require_queues(args)
        await_redis()
        super().handle(*args, **options)  # type: ignore[no-untyped-call]
