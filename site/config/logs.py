"""How a line of the log is written."""

import logging
import re
import time

# The address at which a provider reports that does not sign: it is its secret.
SECRET = re.compile(r"(/receipts/[^/]+/)[0-9a-f]{32}")


class Formatter(logging.Formatter):
    """With its time in UTC, such as 2026-11-26T09:00:00.123Z."""

    converter = time.gmtime  # type: ignore[assignment]
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"


class SecretPaths(logging.Filter):
    """Of a refused request the path is told, and of that no secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                SECRET.sub(r"\1…", each) if isinstance(each, str) else each for each in record.args
            )
        return True
