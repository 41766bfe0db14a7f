"""A notice whose time has come gets its deliveries: a row for each person and channel.

Done in turns, like sending: one turn ends when something more urgent waits, the next goes on where
it stopped. May be run again at any point, also by two workers at once: the rows are unique, so the
second run adds what the first did not.
"""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Case, CharField, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Cast, Coalesce, NullIf
from django.db.models.lookups import IsNull

from config import clock
from config.database import AWAY
from notices.audience import files, kinds, people, suppression
from notices.audience.recipients import Recipient
from notices.channels import CHANNELS, Channel
from notices.content import messages, placeholders
from notices.content.written import sources
from notices.delivery import approval, finish, high_water, listed, quiet_hours, states
from notices.delivery.budget import Budget, Waits
from notices.models import Delivery, Notice, State
from signup import security
from signup.models import User

__all__ = [
    "BATCH", "everyone", "insert", "start", "unwilling", "without_address",
]  # fmt: skip

log = logging.getLogger(__name__)
BATCH = 1000  # pasted addresses
PART = 5000  # people
GAP = 0.002  # seconds between two parts, in which others may write


def start(notice_id: int, waits: Waits = lambda: None) -> list[str] | None:
    """Prepares a waiting notice, or goes on where its last turn stopped, and lets it be sent; the
    channels to ring for. None when this turn is over and there is more to prepare: it ends when
    `waits` says that something more urgent does. Nothing to ring for when its time has not come,
    or when it was cancelled."""
    high_water.rise_before()
    before = (Notice.State.WAITING, Notice.State.PREPARING)
    due = Notice.objects.filter(pk=notice_id, state__in=before, start_at__lte=clock.now())
    notice = due.filter(in_question_since=None).first()
    if notice is None:
        return []
    # As it was read: who changes it in this moment makes another version.
    seen = due.filter(in_question_since=None, draft_version=notice.draft_version)
    if is_put_off(notice, seen) or not states.prepare(seen):
        return []
    budget, parts = Budget(waits), BY_LIST.get(notice.audience, people_in_parts)
    budget.is_over()  # it begins
    upto = notice.prepared_upto
    for upto in parts(notice):
        if not goes_on(notice, upto):
            finish.cancel_queued(notice_id)
            return []
        if budget.is_over():
            return None
        time.sleep(GAP)
    if upto:
        analyse()
    if not states.start_sending(notice_id):
        finish.cancel_queued(notice_id)
        return []
    log.info("Notice %d starts: %s.", notice_id, ", ".join(notice.channels))
    security.tell("notice-started", notice=notice_id, number=notice.deliveries.count())
    return [] if finish.finish(notice_id) else list(notice.channels)


def is_put_off(notice: Notice, due: QuerySet[Notice]) -> bool:
    """Whether it does not begin now: its time is over, it is held for the quiet hours, or nobody
    has approved it as it stands. `due`: its row, if it still is as it was read."""
    if notice.state != Notice.State.WAITING:
        return False
    if notice.not_after and states.expire(due):
        return True
    if quiet_hours.hold(due):
        return True
    if settings.APPROVE_ABOVE is None or not approval.missing(notice):
        return False
    if states.await_approval(due):
        log.info("Notice %d waits for approval.", notice.pk)
        approval.ask_unless_answered(notice, notice.saved_by or notice.author)
    return True


def analyse() -> None:
    """After very many new rows: else PostgreSQL takes the table for empty until it has looked
    itself, and reads all that was sent to find what was not. Without it the notice goes, too."""
    if connection.vendor != "postgresql":
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(Delivery._meta.db_table)}")
    except AWAY as problem:  # a statement_timeout or lock_timeout would end each further try, too
        log.warning("Nobody told PostgreSQL of the new rows (%s).", type(problem).__name__)


def people_in_parts(notice: Notice) -> Iterator[int]:
    """Yields how far it came, the pk of a user, before each further part: others may write then,
    on SQLite one does at a time."""
    chosen, last = people.chosen(notice), notice.prepared_upto
    by_channel = [everyone(notice, CHANNELS[channel]).filter(chosen) for channel in notice.channels]
    ids = User.objects.filter(chosen, is_active=True).order_by("pk").values_list("pk", flat=True)
    while upto := ids.filter(pk__gt=last)[PART - 1 : PART].first():
        for each in by_channel:
            insert(each.filter(pk__gt=last, pk__lte=upto))
        yield upto
        last = upto
    for each in by_channel:
        insert(each.filter(pk__gt=last))


