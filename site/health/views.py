"""The health page for people, /healthz and /readyz for machines."""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from redis.exceptions import RedisError

import jobs
from health import alerts, probes, queuecheck, report
from health import codes as code_budget
from health.forms import QueueCheckForm
from notices import rights
from notices.channels import CHANNELS
from notices.delivery import questions
from notices.providers import breaker
from notices.rights import right_required
from queueing.redis import bell
from signup import budget, rates
from web.access import StaffRequest, staff_required
from web.problems import TooMany

View = Callable[..., HttpResponseBase]


def tells_database_away(view: View) -> View:
    """Who is asking is in the database, so without it the page can say only that."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except DatabaseError:
            return render(request, "health/database_away.html", status=503)

    return inner


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@vary_on_headers("HX-Request", "HX-Target")
@tells_database_away
@staff_required
def health(request: HttpRequest) -> HttpResponse:
    """How every part is. POST puts a queue check; its job ids are then in the page's address."""
    form = QueueCheckForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        return start_check(request, form)
    found = report.make()
    budgets = code_budget.look(found)
    context = {"report": found, "form": form} | check(request, found)
    context |= {"codes": budgets, "CODE_BUDGET": settings.CODE_BUDGET}
    context["ALERT_URLS"] = len(settings.ALERT_URLS)
    if not request.headers.get("HX-Request"):  # it counts deliveries
        context["questions"] = list(questions.questions())
    return render(request, template(request), context, status=400 if form.errors else 200)


def template(request: HttpRequest) -> str:
    """htmx asks for the two changing parts, each at its own pace, by the id of the element."""
    if not request.headers.get("HX-Request"):
        return "health/page.html"
    return (
        "health/check.html" if request.headers.get("HX-Target") == "check" else "health/live.html"
    )


def start_check(request: HttpRequest, form: QueueCheckForm) -> HttpResponse:
    try:
        rates.spend_anyway(rates.Limit("queue-check", rates.QUEUE_CHECK, ""))
    except TooMany as problem:
        messages.error(request, problem.sentence)
        return redirect("health")
    ids = queuecheck.start(form.wanted())
    if not ids:
        messages.error(request, _("Redis does not answer, so nothing was put on a queue."))
        return redirect("health")
    return redirect(f"{reverse('health')}?jobs={','.join(ids)}#check")


def check(request: HttpRequest, found: report.Report) -> dict[str, Any]:
    try:
        rows = queuecheck.look(queuecheck.read_ids(request.GET.get("jobs", "")))
    except (RedisError, OSError):
        rows = []
    return {"rows": rows, "unsettled": any(not row.settled for row in rows)}


@require_POST
@tells_database_away
@right_required(rights.SEND)
def restored(request: StaffRequest) -> HttpResponse:
    """POST `go` or `settle` with the name of a question, or `all`."""
    if name := request.POST.get("go"):
        decided, text = questions.let_go(name), _("It goes on within half a minute.")
    elif name := request.POST.get("settle"):
        decided, text = questions.settle(name, request.user), _("Settled: nothing more of it goes.")
    else:
        raise Http404
    if decided:
        messages.success(request, text)
    else:
        messages.warning(request, _("Nothing was changed: somebody else decided it."))
    return redirect(f"{reverse('health')}#restored")


@require_POST
@tells_database_away
@right_required(rights.SEND)
def codes(request: StaffRequest) -> HttpResponse:
    """POST `release` or `hold` with a prefix or a network."""
    release, hold = request.POST.get("release", ""), request.POST.get("hold", "")
    if not budget.is_subject(release or hold):
        raise Http404
    if release:
        budget.release(release)
        messages.success(request, _("Released for a day: codes go there again."))
    elif budget.hold(hold):
        messages.success(request, _("The budget counts there again."))
    return redirect(f"{reverse('health')}#codes")


@require_POST
@tells_database_away
@staff_required
def test_alert(request: HttpRequest) -> HttpResponse:
    """POST: sends a test to all of ALERT_URLS."""
    try:
        rates.spend_anyway(rates.Limit("test-alert", rates.TEST_ALERT, ""))
    except TooMany as problem:
        messages.error(request, problem.sentence)
        return redirect("health")
    if settings.ALERT_URLS:
        alerts.test()
        jobs.now(jobs.tell_alerts)
        words = _("A test is on its way. If nobody takes it, this page says so in a moment.")
        messages.success(request, words)
    return redirect(f"{reverse('health')}#alerts")


def watch(state: probes.RedisState) -> None:
    """The sweep judges what whoever is on call is told of; while it is silent, who asks does."""
    if state.swept_ago is not None and state.swept_ago <= probes.SWEEP_LATE:
        return
    with suppress(DatabaseError):  # also one that waits for its migrations
        if bell().set("bellhop:alerts:watched", 1, nx=True, ex=20) and alerts.judge():
            jobs.push(jobs.tell_alerts)


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers, whatever else is down: restart it when it does not."""
    return HttpResponse("ok", content_type="text/plain")


def well(channel: str) -> bool:
    found = probes.carriers(channel).values()
    return any(state != breaker.RESTING and not trouble for state, trouble in found)


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database and Redis are there, else 503; which of them, for everybody. Staff who have
    signed in are told of the rest, too. It does not count: a web process serves people without
    workers and scheduler, and taking it away would help nobody."""
    answer: dict[str, Any] = {"ready": False, "database": False, "redis": False}
    by_staff = False
    try:
        probes.database()
        answer["database"] = True
        by_staff = request.user.is_staff
    except DatabaseError:
        pass
    try:
        state = probes.redis_state()
        if answer["database"]:
            watch(state)
        if by_staff:
            answer |= details(state)
        answer["redis"] = True
    except (RedisError, OSError):
        pass
    answer["ready"] = answer["database"] and answer["redis"]
    return JsonResponse(answer, status=200 if answer["ready"] else 503)


def details(state: probes.RedisState) -> dict[str, Any]:
    return {
        "scheduler": state.scheduled_at is not None,
        "swept_ago": state.swept_ago,  # seconds since the last sweep ended
        "queues": {queue.name: queue.workers > 0 for queue in probes.queues()},
        "carriers": {name: well(name) for name in CHANNELS},  # whether somebody carries it
    }
