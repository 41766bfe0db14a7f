"""Fills a migrated database, mostly by a statement for each table.

python -m bench.processes.fill people N: that many guests (bench/guests.py).
python -m bench.processes.fill codes N: as many codes that wait, and rings for each.
python -m bench.processes.fill year N: people, notices and N deliveries, as after a year.
"""

import sys
from datetime import datetime, timedelta

import django
from django.apps import apps

if not apps.ready:  # in a process of its own, not in a test
    django.setup()

from django.db import connection, models
from django.utils import timezone

import jobs
from bench.guests import guest
from notices.channels import SMS
from notices.models import Delivery, FailedAttempt, Notice, Receipt, Suppression
from signup.models import User, Verification

LANGUAGE = "'en'"
# A settled delivery's state by its number, of which a hundredth is one.
STATES = """CASE WHEN i % 100 < 80 THEN 'delivered' WHEN i % 100 < 90 THEN 'sent'
WHEN i % 100 < 94 THEN 'bounced' WHEN i % 100 < 96 THEN 'failed' WHEN i % 100 < 97 THEN 'uncertain'
WHEN i % 100 < 98 THEN 'suppressed' WHEN i % 100 < 99 THEN 'cancelled' ELSE 'expired' END"""
NUMBER = "CAST(i - 1 AS text)"  # of a guest
NAME, EMAIL = f"'guest_' || {NUMBER}", f"'guest' || {NUMBER} || '@example.com'"
MOBILE = "'+86138' || substr(CAST(99999999 + i AS text), 2)"

Column = str | int | bool | datetime | None
Columns = dict[str, Column]


def fill(model: type[models.Model], first: int, last: int, **columns: Column) -> None:
    """Rows `first` to `last`. A column that is a text is SQL, in which `i` is the row's number."""
    values: list[str] = []
    params: list[str | int | bool | None] = []
    for value in columns.values():
        values.append(value if isinstance(value, str) else "%s")
        if isinstance(value, datetime):
            params.append(connection.ops.adapt_datetimefield_value(value))
        elif not isinstance(value, str):
            params.append(value)
    quote = connection.ops.quote_name
    sql = (
        f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(map(quote, columns))}) "
        f"WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last}) "
        f"SELECT {', '.join(values)} FROM n"
    )
    if first <= last:
        with connection.cursor() as cursor:
            cursor.execute(sql.replace(" % ", " %% "), params)


def people(number: int) -> None:
    """That many users, each with an email address and a mobile."""
    fill(
        User, 1, number, id="i", username=NAME, password="'!'", email=EMAIL, mobile=MOBILE,
        is_active=True, is_staff=False, is_superuser=False, date_joined=timezone.now(),
        language=LANGUAGE, time_zone="'Asia/Shanghai'", wants_email=True, wants_sms=True,
    )  # fmt: skip


def codes(number: int) -> None:
    until = timezone.now() + timedelta(days=1)  # a copy of them may lie for a while
    verifications = Verification.objects.bulk_create(
        Verification(mobile=guest(n).mobile, salt=f"{n:032d}", expires_at=until)
        for n in range(number)
    )
    deliveries = Delivery.objects.bulk_create(
        Delivery(
            message="code", channel=SMS, address=str(verification.mobile),
            verification=verification, expires_at=until,
        )
        for verification in verifications
    )  # fmt: skip
    for delivery in deliveries:
        assert jobs.push(jobs.send_code, delivery.pk)


def notices(number: int) -> None:
    """That many: the last one is big and is being sent, the others ended long ago."""
    now = timezone.now()
    old = now - timedelta(days=300)
    written: Columns = {
        "subject": f"'Notice ' || {NUMBER}", "text": "'Dear ((name)), hello.'",
        "channels": "'[\"email\"]'", "audience": "'everyone'", "addresses": "''",
        "zone": "'Asia/Shanghai'", "in_quiet_hours": False,
    }  # fmt: skip
    then: Columns = dict.fromkeys(("created_at", "start_at", "started_at", "finished_at"), old)
    today: Columns = dict.fromkeys(("created_at", "start_at", "started_at", "rung_at"), now)
    fill(Notice, 1, number - 1, id="i", state="'finished'", **written, **then)
    fill(Notice, number, number, id="i", state="'sending'", **written, **today)


