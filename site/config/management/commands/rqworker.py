from typing import Any

from django_rq.management.commands import rqworker

from config.rq import require_redis


class Command(rqworker.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        require_redis()
        super().handle(*args, **options)
