"""Databases, and the Redis that belongs to each, filled once and copied for each turn."""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Hashable
from functools import cache
from itertools import count
from pathlib import Path

import psycopg

from tests.support import postgresql
from tests.support.processes import OwnRedis

Fill = Callable[[dict[str, str]], object]  # given DATABASE_URL and REDIS_URL of empty ones
kept = tempfile.TemporaryDirectory(prefix="bellhop-bench-")
filled: dict[tuple[str, Hashable], tuple[str, Path]] = {}  # kind, key -> database, dump of Redis
numbers = count(1)


def copied(kind: str, key: Hashable, fill: Fill, folder: Path) -> str:
    """The URL of a copy of the database that `fill` has filled; the Redis's dump is in `folder`
    then. `fill` is called once for each `key` and `kind` (SQLite or PostgreSQL)."""
    if (kind, key) not in filled:
        filled[kind, key] = made(kind, fill)
    database, dump = filled[kind, key]
    shutil.copy(dump, folder)
    if kind == "PostgreSQL":
        return created(f"copy{next(numbers)}", database)
    return f"sqlite:///{shutil.copy(database, folder)}"


def made(kind: str, fill: Fill) -> tuple[str, Path]:
    folder = Path(tempfile.mkdtemp(dir=kept.name))
    file, name = folder / "database.sqlite3", f"filled{next(numbers)}"
    url = created(name) if kind == "PostgreSQL" else f"sqlite:///{file}"
    redis = OwnRedis(folder)
    try:
        fill({"DATABASE_URL": url, "REDIS_URL": redis.url})
        redis.client().save()
    finally:
        redis.kill()
    if kind == "PostgreSQL":
        return name, folder / "dump.rdb"
    connection = sqlite3.connect(file)  # all that is still in its log
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return str(file), folder / "dump.rdb"


@cache
def server() -> str:
    """The URL of PostgreSQL's databases, without their name. It ends with this process."""
    return postgresql.start().rpartition("/")[0]


def created(name: str, template: str = "template1") -> str:
    """The URL of a new database on PostgreSQL."""
    maintenance = server().replace("postgres://", "postgresql://", 1)
    with psycopg.connect(f"{maintenance}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    return f"{server()}/{name}"
