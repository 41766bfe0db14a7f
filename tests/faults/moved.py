"""manage.py under a clock that is CLOCK_OFFSET seconds ahead."""

import os
import sys
import time
from pathlib import Path

import time_machine

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from django.core.management import execute_from_command_line

import manage  # noqa: F401  puts site/ on the path

if __name__ == "__main__":
    with time_machine.travel(time.time() + float(os.environ["CLOCK_OFFSET"])):
        execute_from_command_line(sys.argv)
