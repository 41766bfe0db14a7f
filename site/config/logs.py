"""How a line of the log is written."""

import logging
import time


class Formatter(logging.Formatter):
    """With its time in UTC, such as 2026-11-26T09:00:00.123Z."""

    converter = time.gmtime  # type: ignore[assignment]
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"
