"""When a notice goes out. The database says when; the job queue only rings."""

import logging
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

import jobs
from config import clock
from notices.delivery import approval, brake, claims, corrections, finish, states
from notices.models import (
    NOT_STARTED,
    Notice,
    Schedule,
    State,
    StreamCursor,
)
from signup import security
from signup.models import User

__all__ = [
    "UNDO",
    "DraftChanged",
    "accept",
    "approve",
    "cancel",
    "change",
    "hold",
    "keep",
    "pause",
    "resume",
    "send",
    "take_back",
]

UNDO = timedelta(seconds=10)
log = logging.getLogger(__name__)
AT_ONCE_SECONDS = 0.2  # that somebody who cancels waits for deliveries to be settled


class DraftChanged(Exception):  # noqa: N818  an answer, not an error of ours
    """Somebody else saved, sent or discarded the draft meanwhile."""


def accept(
    notice: Notice, start_at: datetime | None = None, draft: tuple[int, int] | None = None
) -> bool:
    """Saves a notice and lets it start at `start_at` (aware), or when the time to undo is over.
    `draft`: the number and version of the one that it takes the place of; raises DraftChanged.

    False when the queue could not be told: the notice is safe, and goes out when the queue is
    back.
    """
    notice.start_at, notice.planned_for = start_at or clock.now() + UNDO, start_at
    with transaction.atomic(durable=True):
        if draft:
            if not states.send_draft(*draft):
                raise DraftChanged
            notice.pk = draft[0]
        notice.save(force_update=bool(draft))
        security.tell("notice-sent", notice=notice.pk)
    if approval.missing(notice):
        approval.ask_unless_answered(notice, notice.author)
    return ring(notice)


def send(draft: Notice, version: int) -> bool:
    """Lets a draft go that was checked, in this version, at the time that was chosen; but there is
    time to undo. False when the queue could not be told. Raises DraftChanged."""
    undo_until = clock.now() + UNDO
    draft.start_at = max(draft.planned_for or undo_until, undo_until)
    with transaction.atomic(durable=True):
        if not states.send_draft(draft.pk, version, start_at=draft.start_at, checked_version=0):
            raise DraftChanged
        security.tell("notice-sent", notice=draft.pk)
    return ring(draft)


def take_back(notice: Notice, by: User) -> bool:
    """Makes a draft again of what has not started; False when it has, or has ended."""
    with transaction.atomic():
        if not states.take_back(notice.pk, saved_by=by):
            return False
        security.tell("notice-taken-back", notice=notice.pk)
    jobs.forget(notice.start_at, jobs.start_notice, notice.pk)
    return True


def ring(notice: Notice) -> bool:
    if notice.start_at <= clock.now():
        return jobs.push(jobs.start_notice, notice.pk) is not None
    return jobs.wake(notice.start_at, jobs.start_notice, notice.pk)


def hold(notice: Notice) -> bool:
    """Stops the clock while somebody edits the notice; False when it has started, or ended."""
    if states.hold(notice.pk):
        jobs.forget(notice.start_at, jobs.start_notice, notice.pk)
        return True
    return Notice.objects.filter(pk=notice.pk, state=Notice.State.CHANGING).exists()


def change(
    notice: Notice,
    fields: Collection[str],
    start_at: datetime | None = None,
    undo: timedelta = UNDO,
    version: int | None = None,
) -> bool:
    """Saves `fields` of a notice that was edited, moved or is to go now (None), and lets it start:
    at `start_at`, but not before there was time to undo. False, and nothing is changed, when it has
    started meanwhile, or is not in this `version` any more."""
    with transaction.atomic(durable=True):
        before = not_started(notice.pk)
        if before is None or version not in (None, before.draft_version):
            return False
        undo_until = clock.now() + undo
        notice.start_at = max(start_at or undo_until, undo_until)
        notice.draft_version = before.draft_version + 1
        if start_at != before.start_at:  # else it goes when it was to
            notice.planned_for = start_at
        notice.held_until, notice.checked_version = None, 0
        own = ("start_at", "held_until", "planned_for", "checked_version", "draft_version")
        notice.save(update_fields=[*fields, *own])
        states.let_go(notice.pk)
        different = [
            name
            for name in (*fields, "start_at")
            if name != "saved_by" and getattr(before, name) != getattr(notice, name)
        ]
        if different:
            security.tell("notice-changed", notice=notice.pk, changed=",".join(different))
    if before.start_at != notice.start_at:
        jobs.forget(before.start_at, jobs.start_notice, notice.pk)
    ring(notice)
    return True


def approve(asked_id: int, by: User, origin: str = "") -> Notice | Schedule:
    """A second person's word: what waited for it goes, when there was time to undo. Raises
    approval.Overtaken."""
    of = approval.decide(asked_id, by, approve=True, origin=origin)
    if isinstance(of, Notice) and of.state == Notice.State.AWAITING:
        of.start_at = max(of.start_at, clock.now() + UNDO)
        if states.let_go(of.pk, start_at=of.start_at):
            ring(of)
    return of


def not_started(pk: int) -> Notice | None:
    """Its row, locked."""
    rows = Notice.objects.select_for_update().filter(state__in=NOT_STARTED)
    return rows.filter(pk=pk).first()


def keep(notice: Notice, fields: Collection[str]) -> bool:
    """Saves `fields` of a notice that is held, as its next version: it goes when that was checked.
    False when it is not held any more."""
    with transaction.atomic(durable=True):
        before = not_started(notice.pk)
        if before is None or before.state != Notice.State.CHANGING:
            return False
        notice.draft_version = notice.checked_version = before.draft_version + 1
        notice.save(update_fields=[*fields, "draft_version", "checked_version"])
    return True


def cancel(notice: Notice) -> int | None:
    """Stops what is not yet sent; how many deliveries that was, or None when it was over."""
    with transaction.atomic():
        if not states.cancel(notice.pk):
            return None
        security.tell("notice-cancelled", notice=notice.pk)
    log.info("Notice %d is cancelled.", notice.pk)
    jobs.forget(notice.start_at, jobs.start_notice, notice.pk)
    settled = finish.cancel_queued(notice.pk, AT_ONCE_SECONDS)
    queued = claims.in_state(notice.pk, State.QUEUED)
    if queued.exists():
        jobs.now(jobs.sweep)
    # What a mail server has is recorded after its slice.
    gone = StreamCursor.objects.filter(token=OuterRef("token"), position__gte=OuterRef("pk"))
    return settled + queued.filter(Q(token=None) | ~Exists(gone)).count()


def pause(notice: Notice) -> bool:
    """Nothing more of it leaves until it is resumed; what a provider is being told does. False when
    it has not begun or has ended."""
    with transaction.atomic():
        if not states.pause(notice.pk):
            return False
        security.tell("notice-paused", notice=notice.pk)
    log.info("Notice %d is paused.", notice.pk)
    return True


def resume(notice: Notice) -> bool:
    """It goes on where it stopped, and so do its emails if they stopped by themselves; False when
    neither had, or it was corrected and nobody has approved that yet."""
    if corrections.waits_for_approval(notice):
        return False
    with transaction.atomic():
        released = brake.release(notice.pk)
        if not states.resume(notice.pk) and not released:
            return False
        security.tell("notice-resumed", notice=notice.pk)
    log.info("Notice %d goes on.", notice.pk)
    notice.refresh_from_db()
    if notice.state == Notice.State.PREPARING:
        jobs.now(jobs.start_notice, notice.pk)
    else:
        finish.finish(notice.pk)
        for channel in notice.channels:
            jobs.now(jobs.resume_notice, notice.pk, channel)
    return True
