"""A worker with jobs that leave something behind: python careless.py COMMAND…, as manage.py."""

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "site")]
os.chdir(ROOT)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import execute_from_command_line  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.utils import timezone, translation  # noqa: E402

import jobs  # noqa: E402
from queueing import horse  # noqa: E402

KEPT: list[object] = []


def tell() -> dict[str, object]:
    """What the next job finds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return {
        "pid": os.getpid(),
        "language": translation.get_language(),
        "zone": timezone.get_current_timezone_name(),
        "environment": os.environ.get("LEFT_BEHIND", ""),
        "setting": settings.DEFAULT_FROM_EMAIL,
        "folder": os.getcwd(),
        "transaction": connection.in_atomic_block,
        "threads": threading.active_count(),
        "kept": len(KEPT),
    }


def close() -> None:
    connection.ensure_connection()
    connection.connection.close()


def fail() -> None:
    raise RuntimeError("an error")


LEAVE: dict[str, Callable[[], object]] = {
    "a language": lambda: translation.activate("zh-hans"),
    "a time zone": lambda: timezone.activate("Asia/Tokyo"),
    "a variable": lambda: os.environ.update(LEFT_BEHIND="yes"),
    "a setting": lambda: setattr(settings, "DEFAULT_FROM_EMAIL", "nobody@example.com"),
    "a folder": lambda: os.chdir("/"),
    "a transaction": lambda: transaction.atomic().__enter__(),
    "a thread": lambda: threading.Thread(target=time.sleep, args=(60,), daemon=True).start(),
    "much memory": lambda: KEPT.append(b"x" * (100 << 20)),
    "a closed connection": close,
    "an error": fail,
    "a death": lambda: os.kill(os.getpid(), 9),
}


def leave(what: str) -> int:
    LEAVE[what]()
    return os.getpid()


horse.JOBS = int(os.environ.get("HORSE_JOBS", horse.JOBS))
for each in (tell, leave):
    setattr(jobs, each.__name__, jobs.job("default")(each))
execute_from_command_line(["manage.py", *sys.argv[1:]])
