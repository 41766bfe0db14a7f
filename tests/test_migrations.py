"""The database of whoever runs the version before the migrations were made into one: its dump, with
rows in it, goes on from where it is. (tests/support/dumps: made with `migrate` and a script by the
old version, then `sqlite3 .dump` and `pg_dump --inserts`.)
"""

import json
import os
import sqlite3
import subprocess
import sys
from importlib import import_module

import psycopg
import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

from notices.models import Delivery, Notice, Suppression
from signup.models import User
from tests.support.processes import ROOT
from tests.support.world import database_url

DUMPS = ROOT / "tests" / "support" / "dumps"
LOOK = """
import json
from notices.models import *
from django.contrib.auth.models import Group
from signup.models import User
code, mail, doubt = Delivery.objects.order_by("pk")
reception = User.objects.get(is_staff=True)
cursor, notice = StreamCursor.objects.get(), Notice.objects.get()
print(json.dumps({
    "attempts": [[one.delivery_id == code.pk, one.reason] for one in FailedAttempt.objects.all()],
    "cursor": [cursor.position == mail.pk, cursor.provider, cursor.notice_id == notice.pk],
    "active_at": notice.active_at.isoformat(),
    "provider's id": code.provider_ref,
    "doubt": [doubt.state, doubt.doubt_until.isoformat()],
    "occurrence": Occurrence.objects.get().notice_id == notice.pk,
    "staff": sorted(reception.get_all_permissions()) if not reception.is_superuser else None,
    "roles": {each.name: each.permissions.count() for each in Group.objects.order_by("name")},
    "kept": [Suppression.objects.get().kind, Receipt.objects.get().ref, User.objects.get().email],
}))
"""
ROLES = {
    "Address viewer": 1, "Administrator": 15, "Approver": 1, "Auditor": 3, "People manager": 4,
    "Sender": 5, "Writer": 1,
}  # fmt: skip
AT = "2026-11-24T08:00:00+00:00"


def manage(url, *words):
    variables = os.environ | {"DATABASE_URL": url}
    return subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=variables, capture_output=True,
        text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def old(tmp_path, db):
    """The URL of a database with the old dump in it; of the kind that the tests run on."""
    if connection.vendor == "sqlite":
        with sqlite3.connect(tmp_path / "old.sqlite3") as file:
            file.executescript((DUMPS / "sqlite.sql").read_text())
        file.close()
        yield f"sqlite:///{tmp_path}/old.sqlite3"
        return
    url = database_url()
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("CREATE DATABASE bellhop_old")
        there = f"{url.rpartition('/')[0]}/bellhop_old"
        with psycopg.connect(there) as database:
            database.execute((DUMPS / "postgresql.sql").read_text())
        yield there
        server.execute("DROP DATABASE bellhop_old WITH (FORCE)")


def test_rows_are_all_there_after_the_migration(old):
    done = manage(old, "migrate")
    assert done.returncode == 0, done.stderr
    assert "Applying notices.0002_names... OK" in done.stdout
    looked = manage(old, "shell", "-v0", "-c", LOOK)
    assert looked.returncode == 0, looked.stderr
    # Who was staff can do all that they could.
    assert json.loads(looked.stdout) == {
        "attempts": [[True, "The provider is busy (503)."]],
        "cursor": [True, "smtp", True],
        "active_at": AT,
        "provider's id": "SM1",
        "doubt": ["uncertain", AT],
        "occurrence": True,
        "staff": [
            "notices.export_deliveries",
            "notices.lift_suppressions",
            "notices.manage_schedules",
            "notices.see_addresses",
            "notices.see_people",
            "notices.send_notice",
            "notices.send_to_everyone",
        ],
        "roles": ROLES | {"Staff": 7},
        "kept": ["stop", "SM1", "reception@example.com"],
    }
    assert "No migrations to apply" in manage(old, "migrate").stdout


@pytest.mark.once
def test_a_new_database_has_the_roles(tmp_path):
    url = f"sqlite:///{tmp_path}/new.sqlite3"
    done = manage(url, "migrate")
    assert done.returncode == 0, done.stderr
    look = LOOK.split("code, mail")[0] + (
        "print(json.dumps({each.name: each.permissions.count() for each in Group.objects.all()}))"
    )
    assert json.loads(manage(url, "shell", "-v0", "-c", look).stdout) == ROLES | {"Staff": 7}


def test_half_a_way_is_refused_before_anything_changes(old):
    """Some of the old migrations only: the index is one of the last of them."""
    connected = psycopg.connect(old) if old.startswith("postgres") else sqlite3.connect(old[10:])
    with connected as database:
        database.execute("DROP INDEX delivery_to_purge")
        database.commit()
    connected.close()
    done = manage(old, "migrate")
    assert done.returncode != 0
    assert "with the version of Bellhop that it comes from" in done.stderr


UNICODE, ASCII = "info@bücher.example", "info@xn--bcher-kva.example"


@pytest.mark.django_db
def test_people_get_one_identity_each_and_nobody_loses_theirs():
    """Also when it is run again, after it was cut off."""
    people = {
        "boss_root": UNICODE, "BOSS_ROOT": ASCII, "bоss_rооt": "", "guest_wang": "wang@example.com",
        "13900000031": "li@xn--bcher-kva.example",
    }  # fmt: skip
    User.objects.bulk_create(User(username=name, email=at) for name, at in people.items())
    made = dict(User.objects.values_list("username", "pk"))
    identify = import_module("signup.migrations.0003_identities").identify
    identify(apps, None)
    User.objects.filter(username="guest_wang").update(name_key=None)
    identify(apps, None)
    assert dict(User.objects.values_list("username", "name_key")) == {
        "boss_root": "boss_root",
        "BOSS_ROOT": f"boss_root:{made['BOSS_ROOT']}",
        "bоss_rооt": f"boss_root:{made['bоss_rооt']}",
        "guest_wang": "guest_wang",
        "13900000031": "13900000031",
    }
    assert dict(User.objects.values_list("username", "email")) == people | {
        "13900000031": "li@bücher.example"
    }


@pytest.mark.django_db
def test_international_addresses_are_kept_in_their_own_letters():
    other = "li@xn--bcher-kva.example"
    Suppression.objects.bulk_create(
        Suppression(channel="email", kind=kind, address=address)
        for kind, address in [("stop", ASCII), ("stop", UNICODE), ("bounced", ASCII)]
    )
    going, gone = (Notice.objects.create(channels=["email"], state=state, audience="addresses")
                   for state in ("sending", "finished"))  # fmt: skip
    rows = [(going, ASCII), (going, UNICODE), (going, other), (gone, other)]
    for notice, address in rows:
        Delivery.objects.create(notice=notice, channel="email", address=address)
    import_module("notices.migrations.0007_international_addresses").canonical(apps, None)
    assert set(Suppression.objects.values_list("kind", "address")) == {
        ("stop", UNICODE), ("bounced", UNICODE),
    }  # fmt: skip
    assert list(Delivery.objects.order_by("pk").values_list("address", flat=True)) == [
        ASCII, UNICODE, "li@bücher.example", other
    ]  # fmt: skip


@pytest.mark.once
@pytest.mark.django_db
def test_the_models_need_no_further_migration():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