def addresses_in_parts(notice: Notice) -> Iterator[int]:
    """Yields how many lines are done before each further part."""
    lines = notice.addresses.splitlines()
    for first in range(notice.prepared_upto, len(lines), BATCH):
        if first > notice.prepared_upto:
            yield first
        batch = [Recipient.restore(line) for line in lines[first : first + BATCH]]
        add(listed.deliveries(notice, batch))


def file_in_parts(notice: Notice) -> Iterator[int]:
    """Yields how many parts of the file are done before each further one."""
    for part in files.parts(notice.upload, notice.prepared_upto):
        if part.number > notice.prepared_upto:
            yield part.number
        add(listed.deliveries(notice, listed.in_part(notice, part)))


def add(rows: Iterator[Delivery]) -> None:
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)


# Who need have no account; all others are people.
BY_LIST: dict[str, Callable[[Notice], Iterator[int]]] = {
    Notice.Audience.ADDRESSES: addresses_in_parts,
    Notice.Audience.UPLOAD: file_in_parts,
}


def goes_on(notice: Notice, upto: int) -> bool:
    """Keeps how far it came, which also tells the sweep that somebody is at it; False when it was
    cancelled meanwhile, or another worker was quicker."""
    preparing = Notice.objects.filter(pk=notice.pk, state=Notice.State.PREPARING)
    behind = preparing.filter(prepared_upto__lt=upto)
    return bool(behind.update(prepared_upto=upto, active_at=clock.now()))


def insert(rows: QuerySet[User]) -> int:
    """One INSERT … SELECT of what everyone() annotates: the rows never pass through this process.
    How many were new."""
    columns = list(rows.query.annotation_select)
    quote = connection.ops.quote_name
    column_of = {field.name: str(field.column) for field in Delivery._meta.concrete_fields}
    names = ", ".join(quote(column_of[name.removeprefix("d_")]) for name in columns)
    select, params = (
        rows.values(*columns).query.get_compiler(connection=connection, elide_empty=False).as_sql()
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(Delivery._meta.db_table)} ({names}) {select} "
            "ON CONFLICT DO NOTHING",
            params,
        )
        return int(cursor.rowcount)


def everyone(notice: Notice, channel: Channel) -> QuerySet[User]:
    """Every active user, annotated with each column of the delivery."""
    text, now = CharField(), Value(clock.now())
    address = Coalesce(Cast(channel.user_field, text), Value(""))
    against = suppression.words_against(channel.user_field, channel.name)
    on_the_list = IsNull(against, False)
    gone = kinds.left(notice, "pk", channel.user_field)
    state = Case(
        When(without_address(channel), then=Value(State.NO_ADDRESS.value)),
        When(unwilling(channel), then=Value(State.SUPPRESSED.value)),
        When(on_the_list, then=Value(State.SUPPRESSED.value)),
        When(gone, then=Value(State.SUPPRESSED.value)),
        default=Value(State.QUEUED.value),
        output_field=text,
    )
    reason = Case(
        When(without_address(channel), then=Value(channel.missing)),
        When(unwilling(channel), then=Value(channel.unwanted)),
        default=Coalesce(against, Case(When(gone, then=Value(kinds.LEFT))), Value("")),
        output_field=text,
    )
    fixed = {"message": messages.NOTICE, "channel": channel.name, "origin": "", "provider": ""}
    # d_: an annotation may not bear the name of the user's own field.
    more: dict[str, Any] = {"d_expires_at": Value(notice.not_after)} if notice.not_after else {}
    if own := placeholders.own(*sources(notice)):
        more["d_values"] = people.values(own)
    return (
        get_user_model()
        .objects.filter(is_active=True)
        .annotate(
            **{f"d_{name}": Value(value, text) for name, value in fixed.items()},
            **more,
            d_notice=Value(notice.pk, IntegerField()),
            d_user=F("pk"),
            d_address=address,
            d_name=Coalesce(NullIf("name", Value("")), "username"),
            d_language=F("language"),
            d_state=state,
            d_reason=reason,
            d_provider_ref=Value("", text),
            d_tries=Value(0, IntegerField()),
            d_created_at=now,
            d_changed_at=now,
        )
    )


def without_address(channel: Channel) -> Q:
    """Of a user."""
    field = User._meta.get_field(channel.user_field)
    return Q(**{f"{field.name}__isnull": True}) if field.null else Q(**{field.name: ""})


def unwilling(channel: Channel) -> Q:
    """Of a user: who does not want notices by it."""
    return Q(**{channel.wants_field: False}) if channel.wants_field else Q(pk__in=[])
