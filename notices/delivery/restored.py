"""What is in question after a restore: this database calls it unfinished, and it may be done.

It is held, and staff let it go or settle it, each alone. What they ask for after the restore is not
held, nor are codes and other messages that may go twice: those expire.
"""

from datetime import UTC, datetime

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_noop

from config import clock
from notices.content import messages
from notices.delivery import claims, finish, states
from notices.models import NOT_STARTED, UNFINISHED, Delivery, Notice, Schedule, State

__all__ = [
    "hold", "let_notice_go", "let_singles_go", "notices", "settle", "settle_notice",
    "settle_singles", "singles",
]  # fmt: skip

NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # before which a single message is not sent
HELD = gettext_noop("The database was restored from a copy: staff decide whether it goes.")
MAY_HAVE_GONE = gettext_noop("The database was restored from a copy. It may have been sent before.")
# What was numbered after the copy was made is never numbered again: a report, an unsubscribe link
# or a gateway that knows a number means what was lost. More than anybody sends in that time.
SKIPPED_NUMBERS = {Delivery: 100_000_000, Notice: 10_000}


def hold(until: datetime) -> int:
    """Holds what was written up to `until` and is unfinished; how much that is."""
    now = clock.now()
    unsure = Q(state__in=UNFINISHED) | Q(escalate_minutes__isnull=False, escalated_at=None)
    ended = Q(state__in=(Notice.State.CANCELLED, Notice.State.EXPIRED))
    found = Notice.objects.filter(unsure, created_at__lte=until).exclude(ended)
    held = found.update(in_question_since=now, settled_at=None)
    active = Schedule.objects.filter(state=Schedule.State.ACTIVE, created_at__lte=until)
    held += active.update(in_question_since=now)
    alone = Delivery.objects.filter(notice=None, created_at__lte=until)
    held += states.put_off(alone.exclude(message__in=messages.REPEATABLE), NEVER, HELD)
    skip_numbers()
    return held


def skip_numbers() -> None:
    for model, number in SKIPPED_NUMBERS.items():
        table = model._meta.db_table
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                missing = "SELECT %s, 0 WHERE %s NOT IN (SELECT name FROM sqlite_sequence)"
                cursor.execute(f"INSERT INTO sqlite_sequence (name, seq) {missing}", [table, table])
                cursor.execute(
                    "UPDATE sqlite_sequence SET seq = seq + %s WHERE name = %s", [number, table]
                )
            else:
                cursor.execute(
                    "SELECT setval(name, nextval(name) + %s)"
                    " FROM CAST(pg_get_serial_sequence(%s, 'id') AS regclass) AS name",
                    [number, table],
                )


def notices() -> QuerySet[Notice]:
    return Notice.objects.filter(in_question_since__isnull=False).order_by("pk")


def singles() -> QuerySet[Delivery]:
    return Delivery.objects.filter(notice=None, state=State.QUEUED, not_before=NEVER)


# Staff decided


def let_notice_go(notice_id: int) -> bool:
    """It goes on as this database has it: whom it calls queued may get it once more."""
    undecided = notices().filter(pk=notice_id, settled_at=None)
    return bool(undecided.update(in_question_since=None))


def let_singles_go() -> int:
    return states.put_off(singles(), clock.now(), "")


def settle_notice(notice_id: int) -> bool:
    """Nothing more of it goes: what is queued is uncertain, and staff may send that again. The
    sweep does it (`settle`)."""
    undecided = notices().filter(pk=notice_id, settled_at=None)
    return bool(undecided.update(settled_at=clock.now()))


def settle() -> None:
    """Goes on with what staff had settled; of very many deliveries with a part."""
    for notice in notices().filter(settled_at__isnull=False).defer("text", "addresses"):
        finish.stop_queued(notice.pk, State.UNCERTAIN, MAY_HAVE_GONE)
        if claims.in_state(notice.pk, State.QUEUED).values("pk")[:1]:
            continue  # also what a stream that stopped has claimed, until its cursor is settled
        if states.resume(notice.pk):
            notice.refresh_from_db(fields=["state"])
        if notice.state in (*NOT_STARTED, Notice.State.PREPARING):
            states.cancel(notice.pk)  # nobody can say for whom it was to be
        escalated = notice.escalated_at or (notice.escalate_minutes and notice.settled_at) or None
        notices().filter(pk=notice.pk).update(in_question_since=None, escalated_at=escalated)


def settle_singles() -> int:
    return states.stop(singles(), State.UNCERTAIN, MAY_HAVE_GONE)
