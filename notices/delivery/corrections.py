"""The text of a paused notice, changed for those who have not got it."""

from typing import Any

from django.db import transaction
from django.db.models import Count

from config import clock
from notices.delivery import approval
from notices.models import TEXT_FIELDS, Delivery, Notice, State, StreamCursor, Version
from signup import security
from signup.models import User

__all__ = ["Moving", "NotNow", "correct", "got", "snapshot", "waits_for_approval"]


class NotNow(Exception):  # noqa: N818  an answer
    """It is not paused, or somebody else corrected it since."""


class Moving(Exception):  # noqa: N818  an answer
    """A worker still sends the old text: that is over in some seconds."""


def snapshot(notice: Notice) -> dict[str, Any]:
    """All that the notice says."""
    return {name: getattr(notice, name) for name in TEXT_FIELDS}


def correct(notice_id: int, by: User | None, version: int, texts: dict[str, Any]) -> Notice:
    """Whoever has not got it gets these `texts` when it goes on; `version`: the one that whoever
    wrote them had read. An approval is for what was said before. Raises NotNow, Moving."""
    with transaction.atomic():
        rows = Notice.objects.select_for_update().filter(state=Notice.State.PAUSED)
        notice = rows.filter(pk=notice_id, version=version).first()
        if notice is None or notice.text_removed_at:
            raise NotNow
        if is_moving(notice_id):
            raise Moving
        before = snapshot(notice)
        if before == texts:
            return notice
        Version.objects.create(notice=notice, number=notice.version, texts=before, replaced_by=by)
        for name, value in texts.items():
            setattr(notice, name, value)
        notice.version, notice.saved_by = notice.version + 1, by
        notice.save(update_fields=[*texts, "version", "saved_by"])
        security.tell("notice-corrected", notice=notice_id)
    if approval.missing(notice):
        approval.ask_unless_answered(notice, by)
    return notice


def is_moving(notice_id: int) -> bool:
    """Whether a worker holds some of it, with the text as it was."""
    now = clock.now()
    held = Delivery.objects.filter(notice=notice_id, lease_until__gt=now)
    streamed = StreamCursor.objects.filter(notice=notice_id, lease_until__gt=now)
    states = (State.QUEUED, State.SENDING)
    return streamed.exists() or any(held.filter(state=each).exists() for each in states)


def waits_for_approval(notice: Notice) -> bool:
    """Whether it must not go on: it was corrected, and nobody has approved that."""
    return notice.version > 1 and approval.missing(notice)


def got(notice: Notice) -> dict[int, int]:
    """Version -> to how many it was handed. Of a notice that was never corrected nothing."""
    if notice.version == 1:
        return {}
    rows = notice.deliveries.filter(version__gt=0).order_by().values_list("version")
    return dict(rows.annotate(number=Count("pk")))
