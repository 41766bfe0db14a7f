"""Bellhop as a contender: its own commands, in the settings of production."""

import os
from functools import partial

from bench import place
from bench.place import Place
from tests.support.processes import READY, ROOT, Process

QUEUES = ("sms", "email", "default", "bulk")
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "DEBUG": "0",
    "SECRET_KEY": "only-for-benchmarks-and-long-enough-to-pass-the-checks-of-deployment",
    "ALLOWED_HOSTS": "127.0.0.1",
    "DEFAULT_FROM_EMAIL": "Bellhop <bellhop@example.com>",
    "PUBLIC_URL": "https://bellhop.example.com",  # so that every email has its List-Unsubscribe
    "PICTURE_CODE_FIXED": "",
    "QUIET_HOURS": "",
    "EMAIL_URL": "console:",
    "SMS_URLS": "console:",
    "PYTHONPATH": f"{ROOT / 'site'}{os.pathsep}{ROOT}",
}


class Bellhop:
    """The house in `here`, with `people` guests; `settings`: of the environment, such as
    EMAIL_URL."""

    def __init__(self, here: Place, people: int, workers: int = 2, **settings: str) -> None:
        self.environment = SETTINGS | copies(here, "people", people) | settings
        self.workers = [
            here.running(Process("rqworker", *QUEUES, **self.environment)) for _ in range(workers)
        ]
        self.scheduler = here.running(Process("rqscheduler", **self.environment))
        for worker in self.workers:
            worker.wait_for(READY["rqworker"])
        self.scheduler.wait_for(READY["rqscheduler"])

    def press(self, channel: str) -> float:
        """Sends a notice to everyone; the time.monotonic() of pressing."""
        return float(
            place.command("-m", "bench.processes.staff", "press", channel, **self.environment)
        )


def copies(here: Place, what: str, number: int, kind: str = "") -> dict[str, str]:
    """`what`, `number`: as bench/processes/fill.py takes them."""
    return here.copies((what, number), partial(fill, what, str(number)), kind)


def fill(what: str, number: str, empty: dict[str, str]) -> None:
    environment = SETTINGS | empty
    place.command("manage.py", "migrate", "-v0", **environment)
    place.command("-m", "bench.processes.fill", what, number, **environment)
