"""Real processes for tests in which the process matters: workers, pools, schedulers, a Redis.

Each runs in a session of its own, so that ending it ends its children and nobody else.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from redis import Redis

from local import embedded

ROOT = Path(__file__).resolve().parent.parent.parent
READY = {
    "rqworker": "Listening on",
    "rqworker-pool": "Listening on",
    "rqscheduler": "Scheduler started",
}


def eventually(check: Callable[[], Any], seconds: float = 10) -> Any:
    """What `check` returns once that is true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := check():
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {check.__name__}")


class Process:
    """A manage.py command; `output()` is all that it has printed, both streams in order."""

    script = ROOT / "manage.py"

    def __init__(self, *command: str, **environment: str) -> None:
        self.sink = tempfile.NamedTemporaryFile(prefix="bellhop-process-", suffix=".log")  # noqa: SIM115
        self.started = time.monotonic()
        self.popen = subprocess.Popen(
            [sys.executable, str(self.script), *command],
            cwd=ROOT, stdout=self.sink, stderr=self.sink, start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        )  # fmt: skip
        self.pid = self.popen.pid

    def output(self) -> str:
        return Path(self.sink.name).read_text(errors="replace")

    def wait_for(self, text: str, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.output():
            if self.popen.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{text!r} was never printed:\n{self.output()}")
            time.sleep(0.05)

    def signal(self, sig: int = signal.SIGTERM) -> None:
        self.popen.send_signal(sig)

    def wait(self, seconds: float = 20) -> int:
        """Its exit status; fails when it still runs after `seconds`."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds} s:\n{self.output()}") from None

    def stop(self, seconds: float = 20) -> int:
        self.signal()
        return self.wait(seconds)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.popen.wait()

    def end(self) -> None:
        """Whatever is left, too: a work-horse has a group of its own and goes on with its job."""
        self.kill()
        for each in psutil.process_iter():
            with suppress(OSError, psutil.NoSuchProcess):
                if os.getsid(each.pid) == self.pid:
                    each.kill()
                    each.wait(10)


@contextmanager
def running(*command: str, **environment: str) -> Iterator[Process]:
    """A worker, pool or scheduler that is ready; whatever is left of it ends with the block."""
    process = Process(*command, **environment)
    try:
        process.wait_for(READY[command[0]])
        yield process
    finally:
        process.end()


class OwnRedis:
    """A Redis that a test may kill and start again on the same port, with nothing kept."""

    def __init__(self, folder: Path) -> None:
        # None of those that Linux gives to whoever connects: it must be free after a kill, too.
        self.folder, self.port = folder, embedded.free_port(random.randrange(20_000, 32_000))
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        self.popen = embedded.start(self.folder, self.port, "--appendonly", "no")

    def client(self) -> Redis:
        return Redis(port=self.port)

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()
