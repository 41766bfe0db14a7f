"""Copies of the whole database, made while everything runs, and brought back in one transaction.

SQLite by its own online backup, never as a file that somebody writes; PostgreSQL by its own
programs pg_dump, pg_restore and psql, in the custom format.
"""

import os
import sqlite3
import subprocess
from contextlib import closing, suppress
from pathlib import Path

from django.db import connection
from django.db.backends.postgresql.client import DatabaseClient

SQLITE, POSTGRESQL = b"SQLite format 3\0", b"PGDMP"
KINDS = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
ENDINGS = {"sqlite": "sqlite3", "postgresql": "dump"}
# What a newer version made would stay beside what is in the copy, so all of ours goes first; what
# an extension brought stays.
DROP_ALL = """
DO $$ DECLARE which text; BEGIN
    FOR which IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
        EXECUTE format('DROP TABLE IF EXISTS %I CASCADE', which);
    END LOOP;
    FOR which IN SELECT p.oid::regprocedure FROM pg_proc p
        WHERE pronamespace = current_schema()::regnamespace AND NOT EXISTS
            (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP
        EXECUTE 'DROP FUNCTION ' || which;
    END LOOP;
END $$
"""


class CopyError(Exception):
    """Says to a person what is wrong; nothing was changed."""


def make(file: Path) -> None:
    """A copy of the database as it is at one moment, which nobody else may read. It is at its place
    when it is whole."""
    if file.exists():
        raise CopyError(f"{file} is there already. Choose another name; nothing is overwritten.")
    part = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        if connection.vendor == "sqlite":
            copy_sqlite(connection.settings_dict["NAME"], part)
            with closing(sqlite3.connect(part)) as copy:  # one file, with none beside it
                copy.execute("PRAGMA journal_mode=DELETE")
        else:
            words = ("--no-owner", "--no-privileges", "--no-comments")
            run("pg_dump", "--format=custom", *words, f"--file={part}")
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.rename(file)
    except OSError as problem:
        raise CopyError(f"{file} cannot be written: {problem.strerror}.") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def migrations(file: Path) -> set[tuple[str, str]]:
    """Those that the copy has, after a look at whether it can be read to its end."""
    try:
        with file.open("rb") as opened:
            start = opened.read(len(SQLITE))
    except OSError as problem:
        raise CopyError(f"{file} cannot be read: {problem.strerror}.") from None
    kind = next((name for name, mark in KINDS.items() if start.startswith(mark)), None)
    if kind is None:
        raise CopyError(f"{file} is no copy that bin/backup made.")
    if kind != connection.vendor:
        ours = NAMES[connection.vendor]
        raise CopyError(f"{file} is a copy of {NAMES[kind]}, and DATABASE_URL names {ours}.")
    return migrations_in_sqlite(file) if kind == "sqlite" else migrations_in_dump(file)


def migrations_in_sqlite(file: Path) -> set[tuple[str, str]]:
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as copy:
            [(verdict,), *_] = copy.execute("PRAGMA quick_check(1)").fetchall()
            if verdict != "ok":
                raise CopyError(f"{file} is damaged: {verdict}.")
            return set(copy.execute("SELECT app, name FROM django_migrations"))
    except sqlite3.Error as problem:
        raise CopyError(f"{file} is no copy that bin/backup made: {problem}.") from None


def migrations_in_dump(file: Path) -> set[tuple[str, str]]:
    """The whole copy is read for it, so that one which is cut off is found."""
    run("pg_restore", "--file=/dev/null", str(file), connected=False)
    words = ("--data-only", "--table=django_migrations", "--file=-", str(file))
    lines = run("pg_restore", *words, connected=False).splitlines()
    rows = [line.split("\t") for line in lines if line.count("\t") == 3]
    if not rows:
        raise CopyError(f"{file} is no copy of Bellhop's database.")
    return {(row[1], row[2]) for row in rows}


def bring_back(file: Path) -> None:
    """The database is as the copy has it, or as it was before."""
    connection.close()
    if connection.vendor == "sqlite":
        copy_sqlite(file, Path(connection.settings_dict["NAME"]))
        return
    script = file.with_name(f".{file.name}.sql")
    try:
        os.close(os.open(script, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
        words = ("--no-owner", "--no-privileges", f"--file={script}", str(file))
        run("pg_restore", *words, connected=False)
        run(
            "psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1",
            f"--command={DROP_ALL}", f"--file={script}",
        )  # fmt: skip
    except OSError as problem:
        raise CopyError(f"{script} cannot be written: {problem.strerror}.") from None
    finally:
        script.unlink(missing_ok=True)


def in_use() -> bool:
    """Whether another process has the database open now."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            return bool(cursor.fetchone()[0])
    connection.close()
    with closing(sqlite3.connect(connection.settings_dict["NAME"], timeout=0)) as ours:
        try:
            # Only who is alone may do this.
            ours.execute("PRAGMA journal_mode=DELETE")
            ours.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            return True
    return False


def copy_sqlite(source: object, target: Path) -> None:
    try:
        with (
            closing(sqlite3.connect(str(source), timeout=20)) as ours,
            closing(sqlite3.connect(target, timeout=20)) as theirs,
        ):
            ours.backup(theirs)
    except sqlite3.Error as problem:
        raise CopyError(f"SQLite says: {problem}.") from None


def run(program: str, *words: str, connected: bool = True) -> str:
    """What it prints. The password goes by the environment, where no list of processes shows it."""
    environment = dict(os.environ)
    arguments = [program, *words]
    if connected:
        (_psql, *where), given = DatabaseClient.settings_to_cmd_args_env(
            connection.settings_dict, []
        )
        environment |= given or {}
        arguments += [*where[:-1], f"--dbname={where[-1]}"]
    try:
        done = subprocess.run(arguments, env=environment, capture_output=True, check=False)
    except FileNotFoundError:
        sentence = f"{program} is not installed (Debian, Ubuntu: apt install postgresql-client)."
        raise CopyError(sentence) from None
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip().splitlines()
        raise CopyError(f"{told[0] if told else program + ' failed'}")
    return done.stdout.decode(errors="replace")
