"""Who writes to everybody, and by what: each of these gives what bulk.Contender is `ready` by.

`settings` are those of the environment that name the door, whose port stands there as {port}.
"""

from collections.abc import Mapping
from functools import partial

from bench import place
from bench.bellhop import Bellhop
from bench.bulk import Press, Ready
from bench.peer import Peer
from bench.place import Asked, Place

Settings = Mapping[str, str]


def at(door: Asked, settings: Settings) -> dict[str, str]:
    return {name: value.format(port=door.port) for name, value in settings.items()}


def bellhop(channel: str, settings: Settings, workers: int = 2) -> Ready:
    def ready(here: Place, door: Asked, people: int) -> Press:
        house = Bellhop(here, people, workers, **at(door, settings))
        return partial(house.press, channel)

    return ready


def celery(
    channel: str, settings: Settings, pool: str = "prefork", concurrency: int = 2,
    processes: int = 1,
) -> Ready:  # fmt: skip
    def ready(here: Place, door: Asked, people: int) -> Press:
        peer = Peer(here, people, **at(door, settings))
        peer.celery(pool, concurrency, processes)
        return partial(peer.press, "celery", channel)

    return ready


def rq(channel: str, settings: Settings) -> Ready:
    def ready(here: Place, door: Asked, people: int) -> Press:
        peer = Peer(here, people, APPS="django_rq", **at(door, settings))
        peer.rq(2)
        return partial(peer.press, "rq", channel)

    return ready


def post_office(settings: Settings) -> Ready:
    def ready(here: Place, door: Asked, people: int) -> Press:
        peer = Peer(here, people, APPS="post_office", **at(door, settings))
        return partial(peer.press, "post_office", "email")

    return ready


def floor(channel: str, connections: int = 2) -> Ready:
    """`channel`: as bench/processes/floor.py has it."""

    def ready(_here: Place, door: Asked, people: int) -> Press:
        words = ("-m", "bench.processes.floor", channel)
        numbers = map(str, (door.port, people, connections))
        return lambda: float(place.command(*words, *numbers))

    return ready
