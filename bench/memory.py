"""The most codes a second that workers within 512 MB send by a provider that takes 300 ms."""

import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from bench import place
from bench.bellhop import QUEUES, SETTINGS
from bench.figures import Figure, Result, Target
from bench.place import Module
from bench.queued import Queued
from tests import postgresql
from tests.processes import READY, ROOT, Process

NAME = "memory"
TITLE = "Codes within 512 MB, a provider that takes 300 ms"
MB = 1024 * 1024
LIMIT = 512.0  # MB
SECONDS = "0.3"  # that the provider takes
WARM, WINDOW = 2.0, 4.0  # seconds
WAITING = 8_000  # codes: more than anybody sends until the window closes
CORES = min(2, os.cpu_count() or 1)
PEER = {"DJANGO_SETTINGS_MODULE": "bench.peers.codes.settings", "PYTHONPATH": str(ROOT)}

Start = Callable[[int, dict[str, str]], list[Process]]  # of a size, in an environment


@dataclass(frozen=True)
class Pool:
    """Workers of one kind. `sizes`: those among which the best is looked for; where there are
    none, as many as fit into the memory."""

    name: str
    start: Start
    queued: Queued
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Held:
    size: int
    rate: float  # codes/s
    memory: float  # MB


# Contenders


def bellhop(size: int, environment: dict[str, str]) -> list[Process]:
    port = environment["SMS_PORT"]
    own = SETTINGS | environment | {"SMS_URLS": f"webhook+http://127.0.0.1:{port}/"}
    return [Process("rqworker", *QUEUES, **own) for _ in range(size)]


def celery(pool: str, processes: int, **settings: str) -> Start:
    def start(size: int, environment: dict[str, str]) -> list[Process]:
        quiet = ("-l", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat")
        words = ("celery", "-A", "bench.peers.codes", "worker", "-P", pool, "-c", str(size))
        return [
            Module(*words, *quiet, "-n", f"{number}@%h", **environment, **PEER, **settings)
            for number in range(processes)
        ]

    return start


def bellhop_waits(environment: dict[str, str]) -> None:
    place.command("manage.py", "migrate", "-v0", **SETTINGS | environment)
    words = ("-m", "bench.processes.waiting", str(WAITING))
    place.command(*words, **SETTINGS | environment)


def celery_waits(environment: dict[str, str]) -> None:
    place.command("-m", "bench.peers.codes.fill", "codes", str(WAITING), **PEER | environment)


def pools() -> list[Pool]:
    ours, theirs = Queued("codes", bellhop_waits), Queued("codes of Celery", celery_waits)
    # Celery closes its connection to the database after each task: the settings that keep it.
    kept, shared = {"DB_REUSE_MAX": "1000000000"}, {"CONNECTIONS": "20"}
    return [
        Pool("Bellhop", bellhop, ours),
        Pool("Celery, prefork", celery("prefork", 1, **kept), theirs),
        Pool("Celery, threads", celery("threads", CORES, **shared), theirs, (64, 128, 256)),
        Pool("Celery, gevent", celery("gevent", CORES, **shared), theirs, (100, 200, 400)),
    ]


# Measuring


def held(pool: Pool, size: int) -> Held:
    """What they sent while the window was open."""
    kind = "PostgreSQL" if postgresql.programs() else "SQLite"
    with place.opened() as here:
        environment, _redis = pool.queued.copied(here, kind)
        gateway = here.asked("bench.processes.gateway", SECONDS)
        environment["SMS_PORT"] = str(gateway.port)
        workers = [here.running(each) for each in pool.start(size, environment)]
        for each in workers:
            each.wait_for(READY["rqworker"] if pool.start is bellhop else "ready", 60)
        time.sleep(WARM)
        opened = time.monotonic()
        memory = []
        while time.monotonic() < opened + WINDOW:
            memory.append(used(workers))
            time.sleep(0.5)
        closed = time.monotonic()
        arrivals = gateway.ask("arrivals")
        said = "\n".join(each.output()[-2000:] for each in workers)
    check(arrivals, said)
    sent = sum(opened <= at < closed for at, *_ in arrivals)
    return Held(size, sent / (closed - opened), max(memory))


def used(workers: list[Process]) -> float:
    """MB of all their processes: what is shared among several counts once (PSS)."""
    total = 0
    for each in workers:
        parent = psutil.Process(each.pid)
        for process in (parent, *parent.children(recursive=True)):
            with suppress(psutil.Error):  # it has ended meanwhile
                total += process.memory_full_info().pss
    return total / MB


def check(arrivals: list[tuple[float, str, str, int]], said: str) -> None:
    """Raises AssertionError unless each was a code, none came twice, and some still wait."""
    assert arrivals, f"nothing was sent:\n{said}"
    assert len(arrivals) < WAITING, "all were sent before the window closed: let more wait"
    assert len({to for _at, to, *_ in arrivals}) == len(arrivals), "a code came twice"
    bare = [text for _at, _to, text, _pk in arrivals if not re.search(r"\b\d{6}\b", text)]
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
    contenders = pools()
    sizes = {pool.name: best(pool) for pool in contenders}
    sent = {pool.name: Figure("codes within 512 MB", pool.name, "codes/s") for pool in contenders}
    took = {pool.name: Figure("memory (PSS)", pool.name, "MB") for pool in contenders}
    for _ in range(runs):
        for pool in contenders:
            turn = held(pool, sizes[pool.name])
            while turn.memory > LIMIT and not pool.sizes:
                sizes[pool.name] -= 1
                turn = held(pool, sizes[pool.name])
            sent[pool.name].runs.append(turn.rate)
            took[pool.name].runs.append(turn.memory)
    ours, *theirs = sent.values()
    ahead = max(theirs, key=lambda figure: figure.median)
    return Result(
        TITLE,
        [*sent.values(), *took.values()],
        [Target(f"codes in 512 MB, Bellhop ÷ {ahead.contender}", ours.over(ahead), 1, unit="×")],
        notes(sizes),
    )


def notes(sizes: dict[str, int]) -> list[str]:
    database = "PostgreSQL" if postgresql.programs() else "SQLite"
    return [
        f"Bellhop: {sizes['Bellhop']} x `rqworker {' '.join(QUEUES)}`; prefork: "
        f"{sizes['Celery, prefork']} children, as many as fit; threads and gevent: {CORES} "
        f"processes with {sizes['Celery, threads']} and {sizes['Celery, gevent']} each, the best "
        "of three sizes.",
        f"{WAITING:,} codes waited in {database} before the workers started. Counted at the "
        f"provider for {WINDOW:g} s, {WARM:g} s after all workers were ready; memory is the most "
        "seen in that time. Each code was checked: six digits, and nobody got two.",
        "A Celery task loads the row, derives the code, calls the provider over a connection that "
        "stays open and stores the answer. It does not mark the row before the call: when a worker "
        "dies, nobody knows which codes went. Bellhop does.",
    ]
