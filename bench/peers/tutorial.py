"""Django, Celery and Redis as in the tutorials: one task for each person."""

import os

from celery import Celery
from celery.signals import worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.peers.settings")
app = Celery("tutorial", include=["bench.peers.tasks"])
app.config_from_object("django.conf:settings", namespace="CELERY")


@worker_ready.connect  # type: ignore[untyped-decorator]
def say_so(**_facts: object) -> None:
    """Celery itself does at level INFO, where it would also log every task."""
    print("ready.", flush=True)
