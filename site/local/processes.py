"""The Procfile's processes side by side in one terminal, as a platform would run them."""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import cycle
from pathlib import Path

from local.embedded import end_with_parent

STOP_SECONDS = 25  # a worker lets the job in hand finish, for up to 20 s
COLOURS = cycle(["36", "33", "32", "35"])

output = threading.Lock()


def say(text: str) -> None:
    """Writes whole lines, even beside those of other threads. A closed terminal stops nothing."""
    data = text.encode() + b"\n"
    with output, suppress(OSError):
        while data:
            data = data[os.write(1, data) :]


def read_procfile(path: Path, copies: Mapping[str, int]) -> dict[str, str]:
    """name → command of every line; `copies` of 2 give `worker.1` and `worker.2`, of 0 nothing."""
    commands = {}
    for line in path.read_text().splitlines():
        name, _, command = line.partition(":")
        count = copies.get(name, 1)
        for number in range(1, count + 1):
            commands[name if count == 1 else f"{name}.{number}"] = command.strip()
    return commands


class Process:
    """One command in a session of its own, so that Ctrl-C reaches only us and we decide the order.
    Its lines come out under its name."""

    def __init__(self, name: str, command: str, environment: Mapping[str, str], folder: Path):
        self.name = name
        self.popen = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"], cwd=folder, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True, preexec_fn=end_with_parent,
        )  # fmt: skip

    def copy_output(self, width: int) -> threading.Thread:
        prefix = f"{self.name:<{width}} | "
        if sys.stdout.isatty():
            prefix = f"\033[{next(COLOURS)}m{prefix}\033[0m"

        def copy() -> None:
            assert self.popen.stdout
            for line in self.popen.stdout:
                say(prefix + line.decode(errors="replace").rstrip())

        thread = threading.Thread(target=copy, daemon=True)
        thread.start()
        return thread

    def send(self, number: signal.Signals) -> None:
        if self.popen.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.popen.pid, number)


class Formation:
    """All of them: `run` starts them and returns when all have ended. From its making on, Ctrl-C,
    SIGTERM and SIGHUP only ask it to stop."""

    def __init__(self, commands: Mapping[str, str], environment: Mapping[str, str], folder: Path):
        self.commands = commands
        self.environment = environment
        self.folder = folder
        self.processes: list[Process] = []
        self.asked = 0  # times somebody asked us to stop; a handler may do no more than count
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.ask)

    def run(self, address: str, ready: Callable[[], None]) -> int:
        """Calls `ready` once when the web process answers at `address`. Returns 0 when it was
        asked to stop, 1 when one process ended by itself."""
        for name, command in self.commands.items():  # all of them before the first thread
            self.processes.append(Process(name, command, self.environment, self.folder))
        width = max(map(len, self.commands))
        threads = [process.copy_output(width) for process in self.processes]
        try:
            ended = self.watch(address, ready)
        finally:
            self.stop()
            for thread in threads:
                thread.join(1)
        return 1 if ended else 0

    def ask(self, *args: object) -> None:
        self.asked += 1

    def watch(self, address: str, ready: Callable[[], None]) -> Process | None:
        """Waits for the end; the process that ended by itself, if it was one."""
        waiting = True
        while not self.asked:
            for process in self.processes:
                status = process.popen.poll()
                if status is not None:
                    say(f"{process.name} ended by itself ({describe(status)}); stopping the rest.")
                    return process
            if waiting and answers(address):
                waiting = False
                ready()
            time.sleep(0.1)
        return None

    def stop(self) -> None:
        say("Stopping; a worker finishes what it has in hand.")
        for process in self.processes:
            process.send(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        told = self.asked
        while time.monotonic() < deadline and (names := self.running()):
            if self.asked > told:
                told = self.asked
                say(f"Still waiting for {names}.")
            time.sleep(0.05)
        for process in self.processes:
            process.send(signal.SIGKILL)
            process.popen.wait()

    def running(self) -> str:
        return ", ".join(each.name for each in self.processes if each.popen.poll() is None)


def describe(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def answers(address: str) -> bool:
    """Whether a web process answers there, whatever it says."""
    try:
        with urllib.request.urlopen(address, timeout=1):  # noqa: S310  our own address
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
