"""A checkout of its own for tests of what a person starts: bin/up, and the Procfile's lines."""

import os
import shutil
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path

from local.processes import read_procfile
from tests.support.processes import ROOT

LEFT_OUT = (".git", ".venv", ".env", "var", "staticfiles", "*cache*", "__pycache__", ".hypothesis")


def copy(folder: Path) -> Path:
    """`folder`, now a checkout with a .venv that bin/up takes for installed: it borrows the
    packages of the one that runs the tests."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*LEFT_OUT), dirs_exist_ok=True)
    venv = folder / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(venv)}))
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    gunicorn = venv / "bin" / "gunicorn"
    gunicorn.write_text('#!/bin/sh\nexec "${0%/*}/python" -m gunicorn "$@"\n')
    gunicorn.chmod(0o755)
    stamp = '. bin/setup.sh; stamp_of local "$(find_python)" > .venv/local.stamp'
    subprocess.run(["/bin/sh", "-c", stamp], cwd=folder, check=True)
    return folder


def environment(**variables: str) -> dict[str, str]:
    """Nothing but what is named: none of the test run's own settings."""
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables}


class Run:
    """A command in a session of its own; `output()` is all that it has printed."""

    def __init__(self, folder: Path, command: list[str], env: dict[str, str], cwd: str = "/"):
        self.log = folder.with_name(f"{folder.name}-{time.monotonic_ns()}.log")
        with self.log.open("wb") as sink:
            self.popen = subprocess.Popen(
                command, cwd=cwd, env=env, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, text: str, seconds: float = 40) -> str:
        deadline = time.monotonic() + seconds
        while text not in self.output():
            ended = self.popen.poll() is not None
            assert not ended, f"ended before {text!r}:\n{self.output()}"
            assert time.monotonic() < deadline, f"no {text!r} in {seconds} s:\n{self.output()}"
            time.sleep(0.05)
        return self.output()

    def signal(self, number: int) -> None:
        os.killpg(self.popen.pid, number)

    def wait(self, seconds: float = 20) -> int:
        """Its exit status; fails when it takes longer."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still there after {seconds} s:\n{self.output()}") from None

    def end(self) -> None:
        """Whatever is left of it; what it started dies with it or by itself."""
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()


def dyno(folder: Path, line: str, env: dict[str, str]) -> Run:
    """One line of the Procfile, started as a dyno starts it."""
    command = read_procfile(folder / "Procfile", {})[line]
    if "&&" not in command:
        command = f"exec {command}"  # or its exit status would be the shell's
    path = f"{folder / '.venv' / 'bin'}:{env['PATH']}"
    return Run(
        folder,
        ["/bin/sh", "-c", command],
        {**env, "PATH": path, "PYTHONUNBUFFERED": "1"},
        str(folder),
    )


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None:
        return None


def get(url: str, **headers: str) -> tuple[int, Message, str]:
    """Status, headers and text; redirects are not followed."""
    request = urllib.request.Request(
        url, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )
    try:
        with urllib.request.build_opener(Stay).open(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read().decode(errors="replace")
