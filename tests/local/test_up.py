"""bin/up, as a person at a terminal meets it."""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from local.embedded import free_port
from tests.support import checkout
from tests.support.checkout import Run, get

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkout, in a place with a space in its name."""
    return checkout.copy(tmp_path_factory.mktemp("front door") / "bell hop")


@pytest.fixture
def up(folder):
    """Starts bin/up from another directory; what is left of it ends with the test."""
    runs: list[Run] = []

    def start(*arguments: str, **variables: str) -> Run:
        variables.setdefault("PORT", str(free_port()))
        command = [str(folder / "bin" / "up"), *arguments]
        runs.append(Run(folder, command, checkout.environment(**variables)))
        return runs[-1]

    yield start
    for run in runs:
        run.end()


def address(run: Run) -> str:
    found = re.search(r"ready:\s+(http://\S+)/", run.wait_for("Ctrl-C"))
    assert found
    return found[1]


def left_over(folder: Path) -> list[str]:
    """Processes that run in the checkout."""
    found = []
    for process in psutil.process_iter(["cwd", "cmdline"]):
        if str(process.info["cwd"]).startswith(str(folder)):
            found.append(" ".join(process.info["cmdline"] or []))
    return found


def nothing_is_left(folder: Path) -> bool:
    deadline = time.monotonic() + 10
    while left_over(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not left_over(folder)


def test_first_run_answers_and_ctrl_c_ends_everything(up, folder):
    run = up()
    base = address(run)
    assert re.search(r"staff, password [a-z2-9-]{19} ", run.output())
    assert (folder / ".env").stat().st_mode & 0o777 == 0o600
    assert get(f"{base}/outbox/")[0] == 200
    for name in ("web", "worker.1", "worker.2", "scheduler"):
        assert re.search(rf"^{re.escape(name)} +\| ", run.output(), re.MULTILINE), name
    redis_url = (folder / "var" / "redis.url").read_text()
    assert redis_url.startswith("redis://127.0.0.1:")

    asked = time.monotonic()
    run.signal(signal.SIGINT)
    time.sleep(0.2)
    run.signal(signal.SIGINT)
    assert run.wait(15) == 0
    assert time.monotonic() - asked < 10
    assert "Traceback" not in run.output()
    assert run.output().rstrip().endswith("Stopped. What was queued goes on at the next bin/up.")
    assert not (folder / "var" / "redis.url").exists()
    assert nothing_is_left(folder), left_over(folder)


def test_next_run_has_the_data_still(up, folder):
    first = up("--reset-password")
    address(first)
    secret = (folder / ".env").read_text()
    first.signal(signal.SIGTERM)
    assert first.wait() == 0
    second = up()
    address(second)
    assert "staff (bin/up --reset-password makes a new password)" in second.output()
    assert (folder / ".env").read_text() == secret
    second.signal(signal.SIGINT)
    assert second.wait() == 0


def test_second_one_beside_it_says_where_the_first_is(up, folder):
    first = up()
    base = address(first)
    second = up()
    assert second.wait() == 1
    assert second.output().startswith(f"Bellhop runs here already: {base}/")
    reset = up("--reset-password")
    assert reset.wait() == 0
    assert reset.output().startswith("staff, password ")
    assert get(f"{base}/outbox/")[0] == 200


def test_taken_port_means_another_one(up):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = up(PORT=str(port))
        base = address(run)
    assert f"Port {port} is taken" in run.output()
    assert not base.endswith(f":{port}")
    assert get(f"{base}/outbox/")[0] == 200


def test_killed_run_does_not_stand_in_the_way(up, folder):
    killed = up()
    address(killed)
    os.kill(killed.popen.pid, signal.SIGKILL)
    again = up()
    assert get(f"{address(again)}/outbox/")[0] == 200
    again.signal(signal.SIGINT)
    assert again.wait() == 0
    assert nothing_is_left(folder), left_over(folder)


def test_process_that_dies_is_named_and_the_rest_stops(up, folder):
    run = up()
    address(run)
    scheduler = next(
        process for process in psutil.process_iter(["cwd", "cmdline"])
        if process.info["cwd"] == str(folder) and "rqscheduler" in process.info["cmdline"]
    )  # fmt: skip
    scheduler.kill()
    assert run.wait() == 1
    assert "scheduler ended by itself (signal 9); stopping the rest." in run.output()


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL: "),
        ({"DATABASE_URL": "postgres://a@127.0.0.1:1/a"}, "The database does not answer"),
        ({"REDIS_URL": "redis://127.0.0.1:1/0"}, "No Redis answers at"),
        ({"PORT": "eight"}, "PORT: 'eight' is not a whole number."),
        ({"DEBUG": "0"}, "DEBUG is 0."),
    ],
)
def test_what_keeps_it_from_starting_is_said_in_a_sentence(up, variables, sentence):
    run = up(**variables)
    assert run.wait() == 1
    assert sentence in run.output()
    assert "Traceback" not in run.output()


def test_machine_without_python_is_told_what_to_install(folder, tmp_path):
    for name in ("dirname", "cat", "cksum", "env"):
        found = subprocess.run(["which", name], capture_output=True, text=True, check=True)
        (tmp_path / name).symlink_to(found.stdout.strip())
    for script in ("up", "test"):
        done = subprocess.run(
            ["/bin/sh", folder / "bin" / script],
            env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr.startswith("Bellhop needs Python 3.11 or newer")
        assert done.stderr.count("\n") == 1
