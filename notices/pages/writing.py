"""The staff's page for writing: a notice for now or later, or a schedule."""

from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from notices import rights
from notices.audience import people
from notices.delivery import quiet_hours
from notices.delivery.lifecycle import DraftChanged
from notices.models import Notice, Schedule
from notices.pages import accepting, drafts, idempotency
from notices.pages.allowed import demand_to_write, offer_allowed
from notices.pages.file_field import for_one_notice
from notices.pages.idempotency import Key, KeyReused
from notices.pages.notice_form import NoticeForm
from notices.pages.preview import previews, render_with_previews
from notices.pages.schedule_report import made
from notices.pages.timing_form import TimingForm
from notices.recurrence import rule
from notices.recurrence.describe import in_words
from notices.rights import right_required
from notices.schedules import actions
from signup import fresh
from web import answers
from web.access import StaffRequest

__all__ = ["ask_for_schedule", "needs_proof", "new", "page", "tell_of_time", "times"]

QUEUE_AWAY = gettext_lazy("Accepted. The queue is away: it will go out when the queue is back.")


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
        if needs_proof(request, form):
            fresh.demand_of_program(request)
        saved = key.once(partial(accepted, form, timing, request, key))
    return answers.ok(**key.answer(saved, partial(made, saved)))


def key_of(request: StaffRequest, key: str | None, form: NoticeForm, timing: TimingForm) -> Key:
    return Key.of(f"user {request.user.pk}", key, idempotency.asked(form, timing))


def accepted(
    form: NoticeForm,
    timing: TimingForm,
    request: StaffRequest,
    key: Key,
    draft: tuple[int, int] | None = None,
) -> Notice | Schedule:
    draft = drafts.to_send(request) or draft
    saved, rung = accepting.accept(form, timing, request.user, key, draft, origin(request))
    if not rung:
        messages.warning(request, QUEUE_AWAY)
    return saved


def ask_for_schedule(schedule: Schedule, request: StaffRequest) -> None:
    accepting.ask_for_schedule(schedule, request.user, origin(request))


def origin(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"


def to_check(
    form: NoticeForm, timing: TimingForm, request: StaffRequest, key: Key,
    begun: tuple[int, int] | None,
) -> Notice:  # fmt: skip
    """Keeps it, complete, as a draft that is looked at before it goes (check.py)."""
    times = {name: timing.cleaned_data[name] for name in ("zone", "not_after", "in_quiet_hours")}
    times |= {"planned_for": timing.cleaned_data.get("start_at")}
    facts = form.written() | key.columns | times
    draft = drafts.to_send(request) or begun
    made = key.once(partial(drafts.keep_checked, request, draft, facts))
    assert isinstance(made, Notice)
    if form.pasted.repeated:
        words = ngettext(
            "%(number)s line repeats an address that stands above it. Each is told once.",
            "%(number)s lines repeat an address that stands above them. Each is told once.",
            form.pasted.repeated,
        )
        messages.info(request, words % {"number": form.pasted.repeated})
    return made


def needs_proof(request: StaffRequest, form: NoticeForm) -> bool:
    """Whether it goes to so many that a session which may be stolen is not enough."""
    if not fresh.wanted(request):
        return False
    return people.is_above(form.save(commit=False), settings.CONFIRM_ABOVE)


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
    """Writes a notice or a schedule. POST with `preview` shows it; with `check` it leads to the
    page by which a notice is sent; without either it is accepted; so is JSON with the forms'
    fields. `key` was made with the form: sent twice, it is accepted once."""
    if request.method == "GET" and "key" not in request.GET:
        # In the address, so that Back brings the same key, whatever the browser kept of the page.
        query = request.GET.copy()
        query["key"] = idempotency.new_key()
        return redirect(f"{request.path}?{query.urlencode()}")
    form = NoticeForm(request.POST or None, initial=drafts.begun(request))
    valid = form.is_valid()
    many = not valid or form.many
    wanted = {"when": request.GET.get("when", "now")} | drafts.times_of(request)
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
        saved, begun = before(key)
        if "preview" not in request.POST and saved is None and timing.is_valid() and valid:
            once = timing.cleaned_data["when"] != "repeat"
            if once and ("check" in request.POST or needs_proof(request, form)):
                return redirect("notice_check", to_check(form, timing, request, key, begun).pk)
            saved = key.once(partial(accepted, form, timing, request, key, begun))
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


def before(key: Key) -> tuple[Notice | Schedule | None, tuple[int, int] | None]:
    """What the form made before, or the draft that it began, to be looked at. Raises KeyReused."""
    try:
        made = key.made()
    except KeyReused as reused:
        made = reused.made
        if not is_draft(made):
            raise
    if isinstance(made, Notice) and is_draft(made):
        return None, (made.pk, made.draft_version)
    return made, None


def is_draft(made: Notice | Schedule) -> bool:
    return isinstance(made, Notice) and made.state == Notice.State.DRAFT


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
