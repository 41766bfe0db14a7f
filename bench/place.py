"""What a benchmark starts on loopback, and ends again.

Each turn of a contender gets a place of its own: copies of a database and a Redis that were filled
once, and processes that end with it. None of that is timed.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Hashable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import psutil

from bench import filled
from tests.support import postgresql
from tests.support.processes import ROOT, OwnRedis, Process

P = TypeVar("P", bound=Process)
chosen = "SQLite"  # or "PostgreSQL": where a benchmark does not say


class Module(Process):
    """python -m WORDS."""

    script = Path("-m")


def kinds() -> list[str]:
    """The databases that are here, for what is measured on each."""
    return ["SQLite"] + ["PostgreSQL"] * bool(postgresql.programs())


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

    def copies(self, key: Hashable, fill: filled.Fill, kind: str = "") -> dict[str, str]:
        """The environment that names copies of a database and a Redis that `fill` has filled. It
        is called once for each `key`."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        url = filled.copied(kind or chosen, key, fill, folder)
        redis = OwnRedis(folder)
        self.ends.callback(redis.kill)
        return {"DATABASE_URL": url, "REDIS_URL": redis.url}

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

    def memory(self) -> float:
        """MB of `running` processes with all that they started: what several share counts once
        (PSS)."""
        return sum(memory(process.pid) for process in self.processes)

    def cpu(self) -> float:
        """Seconds of CPU that `running` processes have used, with all that they started."""
        return sum(cpu(process.pid) for process in self.processes)


@contextmanager
def opened() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="bellhop-bench-") as folder, ExitStack() as ends:
        yield Place(Path(folder), ends)


def memory(pid: int) -> float:
    total = 0
    with suppress(psutil.Error):  # it has ended meanwhile
        parent = psutil.Process(pid)
        for each in (parent, *parent.children(recursive=True)):
            total += each.memory_full_info().pss
    return total / 1024**2


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
