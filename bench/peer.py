"""The peers as contenders."""

import os
from functools import partial

from bench import place
from bench.place import Module, Place
from tests.support.processes import ROOT

SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "bench.peers.settings",
    "PYTHONPATH": f"{ROOT / 'site'}{os.pathsep}{ROOT}",
}
# What Celery's own pages advise where nobody listens to its workers' chatter.
QUIET = ("-l", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat")


class Peer:
    """The peers' project in `here`, with so many of `what` (peers/staff.py); `settings`: of the
    environment."""

    def __init__(
        self, here: Place, number: int, what: str = "people", kind: str = "", **settings: str
    ) -> None:
        self.here = here
        copies = here.copies((what, number, "peers"), partial(fill, what, str(number)), kind)
        self.environment = SETTINGS | copies | settings

    def celery(
        self, pool: str, concurrency: int, processes: int = 1, queue: str = "celery"
    ) -> None:
        """Starts its workers. `processes`: prefork makes its own, the other pools live in one."""
        words = ("-A", "bench.peers.tutorial", "worker", "-P", pool, "-Q", queue, *QUIET)
        workers = [
            self.here.running(
                Module(
                    "celery", *words, "-c", str(concurrency), "-n", f"{queue}{number}@%h",
                    **self.environment,
                )
            )
            for number in range(processes)
        ]  # fmt: skip
        for worker in workers:
            worker.wait_for("ready.", 60)

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


def fill(what: str, number: str, copies: dict[str, str]) -> None:
    environment = SETTINGS | copies | {"APPS": "django_rq,post_office"}
    place.command("-m", "django", "migrate", "-v0", **environment)
    place.command("-m", "bench.peers.staff", what, number, **environment)
