"""Removes what nobody needs any more (periods.py), a chunk at a time: each is a short transaction,
and whoever is stopped between two goes on where they were. Counts and states of notices stay."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, Value, When

from config import clock
from notices.channels import CHANNELS
from notices.delivery import periods
from notices.models import (
    OPEN,
    UNFINISHED,
    UNPREPARED,
    Delivery,
    FailedAttempt,
    Notice,
    Receipt,
    Request,
    Schedule,
    State,
    Version,
)
from signup.audit import retention as audit
from signup.models import BudgetRelease, Change, ContactChange, SignedIn, Upload, Verification

__all__ = ["run"]

CHUNK = 1000
# Of these a reason is in a provider's words, in which an address may stand.
OTHERS_WORDS = (State.SENT, State.DELIVERED, State.BOUNCED, State.FAILED, State.UNCERTAIN)

Step = Callable[[datetime], Iterator[None]]  # yields after each chunk


def run(goes_on: Callable[[], bool] = lambda: True) -> bool:
    """Whether all is done; False when `goes_on` said otherwise before."""
    now = clock.now()
    for name, steps in STEPS.items():
        period = periods.period(name) if name in periods.KINDS else NOW[name]
        if period is None:
            continue
        for step in steps:
            for _chunk in step(now - period):
                if not goes_on():
                    return False
    return True


def remove(rows: QuerySet) -> Iterator[None]:  # type: ignore[type-arg]
    """Ordered by the column whose index finds them: by number, PostgreSQL may read the whole
    table to find that there are none."""
    while chosen := list(rows.values_list("pk", flat=True)[:CHUNK]):
        rows.model._default_manager.filter(pk__in=chosen).delete()
        yield


# Single messages


def singles(old: datetime) -> Iterator[None]:
    rows = Delivery.objects.filter(notice=None, created_at__lt=old).exclude(state__in=OPEN)
    return remove(rows.order_by("created_at"))


def codes(old: datetime) -> Iterator[None]:
    unused = Verification.objects.filter(created_at__lt=old, delivery=None)
    return remove(unused.order_by("created_at"))


def requests(old: datetime) -> Iterator[None]:
    return remove(Request.objects.filter(started_at__lt=old).order_by("started_at"))


def contact_changes(old: datetime) -> Iterator[None]:
    return remove(ContactChange.objects.filter(made_at__lt=old).order_by("made_at"))


def signed_in(old: datetime) -> Iterator[None]:
    return remove(SignedIn.objects.filter(since__lt=old).order_by("since"))


# Notices


def addresses(old: datetime) -> Iterator[None]:
    ended = Notice.objects.filter(finished_at__lt=old, addresses_removed_at=None)
    for notice in ended.exclude(state__in=UNFINISHED).order_by("finished_at").only("pk"):
        for channel in CHANNELS:
            yield from addresses_of(notice.pk, channel)
        Notice.objects.filter(pk=notice.pk).update(addresses="", addresses_removed_at=clock.now())
        yield
    over = Schedule.objects.filter(state=Schedule.State.ENDED, handled_until__lt=old)
    over.exclude(addresses="").update(addresses="")


def addresses_of(notice_id: int, channel: str) -> Iterator[None]:
    """Along the index of a notice's page."""
    rows = Delivery.objects.filter(notice=notice_id, channel=channel).order_by("channel", "pk")
    last = 0
    while chosen := list(rows.filter(pk__gt=last).values_list("pk", flat=True)[:CHUNK]):
        with transaction.atomic():
            FailedAttempt.objects.filter(delivery__in=chosen).delete()
            # Not what was done before somebody was stopped.
            left = Delivery.objects.filter(pk__in=chosen).exclude(
                address="", name="", values__isnull=True
            )
            left.update(
                address="",
                name="",
                values=None,
                reason=Case(When(state__in=OTHERS_WORDS, then=Value("")), default=F("reason")),
            )
        last = chosen[-1]
        yield


def texts(old: datetime) -> Iterator[None]:
    ended = Notice.objects.filter(finished_at__lt=old, text_removed_at=None)
    ended = ended.exclude(state__in=UNFINISHED).order_by("finished_at")
    for pk in ended.values_list("pk", flat=True):
        Version.objects.filter(notice=pk).delete()
        Notice.objects.filter(pk=pk).update(
            text="", sms_text="", texts=None, text_removed_at=clock.now()
        )
        yield


# Others


def receipts(old: datetime) -> Iterator[None]:
    return remove(Receipt.objects.filter(handled_at__lt=old).order_by("handled_at"))


def uploads(old: datetime) -> Iterator[None]:
    """Not where somebody is still to be told; those of drafts as long as what is single."""
    kept = clock.now() - timedelta(days=periods.days("single"))
    draft = Q(state=Notice.State.DRAFT, created_at__gt=kept)
    needed = Notice.objects.filter(draft | Q(state__in=UNPREPARED), upload__isnull=False)
    unneeded = Upload.objects.filter(made_at__lt=old).exclude(pk__in=needed.values("upload"))
    return remove(unneeded.order_by("made_at"))


def changes(old: datetime) -> Iterator[None]:
    return remove(Change.objects.filter(at__lt=old).order_by("pk"))


def admin_log(old: datetime) -> Iterator[None]:
    return remove(LogEntry.objects.filter(action_time__lt=old).order_by("pk"))


def networks(old: datetime) -> Iterator[None]:
    """A verification tells where it was asked for no longer than the budget of codes needs it."""
    asked = Verification.objects.filter(network__gt="", created_at__lt=old)
    while chosen := list(asked.values_list("pk", flat=True)[:CHUNK]):
        Verification.objects.filter(pk__in=chosen).update(network="")
        yield


def releases(now: datetime) -> Iterator[None]:
    return remove(BudgetRelease.objects.filter(until__lt=now).order_by("until"))


def sessions(now: datetime) -> Iterator[None]:
    return remove(Session.objects.filter(expire_date__lt=now).order_by("expire_date"))


# A kind of periods.py, or of NOW, -> what is removed of it.
STEPS: dict[str, tuple[Step, ...]] = {
    "single": (singles, codes, requests, contact_changes, signed_in),
    "networks": (networks,),
    "over": (releases, sessions),
    "receipts": (receipts,),
    "uploads": (uploads,),
    "log": (changes, admin_log, audit.forget),
    "texts": (texts,),
    "addresses": (addresses,),
}
NOW = {"networks": timedelta(days=1), "over": timedelta()}  # what nobody may change
