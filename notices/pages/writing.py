"""The staff's pages for writing: a notice for now or later, a schedule, and changing them."""

from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from notices import rights
from notices.delivery import lifecycle, quiet_hours
from notices.delivery.lifecycle import DraftChanged
from notices.models import CONTENT_FIELDS, NOT_STARTED, Notice, Schedule
from notices.pages import accepting, drafts, idempotency
from notices.pages.allowed import demand_to_change, demand_to_write, offer_allowed
from notices.pages.file_field import for_one_notice
from notices.pages.idempotency import Key, KeyReused
from notices.pages.notice_form import NoticeForm
from notices.pages.preview import previews, render_with_previews
from notices.pages.schedule_report import made
from notices.pages.starting import STARTED
from notices.pages.timing_form import TimingForm
from notices.recurrence import rule
from notices.recurrence.describe import in_words
from notices.rights import right_required
from notices.schedules import actions
from web import answers
from web.access import StaffRequest

__all__ = ["NOTHING_LEFT", "edit", "edit_schedule", "new", "page", "times"]

QUEUE_AWAY = gettext_lazy("Accepted. The queue is away: it will go out when the queue is back.")
NOTHING_LEFT = gettext_lazy("Nothing was changed: there is no time left at which it would run.")
ENDED = gettext_lazy("Nothing was changed: this schedule has ended.")
EDITED = (*CONTENT_FIELDS, "zone", "not_after", "in_quiet_hours")


def new_by_json(request: StaffRequest, body: dict[str, Any]) -> JsonResponse:
    """The fields of both forms in one object; without `when` it goes out now. Asked for again with
    the same header Idempotency-Key, it answers as it did the first time."""
    header = request.headers.get("Idempotency-Key")
    if header is not None:
        idempotency.check(header)
    form, timing = accepting.read(body, request.user.time_zone, request.user)
    demand_to_write(request, form, timing)
    key = key_of(request, header, form, timing)
    saved = key.made()
    if saved is None:
        accepting.check(form, timing)
        saved = key.once(partial(accepted, form, timing, request, key))
    return answers.ok(**key.answer(saved, partial(made, saved)))


def key_of(request: StaffRequest, key: str | None, form: NoticeForm, timing: TimingForm) -> Key:
    return Key.of(f"user {request.user.pk}", key, idempotency.asked(form, timing))


def accepted(
    form: NoticeForm, timing: TimingForm, request: StaffRequest, key: Key
) -> Notice | Schedule:
    saved, rung = accepting.accept(form, timing, request.user, key, drafts.to_send(request))
    if not rung:
        messages.warning(request, QUEUE_AWAY)
    return saved


def tell_of_time(request: HttpRequest, notice: Notice, timing: TimingForm) -> None:
    """What the one who chose the time may not have thought of."""
    zone = ZoneInfo(notice.zone)
    until = quiet_hours.held_from(notice.start_at, in_quiet_hours=notice.in_quiet_hours)
    if until:
        shown = date_format(until.astimezone(zone), "Y-m-d H:i")
        sentence = _("This is in the quiet hours: it is held until %(time)s (%(zone)s).")
        messages.warning(request, sentence % {"time": shown, "zone": zone.key})
    wall = timing.cleaned_data.get("at")
    if timing.cleaned_data["when"] == "later" and wall and rule.is_repeated(wall, zone):
        messages.info(request, _("That day has this time twice. The first one is meant."))


writers = right_required(rights.WRITE, rights.SEND, rights.SCHEDULE)


@writers
@answers.form_or_json(new_by_json)
@require_http_methods(["GET", "POST"])
def new(request: StaffRequest) -> HttpResponse:
    """Writes a notice or a schedule. POST with `preview` shows it, without accepts it; so does
    JSON with the forms' fields. `key` was made with the form: sent twice, it is accepted once."""
    if request.method == "GET" and "key" not in request.GET:
        # In the address, so that Back brings the same key, whatever the browser kept of the page.
        query = request.GET.copy()
        query["key"] = idempotency.new_key()
        return redirect(f"{request.path}?{query.urlencode()}")
    form = NoticeForm(request.POST or None, initial=drafts.begun(request))
    valid = form.is_valid()
    many = not valid or form.many
    wanted = {"when": request.GET.get("when", "now")}
    own_zone = request.user.time_zone
    timing = TimingForm(request.POST or None, initial=wanted, own_zone=own_zone, many=many)
    for_one_notice(form, timing)
    own_key = request.POST.get("key", request.GET.get("key"))
    if not form.is_bound:
        return page(request, form, timing, key=own_key)
    demand_to_write(request, form, timing)
    asked = idempotency.asked(form, timing)
    key = key_of(request, own_key or idempotency.key_of_page(request, asked), form, timing)
    try:
        saved = key.made()
        if saved is None and timing.is_valid() and valid and "preview" not in request.POST:
            saved = key.once(partial(accepted, form, timing, request, key))
    except KeyReused as reused:
        # Back, changed, and sent again: as it stands now it is another one, if that is meant.
        own_key = idempotency.new_key()
        return page(request, form, timing, key=own_key, sent_before=reused.made)
    except DraftChanged:
        return page(request, form, timing, key=own_key, draft_changed=True)
    if saved is None or "preview" in request.POST:
        return page(request, form, timing, key=own_key)
    if isinstance(saved, Notice) and timing.is_valid():
        tell_of_time(request, saved, timing)
    return redirect(saved)


