"""What a test puts between the house and a server, to break what goes through."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from local import embedded
from tests.faults import house
from tests.support.processes import ROOT
from tests.support.world import database_url


class Gate:
    """A process (gate.py); the test itself goes another way."""

    def __init__(self, host: str, port: int) -> None:
        self.port = embedded.free_port()
        self.popen = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("gate.py")), str(self.port),
             host, str(port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, cwd=ROOT,
        )  # fmt: skip
        self.wait()

    def wait(self) -> None:
        assert self.popen.stdout
        assert self.popen.stdout.readline()

    @contextmanager
    def being(self, state: str) -> Iterator[None]:
        """shut, frozen, half or deaf; in the end it is open again."""
        self.turn(state)
        try:
            yield
        finally:
            self.turn("open")

    def turn(self, state: str) -> None:
        assert self.popen.stdin
        self.popen.stdin.write(f"{state}\n")
        self.wait()

    def close(self) -> None:
        self.popen.kill()
        self.popen.wait()


@contextmanager
def before_database(monkeypatch) -> Iterator["Gate | None"]:
    """What a house that is built now has between itself and PostgreSQL. None on SQLite: a file
    cannot be away."""
    if connection.vendor == "sqlite":
        yield None
        return
    facts = connection.settings_dict
    host, port = facts["HOST"] or "127.0.0.1", int(facts["PORT"] or 5432)
    gate = Gate(host, port)
    url = database_url().replace(f":{port}/", f":{gate.port}/")
    monkeypatch.setattr(house, "database_url", lambda: url)
    yield gate
    gate.close()