def deliveries(number: int, notices: int) -> None:
    """A tenth are codes, four tenths of the notices that ended, and half of the big one, of which
    a fifth is queued. Needs as many people."""
    codes, half = number // 10, number // 2
    old = timezone.now() - timedelta(days=30)
    each: Columns = {
        "name": NAME, "language": LANGUAGE, "origin": "''", "reason": "''",
        "created_at": old, "changed_at": old,
    }  # fmt: skip
    sent: Columns = {"tries": "1", "provider": "'smtp'", "provider_ref": f"'ref-' || {NUMBER}"}
    unsent: Columns = {"tries": "0", "provider": "''", "provider_ref": "''"}
    fill(
        Verification, 1, codes, id="i", mobile=MOBILE, salt="'salt'", created_at=old,
        expires_at=old, tries=0, prefix=f"substr({MOBILE}, 1, 8)",
        network="CASE WHEN i % 100 > 0 THEN '' ELSE 'n7' END",
    )  # fmt: skip
    code: Columns = {"message": "'code'", "channel": "'sms'", "address": MOBILE}
    code |= {"verification_id": "i", "state": "'delivered'"}
    fill(Delivery, 1, codes, id="i", **code, **each, **sent)
    mail: Columns = {"message": "'notice'", "channel": "'email'", "user_id": "i"}
    mail["address"] = EMAIL
    ended = f"1 + i % {max(1, notices - 1)}"
    fill(Delivery, codes + 1, half, id="i", state=STATES, notice_id=ended, **mail, **each, **sent)
    big: Columns = {"notice_id": notices, **mail, **each}
    settled = half + half * 4 // 5
    fill(Delivery, half + 1, settled, id="i", state=STATES, **big, **sent)
    fill(Delivery, settled + 1, number, id="i", state="'queued'", **big, **unsent)


def aftermath(deliveries: int) -> None:
    """What so many deliveries leave behind: tries, receipts, a suppression list."""
    old = timezone.now() - timedelta(days=3)
    few = deliveries // 50
    fill(
        FailedAttempt, 1, few, delivery_id="1 + i * 49", at=old, provider="'smtp'",
        reason="'451 4.7.1 Try again later'",
    )  # fmt: skip
    fill(
        Receipt, 1, deliveries // 5, provider="'smtp'", ref=f"'ref-' || {NUMBER}", own_ref="''",
        delivery_number="i", channel="'email'", address="''", kind="'delivered'", dead=False,
        reason="''", at=old, looks=0, due_at=old, handled_at=old,
    )  # fmt: skip
    fill(
        Suppression, 1, few, channel="'email'", address=f"'lost' || {NUMBER} || '@example.com'",
        kind="'bounced'", since=old, note="''", lift_reason="''",
    )  # fmt: skip


def settle() -> None:
    """The next row gets the next number, and the planner knows what is there, as a PostgreSQL
    does by itself; nobody tells an SQLite."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for model in (
                User,
                Notice,
                Delivery,
                Verification,
                FailedAttempt,
                Receipt,
                Suppression,
            ):
                table = model._meta.db_table
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
                )
            cursor.execute("VACUUM ANALYZE")


def year(number: int) -> None:
    """So many deliveries, in a notice for each thousand of them but not fewer than a page lists."""
    many = max(60, number // 1000)
    people(number)
    notices(many)
    deliveries(number, many)
    aftermath(number)


if __name__ == "__main__":
    {"people": people, "codes": codes, "year": year}[sys.argv[1]](int(sys.argv[2]))
    settle()
