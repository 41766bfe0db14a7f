"""What a benchmark starts on loopback, and ends again.

Each turn of a contender gets a place of its own: a Redis that is empty, a copy of a database that
was filled once, and processes that end with it. None of that is timed.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Hashable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import psutil
import psycopg

from tests import postgresql
from tests.processes import ROOT, OwnRedis, Process

P = TypeVar("P", bound=Process)
Fill = Callable[[str], None]  # of an empty database, given its URL
chosen = "SQLite"  # or "PostgreSQL": where a benchmark does not say
kept = tempfile.TemporaryDirectory(prefix="bellhop-bench-")  # filled databases
filled: dict[tuple[str, Hashable], str] = {}
copies = count(1)


class Module(Process):
    """python -m WORDS."""

    script = Path("-m")


class Asked:
    """A door: a process that is sent to, and that is asked what it took (processes/door.py)."""

    def __init__(self, *command: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.pid = self.popen.pid
        self.port = int(self.read())

    def read(self) -> str:
        assert self.popen.stdout
        line = self.popen.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.popen.args!r} ended with status {self.popen.wait()}")
        return str(line)

    def ask(self, question: str) -> Any:
        assert self.popen.stdin
        self.popen.stdin.write(f"{question}\n")
        self.popen.stdin.flush()
        return json.loads(self.read())

    def close(self) -> None:
        self.popen.kill()
        self.popen.communicate()


class Place:
    def __init__(self, folder: Path, ends: ExitStack) -> None:
        self.folder, self.ends = folder, ends
        self.processes: list[Process] = []

    def redis(self) -> OwnRedis:
        server = OwnRedis(Path(tempfile.mkdtemp(dir=self.folder)))
        self.ends.callback(server.kill)
        return server

    def asked(self, *command: str) -> Asked:
        process = Asked(*command)
        self.ends.callback(process.close)
        return process

    def running(self, process: P, ready: str = "") -> P:
        """`process`, once it has printed `ready`; it is killed when the place closes."""
        self.ends.callback(process.kill)
        self.processes.append(process)
        if ready:
            process.wait_for(ready, 60)
        return process

    def cpu(self) -> float:
        """Seconds of CPU that `running` processes have used, with all that they started."""
        return sum(cpu(process.pid) for process in self.processes)

    def database(self, key: Hashable, fill: Fill, kind: str = "") -> str:
        """The URL of a copy of a database that `fill` has made and filled, given its URL. It is
        called once for each `key`."""
        number = next(copies)
        if (kind or chosen) == "PostgreSQL":
            return copy_on_postgresql(number, key, fill)
        path = self.folder / f"copy{number}.sqlite3"
        shutil.copy(filled_file(key, fill), path)
        return f"sqlite:///{path}"


@contextmanager
def opened() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="bellhop-bench-") as folder, ExitStack() as ends:
        yield Place(Path(folder), ends)


def cpu(pid: int) -> float:
    """Seconds of CPU that a process and its children have used, living and dead."""
    family = psutil.Process(pid)
    total = 0.0
    for each in (family, *family.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            total += sum(each.cpu_times()[:4])  # its own and that of children that have ended
    return total


def command(*words: str, **environment: str) -> str:
    """What `python WORDS` printed; raises with all of it when it fails."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=3600,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def floor(channel: str, port: int, people: int, connections: int) -> float:
    """Runs bench/processes/floor.py; when it began."""
    words = ("-m", "bench.processes.floor", channel, *map(str, (port, people, connections)))
    return float(command(*words))


# Filled databases


def filled_file(key: Hashable, fill: Fill) -> Path:
    if ("file", key) in filled:
        return Path(filled["file", key])
    path = Path(kept.name) / f"{next(copies)}.sqlite3"
    fill(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:  # all that is still in its log
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    filled["file", key] = str(path)
    return path


@cache
def postgresql_server() -> str:
    """The URL of its databases, without their name. It ends with this process."""
    return postgresql.start().rpartition("/")[0]


def filled_on_postgresql(key: Hashable, fill: Fill) -> str:
    if ("postgresql", key) in filled:
        return filled["postgresql", key]
    name = f"filled{next(copies)}"
    on_postgresql(f"CREATE DATABASE {name}")
    fill(f"{postgresql_server()}/{name}")
    filled["postgresql", key] = name
    return name


def copy_on_postgresql(number: int, key: Hashable, fill: Fill) -> str:
    template = filled_on_postgresql(key, fill)
    on_postgresql(f"CREATE DATABASE copy{number} TEMPLATE {template}")
    return f"{postgresql_server()}/copy{number}"


def on_postgresql(statement: str) -> None:
    url = postgresql_server().replace("postgres://", "postgresql://", 1)
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute(statement.encode())
