"""Bellhop as a contender: its own commands, in the settings of production."""

import os

from bench import place
from bench.place import Place
from tests.processes import READY, ROOT, Process

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
        self.database = here.database(("bellhop", people), filled_with(people))
        self.redis = here.redis()
        self.environment = SETTINGS | {
            "DATABASE_URL": self.database, "REDIS_URL": self.redis.url, **settings,
        }  # fmt: skip
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


def filled_with(people: int) -> place.Fill:
    def fill(url: str) -> None:
        environment = SETTINGS | {"DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:9/0"}
        place.command("manage.py", "migrate", "-v0", **environment)
        place.command("-m", "bench.processes.staff", "people", str(people), **environment)

    return fill
