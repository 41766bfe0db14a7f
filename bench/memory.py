"""The most codes a second that workers within 512 MB send by a provider that takes 300 ms."""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench import place
from bench.bellhop import QUEUES, SETTINGS, copies
from bench.figures import Figure, Result, Target
from bench.peer import Peer
from bench.place import Asked, Place
from tests.support.processes import READY, Process

NAME = "memory"
TITLE = "Codes within 512 MB, a provider that takes 300 ms"
LIMIT = 512.0  # MB
SECONDS = "0.3"  # that the provider takes
WARM, WINDOW = 2.0, 3.0  # seconds
WAITING = 12_000  # codes: more than anybody sends until the window closes
CORES = min(2, os.cpu_count() or 1)

Start = Callable[[Place, Asked, int], None]  # has workers of a size send to the door


@dataclass(frozen=True)
class Pool:
    """Workers of one kind. `sizes`: those among which the best is looked for; where there are
    none, as many as fit into the memory."""

    name: str
    start: Start
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Held:
    size: int
    rate: float  # codes/s
    memory: float  # MB


# Contenders


def bellhop(here: Place, gateway: Asked, size: int) -> None:
    own = {"SMS_URLS": f"webhook+http://127.0.0.1:{gateway.port}/", "IN_FLIGHT": "1000"}
    environment = SETTINGS | copies(here, "codes", WAITING, place.kinds()[-1]) | own
    workers = [here.running(Process("rqworker", *QUEUES, **environment)) for _ in range(size)]
    for worker in workers:
        worker.wait_for(READY["rqworker"], 60)


def celery(pool: str, processes: int, **settings: str) -> Start:
    def start(here: Place, gateway: Asked, size: int) -> None:
        settings["SMS_GATEWAY"] = f"http://127.0.0.1:{gateway.port}/"
        peer = Peer(here, WAITING, "codes", place.kinds()[-1], **settings)
        peer.celery(pool, size, processes)

    return start


POOLS = [
    Pool("Bellhop", bellhop, (1, 2, 3)),
    Pool("Celery, prefork", celery("prefork", 1)),
    Pool("Celery, threads", celery("threads", CORES, CONNECTIONS="20"), (64, 128, 256)),
    Pool("Celery, gevent", celery("gevent", CORES, CONNECTIONS="20"), (200, 400, 800)),
]


# Measuring


def held(pool: Pool, size: int) -> Held:
    """What they sent while the window was open."""
    with place.opened() as here:
        gateway = here.asked("bench.processes.provider", "sms", SECONDS)
        pool.start(here, gateway, size)
        time.sleep(WARM)
        opened = time.monotonic()
        memory = []
        while time.monotonic() < opened + WINDOW:
            memory.append(here.memory())
            time.sleep(0.5)
        closed = time.monotonic()
        arrivals = gateway.ask("arrivals")
        said = "\n".join(each.output()[-2000:] for each in here.processes)
    check(arrivals, said)
    sent = sum(opened <= at < closed for at, *_ in arrivals)
    return Held(size, sent / (closed - opened), max(memory))


def check(arrivals: list[tuple[float, str, str]], said: str) -> None:
    """Raises AssertionError unless each was a code, none came twice, and some still wait."""
    assert arrivals, f"nothing was sent:\n{said}"
    assert len(arrivals) < WAITING, "all were sent before the window closed: let more wait"
    assert len({to for _at, to, _text in arrivals}) == len(arrivals), "a code came twice"
    bare = [text for _at, _to, text in arrivals if not re.search(r"\b\d{6}\b", text)]
    assert not bare, f"no code in it: {bare[0]!r}"


def best(pool: Pool) -> int:
    """The size with which it sends the most within the limit."""
    if pool.sizes:
        tried = [held(pool, size) for size in pool.sizes]
        fitting = [each for each in tried if each.memory <= LIMIT]
        return max(fitting, key=lambda each: each.rate).size
    few = held(pool, 4)
    some = held(pool, max(6, int(4 * LIMIT / few.memory)))
    of_each = (some.memory - few.memory) / (some.size - few.size)
    return some.size + int((LIMIT - some.memory) // of_each)


def run(runs: int, full: bool) -> Result:
    sizes = {pool.name: best(pool) for pool in POOLS}
    sent = {pool.name: Figure("codes within 512 MB", pool.name, "codes/s") for pool in POOLS}
    took = {pool.name: Figure("memory (PSS)", pool.name, "MB") for pool in POOLS}
    for _ in range(runs):
        for pool in POOLS:
            turn = held(pool, sizes[pool.name])
            while turn.memory > LIMIT:
                sizes[pool.name] -= 1
                turn = held(pool, sizes[pool.name])
            sent[pool.name].runs.append(turn.rate)
            took[pool.name].runs.append(turn.memory)
    ours, *theirs = sent.values()
    ahead = max(theirs, key=lambda figure: figure.median)
    return Result(
        TITLE,
        [*sent.values(), *took.values()],
        [Target(f"codes in 512 MB, Bellhop ÷ {ahead.contender}", ours.over(ahead), 3, unit="×")],
        notes(sizes),
    )


def notes(sizes: dict[str, int]) -> list[str]:
    return [
        f"Bellhop: {sizes['Bellhop']} x `rqworker {' '.join(QUEUES)}`; prefork: "
        f"{sizes['Celery, prefork']} children, as many as fit; threads and gevent: {CORES} "
        f"processes with {sizes['Celery, threads']} and {sizes['Celery, gevent']} each. All but "
        "prefork: the best of three sizes.",
        f"{WAITING:,} codes waited in {place.kinds()[-1]} before the workers started. Counted at "
        f"the provider for {WINDOW:g} s, {WARM:g} s after all workers were ready; memory is the "
        "most seen in that time. Each code was checked: six digits, and nobody got two.",
        "A Celery task loads the row, derives the code, calls the provider over a connection that "
        "stays open and stores the answer. It does not mark the row before the call: when a worker "
        "dies, nobody knows which codes went. Bellhop does.",
    ]
