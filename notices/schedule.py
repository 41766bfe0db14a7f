"""When a notice goes out. The database says when; the job queue only rings."""

from datetime import datetime, timedelta

from django.utils import timezone

import jobs
from notices import deliver
from notices.models import Notice

UNDO = timedelta(seconds=10)


def accept(notice: Notice, start_at: datetime | None = None) -> None:
    """Saves a notice and lets it start at `start_at` (aware), or when the time to undo is over."""
    notice.start_at = start_at or timezone.now() + UNDO
    notice.state = Notice.State.WAITING
    notice.save()
    if notice.start_at <= timezone.now():
        jobs.now(jobs.start_notice, notice.pk)
    else:
        jobs.later(notice.start_at, jobs.start_notice, notice.pk)


def cancel(notice: Notice) -> int | None:
    """Stops what is not yet sent; how many deliveries that was, or None when it was over."""
    now = timezone.now()
    unfinished = (Notice.State.WAITING, Notice.State.PREPARING, Notice.State.SENDING)
    if not Notice.objects.filter(pk=notice.pk, state__in=unfinished).update(
        state=Notice.State.CANCELLED, finished_at=now
    ):
        return None
    return deliver.cancel_queued(notice.pk)
