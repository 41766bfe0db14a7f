"""What was written becomes a notice or a schedule, once: by the page, by JSON and by the API."""

from collections.abc import Mapping
from typing import Any

from notices.delivery import approval, lifecycle, states
from notices.delivery.lifecycle import DraftChanged
from notices.models import Notice, Schedule
from notices.pages.file_field import for_one_notice
from notices.pages.idempotency import Key
from notices.pages.notice_form import NoticeForm
from notices.pages.timing_form import TimingForm
from notices.schedules import actions
from signup.models import User
from web.problems import Invalid

__all__ = ["accept", "ask_for_schedule", "check", "read"]


def read(body: Mapping[str, Any], own_zone: str, by: User | None) -> tuple[NoticeForm, TimingForm]:
    """The fields of both forms in one object; without `when` it goes out now."""
    form = NoticeForm.from_json(body, by=by)
    timing = TimingForm.from_json(body, own_zone=own_zone, many=form.many)
    for_one_notice(form, timing)
    return form, timing


def check(form: NoticeForm, timing: TimingForm) -> None:
    """Raises Invalid with the sentences of every field."""
    complaints = {} if form.is_valid() else form.complaints()
    complaints |= {name: list(map(str, each)) for name, each in timing.errors.items()}
    if complaints:
        raise Invalid(errors=complaints)


def accept(
    form: NoticeForm,
    timing: TimingForm,
    author: User | None,
    key: Key,
    draft: tuple[int, int] | None = None,
    origin: str = "",
) -> tuple[Notice | Schedule, bool]:
    """Of forms that are valid: the row, and whether the queue was told. `draft`: the number and
    version of the one that it takes the place of; raises DraftChanged. `origin`: of the pages to
    which emails lead."""
    if timing.cleaned_data["when"] == "repeat":
        schedule = Schedule(**form.written(), **key.columns, author=author)
        timing.apply_to_schedule(schedule)
        if draft and not states.discard_draft(*draft):
            raise DraftChanged
        actions.add(schedule)
        ask_for_schedule(schedule, author, origin)
        return schedule, True
    notice = Notice(**form.written(), **key.columns, author=author)
    timing.apply_to_notice(notice)
    return notice, lifecycle.accept(notice, timing.cleaned_data.get("start_at"), draft)


def ask_for_schedule(schedule: Schedule, by: User | None, origin: str = "") -> None:
    """Has it approved, if it has to be: once for what it says, however often it runs."""
    if approval.missing(schedule):
        approval.ask(schedule, by, origin)
