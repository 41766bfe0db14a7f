"""How a line of the log is written."""

import json
import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

known: ContextVar[dict[str, str]] = ContextVar("known")

# The address at which a provider reports that does not sign: it is its secret.
SECRET = re.compile(r"(/receipts/[^/]+/)[0-9a-f]{32}")


class Formatter(logging.Formatter):
    """With its time in UTC, such as 2026-11-26T09:00:00.123Z."""

    converter = time.gmtime  # type: ignore[assignment]
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"


class JSONFormatter(Formatter):
    """An object a line, with what `about` says; nothing else that a record carries, such as the
    request itself."""

    def format(self, record: logging.LogRecord) -> str:
        facts = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            facts["exception"] = self.formatException(record.exc_info)
        return json.dumps(facts | known.get({}), ensure_ascii=False)


@contextmanager
def about(**facts: str) -> Iterator[None]:
    """What is logged meanwhile is about this: a request, a job, by their ids."""
    token = known.set(known.get({}) | facts)
    try:
        yield
    finally:
        known.reset(token)


class SecretPaths(logging.Filter):
    """Of a refused request the path is told, and of that no secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                SECRET.sub(r"\1…", each) if isinstance(each, str) else each for each in record.args
            )
        return True
