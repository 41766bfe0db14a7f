"""No entry of the audit log is changed, and none of the last days is removed: not by our code, and
not past it."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from config import clock
from signup.audit import retention
from signup.audit.models import MIN_DAYS, Entry, OnlyAdded

pytestmark = pytest.mark.django_db(transaction=True)


def entry(**ago):
    return Entry.objects.create(verb="sign-in", door="page", at=clock.now() - timedelta(**ago))


def test_the_model_refuses_to_change_or_remove_one():
    one = entry()
    one.verb = "sign-out"
    for attempt in (
        one.save,
        one.delete,
        Entry.objects.all().delete,
        lambda: Entry.objects.update(verb="x"),
        lambda: Entry.objects.filter(pk=one.pk).update(verb="x"),
        lambda: Entry.objects.bulk_update([one], ["verb"]),
    ):
        with pytest.raises(OnlyAdded):
            attempt()
    assert Entry.objects.get().verb == "sign-in"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE signup_audit SET verb = 'x'",
        "UPDATE signup_audit SET at = '2000-01-01 00:00:00+00:00'",
        "DELETE FROM signup_audit",
    ],
)
def test_the_database_refuses_it_too(statement):
    entry()
    refused = pytest.raises(IntegrityError, match="only added to")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert Entry.objects.get().verb == "sign-in"


def test_what_is_old_goes_in_steps_and_nothing_of_the_last_days(monkeypatch):
    monkeypatch.setattr(retention, "CHUNK", 2)
    for days in (MIN_DAYS + 1, MIN_DAYS + 1, MIN_DAYS + 1, MIN_DAYS - 1, 0):
        entry(days=days)
    list(retention.forget(clock.now() - timedelta(days=400)))
    assert Entry.objects.count() == 5
    assert len(list(retention.forget(clock.now()))) == 2
    assert Entry.objects.count() == 2


def test_emptying_the_whole_database_empties_it():
    entry()
    call_command("flush", interactive=False, verbosity=0)
    assert not Entry.objects.exists()
