"""A PostgreSQL of our own for tests: on loopback, with its data in a temporary folder."""

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from local import embedded

MISSING = "PostgreSQL is not installed (Debian, Ubuntu: apt install postgresql)"


def programs() -> Path | None:
    """The folder with initdb and postgres: on the PATH or where Debian hides it, the newest."""
    if path := shutil.which("initdb"):
        return Path(path).resolve().parent
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max(
        (each.parent for each in found), key=lambda each: int(each.parent.name), default=None
    )


def somebody() -> dict[str, Any]:
    """For Popen: PostgreSQL refuses to run as root, so then it runs as somebody who can do less."""
    if os.geteuid():
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise RuntimeError("there is neither a user postgres nor nobody to run PostgreSQL")


def owner() -> str:
    """Who it runs as."""
    return pwd.getpwuid(somebody().get("user", os.geteuid())).pw_name


def start() -> str:
    """Starts one that ends with this process; the URL of its empty database."""
    where = programs()
    assert where, MISSING
    who = somebody()
    folder = Path(tempfile.mkdtemp(prefix="bellhop-pg-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if who:
        os.chown(folder, who["user"], who["group"])
    data, port = folder / "data", embedded.free_port()
    subprocess.run(
        [where / "initdb", "--auth=trust", "--username=bellhop", "--encoding=UTF8", "--locale=C",
         "--no-sync", "-D", data],
        check=True, capture_output=True, cwd=folder, **who,
    )  # fmt: skip
    options = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60",
               "listen_addresses=127.0.0.1", "unix_socket_directories="]  # fmt: skip
    log = folder / "log"
    with log.open("wb") as sink:
        server = subprocess.Popen(
            [where / "postgres", "-D", data, "-p", str(port),
             *(word for option in options for word in ("-c", option))],
            stdout=sink, stderr=sink, cwd=folder, start_new_session=True,
            preexec_fn=embedded.end_with_parent, **who,
        )  # fmt: skip
    atexit.register(stop, server)
    wait_for(f"postgresql://bellhop@127.0.0.1:{port}/postgres", server, log)
    return f"postgres://bellhop@127.0.0.1:{port}/bellhop"


def wait_for(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    """Waits until it answers, then makes the database."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE DATABASE bellhop")
                return
        except psycopg.OperationalError:
            if time.monotonic() > deadline or server.poll() is not None:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.1)


def stop(server: "subprocess.Popen[bytes]") -> None:
    """At once: nobody will read this data again."""
    server.send_signal(signal.SIGQUIT)
    server.wait()