def page(request: StaffRequest, form: NoticeForm, timing: TimingForm, **more: Any) -> HttpResponse:
    shown = []
    if form.is_bound and form.is_valid() and timing.is_valid():
        shown = previews(form.save(commit=False), request.user)
    offer_allowed(request, form, timing)
    context = {
        "form": form,
        "timing": timing,
        "previews": shown,
        "zones": sorted(settings.TIME_ZONES),
        **times(timing, request),
        **drafts.shown(request),
        **drafts.file_again(request),
        **more,
    }
    status = 400 if form.errors or timing.errors else 200
    if {"sent_before", "started", "draft_changed"} & set(more):
        status = 409
    show = render_with_previews if shown else render
    return show(request, "notices/new.html", context, status=status)


def times(timing: TimingForm, request: StaffRequest) -> dict[str, Any]:
    """For timing_words.html: when it would go out, in the zone chosen and in the reader's own."""
    if not timing.is_bound or not timing.is_valid():
        return {}
    given = timing.cleaned_data
    zone = ZoneInfo(given["zone"])
    if given["when"] == "later":
        repeated = rule.is_repeated(given["at"], zone)
        return {"zone": zone, "instants": [given["start_at"]], "is_repeated": repeated}
    if given["when"] != "repeat":
        return {}
    planned = planned_by(timing)
    planned.words = in_words(planned.as_rule)  # type: ignore[attr-defined]
    return {"zone": zone, "instants": actions.upcoming(planned), "planned": planned}


def planned_by(timing: TimingForm) -> Schedule:
    """The schedule as it would be while active; not to be saved."""
    planned = Schedule()
    if isinstance(timing.saved, Schedule):
        planned = Schedule.objects.get(pk=timing.saved.pk)
    timing.apply_to_schedule(planned)
    actions.plan(planned)
    return planned


@require_http_methods(["GET", "POST"])
@right_required(rights.SEND)
def edit(request: StaffRequest, pk: int) -> HttpResponse:
    """Changes or moves a notice that has not started yet. The button that leads here holds it
    (starting.hold), and so does whatever is sent from here; it goes on when it is saved."""
    notice = get_object_or_404(Notice, pk=pk)
    demand_to_change(request, notice)
    not_started = notice.state in NOT_STARTED
    if request.method == "POST":
        not_started = lifecycle.hold(notice)
    if not not_started and request.method == "GET":
        messages.warning(request, STARTED)
        return redirect(notice)
    form = NoticeForm(request.POST or None, instance=notice)
    timing = TimingForm(request.POST or None, own_zone=request.user.time_zone, saved=notice)
    if not not_started:
        return too_late(request, form, timing, notice)
    timing.fields["when"].choices = timing.fields["when"].choices[:2]  # type: ignore[attr-defined]
    if form.is_bound:
        demand_to_write(request, form, timing)
    if timing.is_valid() and form.is_valid() and "preview" not in request.POST:
        timing.apply_to_notice(notice)
        edited = form.save(commit=False)
        if not lifecycle.change(edited, EDITED, timing.cleaned_data.get("start_at")):
            return too_late(request, form, timing, notice)
        messages.success(request, _("Changed."))
        tell_of_time(request, notice, timing)
        return redirect(notice)
    return page(request, form, timing, notice=notice)


def too_late(
    request: StaffRequest, form: NoticeForm, timing: TimingForm, notice: Notice
) -> HttpResponse:
    """The notice went as it was. What was typed is kept, as a new one."""
    started = Notice.objects.get(pk=notice.pk)
    return page(request, form, timing, key=idempotency.new_key(), started=started)


@require_http_methods(["GET", "POST"])
@right_required(rights.SCHEDULE)
def edit_schedule(request: StaffRequest, pk: int) -> HttpResponse:
    """Changes what a schedule will do; what it did stays."""
    found = get_object_or_404(Schedule, pk=pk)
    demand_to_change(request, found)
    if found.state == Schedule.State.ENDED and request.method == "GET":
        messages.warning(request, ENDED)
        return redirect(found)
    initial = {name: getattr(found, name) for name in CONTENT_FIELDS}
    form = NoticeForm(request.POST or None, initial=initial)
    many = not (form.is_bound and form.is_valid()) or form.many
    timing = TimingForm(
        request.POST or None, own_zone=request.user.time_zone, many=many, saved=found
    )
    timing.fields["when"].choices = timing.fields["when"].choices[2:]  # type: ignore[attr-defined]
    for_one_notice(form, timing)
    if form.is_bound:
        demand_to_write(request, form, timing)
    if timing.is_valid() and form.is_valid() and "preview" not in request.POST:

        def apply(locked: Schedule) -> None:
            for name, value in form.written().items():
                setattr(locked, name, value)
            timing.apply_to_schedule(locked)

        try:
            actions.change(pk, apply)
            messages.success(request, _("Changed."))
            return redirect(found)
        except actions.NothingLeft:  # what was typed stays on the page
            messages.warning(request, NOTHING_LEFT)
        except actions.NotNow:
            messages.warning(request, ENDED)
    return page(request, form, timing, schedule=found)
