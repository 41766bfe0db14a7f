"""The approval of a second person, bound to what they saw: whoever changes a word, a channel, the
audience or the time needs another one, and so does an audience that has grown. It is asked for by
the pages, and looked for once more by whoever starts a notice (expand.py).
"""

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from config import clock
from notices import rights
from notices.audience import people
from notices.channels import EMAIL
from notices.models import CONTENT_FIELDS, Approval, Content, Delivery, Notice, Schedule
from signup import security
from signup.models import User

__all__ = [
    "Overtaken",
    "ask",
    "ask_unless_answered",
    "decide",
    "digest",
    "given",
    "missing",
    "needed",
    "others",
]

GROWN = 1.05  # an audience that has grown more than this is another one
TOLD_AT_MOST = 50  # who may approve
OF_NOTICE = ("planned_for", "not_after", "zone", "in_quiet_hours")
# Where they are empty, what was approved before there were these stays so.
ADDED_LATER = ("language", "texts", "sms_text")
OF_SCHEDULE = (
    "rule", "start", "zone", "ends_on", "times", "late_minutes", "in_quiet_hours",
)  # fmt: skip


class Overtaken(Exception):  # noqa: N818  an answer
    """It was changed, decided or sent meanwhile."""


def digest(of: Content) -> str:
    """Of all that somebody approves."""
    times = OF_SCHEDULE if isinstance(of, Schedule) else OF_NOTICE
    return digest_of(content(of) | {name: plain(getattr(of, name)) for name in times})


def digest_of(facts: dict[str, Any]) -> str:
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def content(of: Content) -> dict[str, Any]:
    columns = {each.name: each.attname for each in of._meta.concrete_fields}
    facts = {name: getattr(of, columns[name]) for name in CONTENT_FIELDS}
    for name in ADDED_LATER:
        if not facts[name]:
            del facts[name]
    return facts | {"conditions": of.saved.conditions if of.saved else None}


def plain(value: Any) -> Any:
    """The same before and after it was in the database."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value if isinstance(value, str | int | None) else str(value)


def needed(of: Content) -> bool:
    limit = settings.APPROVE_ABOVE
    return limit is not None and (limit == 0 or people.is_above(of, limit))


def given(of: Content) -> Approval | None:
    """The approval that it has, as it stands at this moment."""
    if not of.pk:
        return None
    found = of.approvals.filter(stage=Approval.Stage.GIVEN, digest=digest(of)).first()  # type: ignore[attr-defined]
    if found is None and isinstance(of, Notice):
        found = of_schedule(of)
    if found is None or people.size(of) > found.people * GROWN:
        return None
    return found  # type: ignore[no-any-return]


def of_schedule(notice: Notice) -> Approval | None:
    """That of its schedule, which says the same."""
    schedule = Schedule.objects.filter(occurrences__notice=notice.pk).first()
    if schedule is None or content(schedule) != content(notice):
        return None
    return schedule.approvals.filter(stage=Approval.Stage.GIVEN, digest=digest(schedule)).first()


def missing(of: Content) -> bool:
    """Whether it must not start like this."""
    return needed(of) and given(of) is None


def ask(of: Notice | Schedule, by: User | None, origin: str = "") -> Approval:
    """Asks those who may approve, by email, which the sweep rings for; once for what it says.
    `origin`: https://host, for the link."""
    key = {"schedule" if isinstance(of, Schedule) else "notice": of, "digest": digest(of)}
    with transaction.atomic():
        asked, is_new = Approval.objects.get_or_create(
            **key,
            stage=Approval.Stage.ASKED,
            defaults={"people": people.size(of), "asked_by": by},
        )
        if is_new:
            for each in others(asked)[:TOLD_AT_MOST]:
                tell("approval_asked", asked, each, by, origin)
    return asked


def ask_unless_answered(of: Notice | Schedule, by: User | None) -> None:
    """When nobody has asked for it as it stands, or has sent it back."""
    told = (Approval.Stage.ASKED, Approval.Stage.REFUSED)
    if not of.approvals.filter(digest=digest(of), stage__in=told).exists():
        ask(of, by)


def others(asked: Approval) -> QuerySet[User]:
    """Who may approve it: not who wrote it, changed it last, or asked."""
    of = asked.notice or asked.schedule
    own: set[int | None] = {asked.asked_by_id, getattr(of, "saved_by_id", None)}
    own.add(of.author_id if of else None)
    may = User.objects.with_perm(rights.APPROVE).filter(is_staff=True)
    return may.exclude(pk__in=[pk for pk in own if pk]).order_by("pk")


def decide(
    asked_id: int, by: User, *, approve: bool, note: str = "", origin: str = ""
) -> Notice | Schedule:
    """Gives it, or sends it back with a word; whoever asked is told by email. Raises Overtaken."""
    with transaction.atomic():
        asked = Approval.objects.select_for_update().filter(pk=asked_id).first()
        if asked is None or asked.stage != Approval.Stage.ASKED:
            raise Overtaken
        of = locked(asked)
        if of is None or digest(of) != asked.digest:
            raise Overtaken
        asked.stage = Approval.Stage.GIVEN if approve else Approval.Stage.REFUSED
        asked.decided_by, asked.decided_at, asked.note = by, clock.now(), note[:255]
        asked.people = people.size(of)
        asked.save()
        about = {"notice": asked.notice_id} if asked.notice_id else {"schedule": asked.schedule_id}
        security.tell("approved" if approve else "sent-back", **about)
        for user in {asked.asked_by, of.author} - {by}:
            if user:
                tell("approval_answered", asked, user, by, origin)
    return of


def locked(asked: Approval) -> Notice | Schedule | None:
    """What it is about, so that nobody changes it meanwhile."""
    if asked.notice_id:
        return Notice.objects.select_for_update().filter(pk=asked.notice_id).first()
    return Schedule.objects.select_for_update().filter(pk=asked.schedule_id or 0).first()


def tell(message: str, asked: Approval, to: User, by: User | None, origin: str) -> None:
    of = asked.notice or asked.schedule
    if not to.email or of is None:
        return
    values = {
        "what": "schedule" if asked.schedule_id else "notice_check",
        "number": str(of.pk),
        "subject": of.subject,
        "who": by.get_full_name() if by else "",
        "people": str(asked.people),
        "state": str(asked.stage),
        "note": asked.note,
    }
    Delivery.objects.create(
        message=message, channel=EMAIL, user=to, address=to.email, name=to.get_full_name(),
        language=to.language, values=values, origin=origin,
    )  # fmt: skip
