from typing import Any

from django.core.management.base import CommandParser
from django_rq.management.commands import rqscheduler

from queueing.management.require import await_redis


class Command(rqscheduler.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)  # type: ignore[no-untyped-call]
        parser.set_defaults(interval=1)  # a minute late is too late for "in 10 seconds"

    def handle(self, *args: Any, **options: Any) -> None:
        await_redis()
        super().handle(*args, **options)  # type: ignore[no-untyped-call]
