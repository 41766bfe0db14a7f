"""The peers as contenders."""

import os

from bench import place
from bench.place import Module, Place
from tests.processes import ROOT

SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "bench.peers.settings",
    "PYTHONPATH": f"{ROOT / 'site'}{os.pathsep}{ROOT}",
}


class Peer:
    """The peers' project in `here`, with `people` users; `settings`: of the environment."""

    def __init__(self, here: Place, people: int, **settings: str) -> None:
        self.here = here
        self.database = here.database(("peer", people), filled_with(people))
        self.redis = here.redis()
        self.environment = SETTINGS | {
            "DATABASE_URL": self.database, "REDIS_URL": self.redis.url, **settings,
        }  # fmt: skip

    def celery(self, pool: str, concurrency: int, processes: int = 1) -> None:
        """Starts its workers. `processes`: prefork makes its own, the other pools live in one."""
        words = ("-A", "bench.peers.tutorial", "worker", "-l", "WARNING", "-P", pool)
        for number in range(processes):
            name = f"worker{number}@%h"
            worker = Module(
                "celery", *words, "-c", str(concurrency), "-n", name, **self.environment
            )
            self.here.running(worker, "ready.")

    def rq(self, workers: int) -> None:
        for worker in [
            self.here.running(Module("django", "rqworker", "default", **self.environment))
            for _ in range(workers)
        ]:
            worker.wait_for("Listening on")

    def press(self, peer: str, channel: str) -> float:
        """Has everybody written to; the time.monotonic() at which that began."""
        words = ("-m", "bench.peers.staff", peer, channel)
        return float(place.command(*words, **self.environment).split()[-1])


def filled_with(people: int) -> place.Fill:
    def fill(url: str) -> None:
        environment = SETTINGS | {"DATABASE_URL": url}
        place.command("-m", "django", "migrate", "-v0", **environment)
        place.command("-m", "bench.peers.staff", "people", str(people), **environment)

    return fill
