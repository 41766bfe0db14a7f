"""manage.py backup and restore, by real processes: what comes back, what is refused."""

import os
import subprocess
import sys

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from config import copies
from notices.delivery import expand
from tests.support.processes import ROOT
from tests.support.world import database_url, sent_now

pytestmark = pytest.mark.django_db(transaction=True)
RESTORED = "restored_copy"


@pytest.fixture
def elsewhere(tmp_path):
    """The address of an empty database beside the one of the tests."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path / 'elsewhere.sqlite3'}"
        return
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {RESTORED}")
    yield database_url().rpartition("/")[0] + f"/{RESTORED}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {RESTORED} WITH (FORCE)")


@pytest.fixture
def run(elsewhere):
    def run(*words, status=0, **changes):
        """What it prints, both streams."""
        env = os.environ | {"DATABASE_URL": elsewhere} | changes
        done = subprocess.run(
            [sys.executable, ROOT / "manage.py", *map(str, words)],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert done.returncode == status, done.stdout
        return done.stdout

    return run


@pytest.fixture
def half_sent(django_user_model):
    """A notice of which nothing has gone."""
    django_user_model.objects.create(username="guest", email="guest@example.com")
    new = sent_now()
    expand.start(new.pk)
    return new


def opened(url):
    """Somebody else's connection."""
    if url.startswith("sqlite"):
        import sqlite3

        other = sqlite3.connect(url.removeprefix("sqlite:///"))
        other.execute("SELECT count(*) FROM notices_notice").fetchall()
        return other
    return psycopg.connect(url)


def test_a_copy_comes_back_held(run, elsewhere, half_sent, tmp_path):
    file = tmp_path / "copies" / "copy"
    call_command("backup", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    assert os.listdir(file.parent) == ["copy"]

    told = run("restore", file)
    assert "1 held." in told
    assert f"{half_sent.pk:<12}Lift out of order: sending, 1 queued" in told
    assert "--settle NAME  call it done" in told

    assert "tables. --replace throws them away" in run("restore", file, status=1)
    other = opened(elsewhere)
    assert "The database is in use." in run("restore", file, "--replace", status=1)
    other.close()
    run("restored", "--go", "all")
    add = "from signup.models import User; User.objects.create(username='later')"
    run("shell", "-v0", "-c", add)
    assert "1 held." in run("restore", file, "--replace")  # as it was in the copy, and held anew
    look = "from signup.models import User; print(*User.objects.values_list('username'))"
    assert run("shell", "-v0", "-c", look).strip() == "('guest',)"


def test_what_is_no_copy_changes_nothing(run, half_sent, tmp_path):
    whole, bad = tmp_path / "copy", tmp_path / "bad"
    call_command("backup", str(whole))
    start = copies.KINDS[connection.vendor]
    other = copies.KINDS[{"sqlite": "postgresql", "postgresql": "sqlite"}[connection.vendor]]
    for content, sentence in (
        (None, "cannot be read: No such file"),
        (b"username,email\n", "is no copy that bin/backup made."),
        (other, "and DATABASE_URL names"),
        (start, "Nothing was changed."),
        (whole.read_bytes()[: whole.stat().st_size // 2], "Nothing was changed."),
    ):
        if content is not None:
            bad.write_bytes(content)
        with pytest.raises(CommandError) as problem:
            call_command("restore", str(bad), "--replace")
        assert sentence in str(problem.value)
    assert type(half_sent).objects.filter(pk=half_sent.pk, in_question_since=None)


def test_a_copy_of_a_newer_version_is_refused(half_sent, tmp_path):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied)"
            " VALUES ('notices', '9999_later', '2026-11-26')"
        )
        call_command("backup", str(tmp_path / "copy"))
        cursor.execute("DELETE FROM django_migrations WHERE name = '9999_later'")
    with pytest.raises(CommandError, match="it has notices 9999_later"):
        call_command("restore", str(tmp_path / "copy"), "--replace")


def test_nothing_is_overwritten_by_a_copy(half_sent, tmp_path):
    (tmp_path / "copy").write_text("mine")
    with pytest.raises(CommandError, match="is there already"):
        call_command("backup", str(tmp_path / "copy"))
    with pytest.raises(CommandError, match="cannot be written: File exists"):
        call_command("backup", str(tmp_path / "copy" / "below"))
    assert (tmp_path / "copy").read_text() == "mine"
