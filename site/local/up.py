"""bin/up: everything on this machine.

1. Write .env on the first run. 2. Take the lock, so that there is one of us. 3. Migrate.
4. Start Redis, unless REDIS_URL names one. 5. Run the Procfile until Ctrl-C. 6. Stop Redis, last.
"""

import argparse
import fcntl
import os
import secrets
import signal
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path
from typing import IO, TYPE_CHECKING

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import Error as DatabaseError

from local import embedded
from local.processes import Formation, read_procfile, say

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent.parent
VAR = ROOT / "var"
FIRST_ENV = """\
# Written by bin/up on its first run. Every variable is explained in .env.example.
DEBUG=1
SECRET_KEY={key}
EMAIL_URL=file:var/outbox/emails
SMS_URLS=file:var/outbox
"""


def main() -> int:
    parser = argparse.ArgumentParser("bin/up", description="Runs all of Bellhop on this machine.")
    parser.add_argument(
        "--reset-password", action="store_true", help="make and show a new password for staff"
    )
    parser.add_argument(
        "--demo", action="store_true", help="with 2,000 invented people and what was told them"
    )
    options = parser.parse_args()
    os.environ.pop("PYTHONPATH", None)  # it was for us; the Procfile's lines do without
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    try:
        prepare()
        return up(options.reset_password, options.demo)
    except (CommandError, ImproperlyConfigured, RuntimeError) as problem:
        say(str(problem))
    except DatabaseError as problem:
        say(f"The database does not answer; see DATABASE_URL. It says: {problem}")
    return 1


def prepare() -> None:
    write_first_env(ROOT / ".env")
    VAR.mkdir(exist_ok=True)
    django.setup()
    from django.conf import settings

    if not settings.DEBUG:
        raise CommandError("DEBUG is 0. bin/up is for trying things out here: set DEBUG=1 in .env.")
    call_command("check", stdout=StringIO())  # it has nothing to say when all is well


def write_first_env(path: Path) -> None:
    """What a new checkout needs. An existing file is left alone."""
    with suppress(FileExistsError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(FIRST_ENV.format(key=secrets.token_urlsafe(50)))


def up(reset_password: bool, with_demo: bool) -> int:
    from django.conf import settings

    with (VAR / "up.lock").open("a+") as lock:
        if running := somebody_else(lock):
            if not reset_password:
                raise CommandError(f"Bellhop runs here already: {running}. Ctrl-C there stops it.")
            say(sign_in(reset=True))
            return 0
        say("Preparing the database ...")
        call_command("migrate", interactive=False, verbosity=0)
        port = embedded.free_port(settings.PORT)
        if port != settings.PORT:
            say(f"Port {settings.PORT} is taken; this one is free: {port}.")
        address = f"http://127.0.0.1:{port}"
        lock.write(f"{address}/ (process {os.getpid()})")
        lock.flush()
        commands = read_procfile(ROOT / "Procfile", {"release": 0, "worker": 2})
        formation = Formation(commands, environment(port), ROOT)
        with redis():
            account = sign_in(reset_password)
            if with_demo:
                add_demo()
            status = formation.run(f"{address}/healthz", lambda: say(banner(address, account)))
    say("Stopped. What was queued goes on at the next bin/up.")
    return status


def somebody_else(lock: IO[str]) -> str:
    """Takes the lock; or where the one runs who holds it. The kernel lets go of a dead one's."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        return lock.read() or "it is just starting"
    lock.truncate(0)
    return ""


@contextmanager
def redis() -> "Iterator[None]":
    """Redis for as long as the block runs. Its address is in var/redis.url, where settings.py
    looks, so that `manage.py rqworker` in another terminal finds it too."""
    from django.conf import settings

    if settings.REDIS_GIVEN:
        from queueing.management.require import require_redis

        require_redis()
        yield
        return
    note, folder = VAR / "redis.url", VAR / "redis"
    if note.exists():
        embedded.stop_orphan(note.read_text().strip(), folder)
    port = embedded.free_port(6379)
    process = embedded.start_with_data(folder, port)
    draft = note.with_suffix(".part")  # nobody reads half an address
    draft.write_text(f"redis://127.0.0.1:{port}/0\n")
    draft.rename(note)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        note.unlink(missing_ok=True)
        embedded.stop(process)


def environment(port: int) -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{port}",  # nobody else on the network
    }


def sign_in(reset: bool) -> str:
    """How to sign in as staff. Makes the account on the first run; only then, or when asked to,
    is there a password to show."""
    from django.contrib.auth import get_user_model
    from django.contrib.auth.hashers import make_password
    from django.db import connections

    users = get_user_model()._default_manager
    try:
        if users.filter(username="staff").exists() and not reset:
            return "staff (bin/up --reset-password makes a new password)"
        letters = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another
        password = "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))
        users.update_or_create(
            username="staff",
            defaults={"password": make_password(password), "is_staff": True,
                      "is_superuser": True, "is_active": True},
            create_defaults={"password": make_password(password), "is_staff": True,
                             "is_superuser": True, "email": "staff@example.com"},
        )  # fmt: skip
        return f"staff, password {password} (shown only now)"
    finally:
        connections.close_all()


def add_demo() -> None:
    from django.db import connections

    from local import demo

    try:
        say("Making 2,000 people ..." if demo.make() else "The demo is there already.")
    finally:
        connections.close_all()


def banner(address: str, sign_in_as: str) -> str:
    return f"""
  Bellhop is ready:  {address}/

  Sign in as         {sign_in_as}
  Notices            {address}/notices/
  SMS and emails     {address}/outbox/
  Workers, queues    {address}/health/
  Stop               Ctrl-C
"""
