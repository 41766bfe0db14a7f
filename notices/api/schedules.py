"""Schedules: what goes out again and again."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema

from notices.api.bearer import Asked, scope
from notices.api.forms import body_of
from notices.api.notices import accepted, demand_for, sent_fields
from notices.api.once import once
from notices.api.paging import Part, listed, part
from notices.api.problems import Refused
from notices.api.shapes import PK
from notices.models import LONG_FIELDS, Schedule
from notices.pages.notice_form import NoticeForm
from notices.pages.schedule_report import facts_of, schedule_report, with_runs
from notices.pages.timing_form import TimingForm
from notices.schedules import actions

__all__ = ["router"]

router = Router(tags=["schedules"])
ScheduleIn = body_of("ScheduleIn", NoticeForm, TimingForm, without=("when", "not_after"))


class ScheduleOut(Schema):
    id: int
    state: Literal[tuple(Schedule.State.values)]  # type: ignore[valid-type]
    subject: str
    rule: str
    words: str
    zone: str
    late_minutes: int | None
    next: list[datetime]
    runs: int
    last_notice: int | None
    last_state: str | None


class Schedules(Schema):
    items: list[ScheduleOut]
    next: str | None


readers = scope("notices:read", "schedules:write")
writers = scope("schedules:write", tests=False)


@router.post("", response={201: ScheduleOut}, summary="Plan a notice that repeats")
@writers
def plan(request: Asked, body: ScheduleIn) -> HttpResponse:  # type: ignore[valid-type]
    """The fields of the page."""
    return accepted(request, sent_fields(body) | {"when": "repeat"}, 201, schedule_report)


@router.get("", response=Schedules, summary="Schedules, the newest first")
@readers
def listing(request: Asked, given: Query[Part]) -> dict[str, Any]:
    found, following = part(with_runs(Schedule.objects.defer(*LONG_FIELDS)), given)
    return listed([facts_of(each) for each in found], following)


@router.get("/{int:number}", response=ScheduleOut, summary="One schedule")
@readers
def show(request: Asked, number: int) -> dict[str, Any]:
    return schedule_report(found(number))


@router.post("/{int:number}/pause", response=ScheduleOut, summary="Pause a schedule")
@writers
@once(atomic=False)
def pause(request: Asked, number: int) -> tuple[int, dict[str, Any]]:
    return step(number, "pause", actions.pause)


@router.post("/{int:number}/resume", response=ScheduleOut, summary="Let a schedule go on")
@writers
@once(atomic=False)
def resume(request: Asked, number: int) -> tuple[int, dict[str, Any]]:
    demand_for(request.auth, found(number).audience)
    return step(number, "resume", actions.resume)


@router.delete("/{int:number}", response=ScheduleOut, summary="End a schedule")
@writers
def end(request: Asked, number: int) -> dict[str, Any]:
    """It will not run again. What it made stays, and so does its row, as ended."""
    return step(number, "end", actions.end)[1]


def step(number: int, name: str, act: Callable[[int], None]) -> tuple[int, dict[str, Any]]:
    """Asked for twice, the second answer is the first."""
    schedule = found(number)
    try:
        act(schedule.pk)
    except actions.NotNow:
        if not actions.was_done(schedule.pk, name):
            schedule.refresh_from_db()
            state = str(schedule.get_state_display())
            sentence = _("Nothing was changed: the schedule is “%s”.") % state
            raise Refused("not_now", sentence) from None
    return 200, schedule_report(schedule)


def found(number: int) -> Schedule:
    row = Schedule.objects.defer("text", "addresses").filter(pk=min(number, PK)).first()
    if row is None:
        raise Http404
    return row
