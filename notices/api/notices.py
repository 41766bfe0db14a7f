"""Notices: written by the forms of the page, sent, shown, paused, cancelled."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema

from config import clock
from notices.api.bearer import Asked, scope
from notices.api.forms import body_of
from notices.api.once import as_json, once, text
from notices.api.paging import Part, listed, part
from notices.api.problems import Refused
from notices.api.shapes import PK
from notices.channels import CHANNELS
from notices.delivery import lifecycle
from notices.models import LONG_FIELDS, UNDER_WAY, Brake, Notice, Token
from notices.pages import accepting, idempotency
from notices.pages.drafts import DraftForm
from notices.pages.idempotency import Key
from notices.pages.notice_form import NoticeForm
from notices.pages.progress import report
from notices.pages.reach import reach
from notices.pages.starting import at_once
from notices.pages.survey import survey
from notices.pages.timing_form import TimingForm
from web.problems import Invalid

__all__ = ["NoticeOut", "accepted", "demand_for", "facts", "found", "router", "sent_fields"]

router = Router(tags=["notices"])
OF_SCHEDULES = (
    "every", "number", "weekdays", "month_day", "rule", "ends_on", "times", "missed",
    "late_minutes",
)  # fmt: skip
NoticeIn = body_of("NoticeIn", NoticeForm, TimingForm, without=OF_SCHEDULES)
DraftIn = body_of("DraftIn", DraftForm, begun=True)


class NoticeLine(Schema):
    id: int
    state: Literal[tuple(Notice.State.values)]  # type: ignore[valid-type]
    subject: str
    channels: list[str]
    audience: str
    created_at: datetime
    start_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class BrakeOut(Schema):
    why: Literal[tuple(Brake.Kind.values)]  # type: ignore[valid-type]
    number: int
    among: int
    at: datetime
    released_at: datetime | None = Field(description="When a person let the emails go on.")


class NoticeOut(NoticeLine):
    recipients: int
    counts: dict[str, int]
    stopped_after: int | None = None
    pause_reason: str
    brakes: list[BrakeOut] = Field([], description="Why its emails stopped by themselves.")


class Notices(Schema):
    items: list[NoticeLine]
    next: str | None


class Reached(Schema):
    recipients: int
    without: int


class Checked(Schema):
    reached: dict[str, Reached]
    unfilled: dict[
        str, int
    ]  # placeholder -> people of whom nothing is known that could stand there


readers = scope("notices:read", "notices:send", "notices:write")


@router.post("", response={202: NoticeOut}, summary="Send a notice")
@scope("notices:send", tests=False)
def send(request: Asked, body: NoticeIn) -> HttpResponse:  # type: ignore[valid-type]
    """The fields of the page. Without `when` it goes in ten seconds, in which it can be
    cancelled."""
    given = sent_fields(body)
    if given.get("when") == "repeat":
        raise Invalid.field("when", _("What repeats is a schedule: POST /schedules."))
    return accepted(request, given, 202, facts)


def sent_fields(body: Any) -> dict[str, Any]:
    given = body.model_dump(exclude_unset=True)
    return {name: value for name, value in given.items() if value is not None}


def accepted(
    request: Asked, given: dict[str, Any], status: int, shown: Callable[[Any], dict[str, Any]]
) -> HttpResponse:
    """Its row holds its key, as one does that the page made: whoever comes second waits for the
    first, and gets its answer."""
    token, header = request.auth, request.headers.get("Idempotency-Key")
    if header is not None:
        idempotency.check(header)
    form, timing = accepting.read(given, own_zone(token), token.author)
    demand_for(token, str(form.cleaned_data.get("audience", "")))
    key = Key.of(f"token {token.pk}", header, idempotency.asked(form, timing))
    saved = key.made()
    if saved is None:
        accepting.check(form, timing)
        saved = key.once(lambda: accepting.accept(form, timing, token.author, key)[0])
    answer = key.answer(saved, lambda: json.loads(text(shown(saved))))
    return as_json(request, status, text(answer))


def own_zone(token: Token) -> str:
    return token.author.time_zone if token.author else ""


def demand_for(token: Token, audience: str) -> None:
    if audience == Notice.Audience.EVERYONE and "notices:everyone" not in token.scopes:
        sentence = _("This token lacks the scope %s.") % "notices:everyone"
        raise Refused("missing_scope", sentence)


@router.post("/check", response=Checked, summary="Check a notice")
@scope("notices:write", "notices:send")
@once()
def check(request: Asked, body: NoticeIn) -> tuple[int, dict[str, Any]]:  # type: ignore[valid-type]
    """Refuses what would be refused, and says how many it would reach by each channel; nothing is
    kept."""
    form, timing = accepting.read(sent_fields(body), own_zone(request.auth), request.auth.author)
    accepting.check(form, timing)
    notice = Notice(**form.written())
    reached = {name: reach(notice, CHANNELS[name])._asdict() for name in notice.channels}
    found = survey(notice).unfilled
    return 200, {
        "reached": reached,
        "unfilled": {each.name: each.number for each in found if each.number},
    }


@router.post("/drafts", response={201: NoticeOut}, summary="Write a draft")
@scope("notices:write", tests=False)
@once()
def draft(request: Asked, body: DraftIn) -> tuple[int, dict[str, Any]]:  # type: ignore[valid-type]
    """Staff find it among the notices, complete it and send it."""
    form = DraftForm.from_json(sent_fields(body))
    if problem := form.problem():
        raise Invalid(problem, {name: list(map(str, each)) for name, each in form.errors.items()})
    author = request.auth.author
    saved = Notice.objects.create(
        **form.kept(), state=Notice.State.DRAFT, author=author, saved_by=author,
        saved_at=clock.now(), draft_version=1,
    )  # fmt: skip
    return 201, facts(saved)


@router.get("", response=Notices, summary="Notices, the newest first")
@readers
def listing(
    request: Asked,
    given: Query[Part],
    state: Literal[tuple(Notice.State.values)] | None = None,  # type: ignore[valid-type]
) -> dict[str, Any]:
    rows = Notice.objects.defer(*LONG_FIELDS)
    if state:
        rows = rows.filter(state=state)
    found, following = part(rows, given)
    return listed([line(each) for each in found], following)


@router.get("/{int:number}", response=NoticeOut, summary="How far a notice is")
@readers
def show(request: Asked, number: int) -> dict[str, Any]:
    return facts(found(number))


@router.post("/{int:number}/start", response=NoticeOut, summary="Send a waiting notice at once")
@scope("notices:send", tests=False)
@once(atomic=False)
def start(request: Asked, number: int) -> tuple[int, dict[str, Any]]:
    """Also in the quiet hours. Asked twice it is answered the same, while it goes."""
    notice = found(number)
    demand_for(request.auth, notice.audience)
    started = notice.state != Notice.State.DRAFT and at_once(notice) is not None
    notice.refresh_from_db()
    return done(notice, started or notice.state in UNDER_WAY)


@router.post("/{int:number}/pause", response=NoticeOut, summary="Pause a notice")
@scope("notices:send", tests=False)
@once(atomic=False)
def pause(request: Asked, number: int) -> tuple[int, dict[str, Any]]:
    notice = found(number)
    lifecycle.pause(notice)
    notice.refresh_from_db()
    return done(notice, notice.state == Notice.State.PAUSED)


@router.post("/{int:number}/resume", response=NoticeOut, summary="Let a paused notice go on")
@scope("notices:send", tests=False)
@once(atomic=False)
def resume(request: Asked, number: int) -> tuple[int, dict[str, Any]]:
    notice = found(number)
    demand_for(request.auth, notice.audience)
    resumed = lifecycle.resume(notice)  # nothing may be left of it
    notice.refresh_from_db()
    return done(notice, resumed or notice.state in UNDER_WAY)


@router.post("/{int:number}/cancel", response=NoticeOut, summary="Cancel a notice")
@scope("notices:send", tests=False)
@once(atomic=False)
def cancel(request: Asked, number: int) -> tuple[int, dict[str, Any]]:
    """What has left has left."""
    notice = found(number)
    lifecycle.cancel(notice)
    notice.refresh_from_db()
    return done(notice, notice.state == Notice.State.CANCELLED)


def done(notice: Notice, is_so: bool) -> tuple[int, dict[str, Any]]:
    """Asked for twice, the second answer is the first."""
    if not is_so:
        state = str(notice.get_state_display())
        raise Refused("not_now", _("Nothing was changed: the notice is “%s”.") % state)
    return 200, facts(notice)


def found(number: int) -> Notice:
    return get_object_or_404(Notice, pk=min(number, PK))


def line(notice: Notice) -> dict[str, Any]:
    names = ("state", "subject", "channels", "audience", "created_at", "start_at", "started_at")
    facts = {name: getattr(notice, name) for name in names}
    return {"id": notice.pk, **facts, "finished_at": notice.finished_at}


def facts(notice: Notice) -> dict[str, Any]:
    counted = report(notice)
    names = ("recipients", "counts", "stopped_after", "brakes")
    return (
        line(notice)
        | {"pause_reason": notice.pause_reason}
        | {name: counted[name] for name in names if name in counted}
    )
