"""What the links in emails and SMS about an account lead to. GET changes nothing, since mail
programs and virus scanners open every link."""

from collections.abc import Callable

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from notices.models import Delivery
from signup import flow
from signup.account import changes
from signup.accounts import base_address
from web.problems import Invalid


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_email(request: HttpRequest, token: str) -> HttpResponse:
    return confirming(request, flow.welcomed(token), flow.confirm_email, new=False)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new_email(request: HttpRequest, token: str) -> HttpResponse:
    def confirm(delivery: Delivery) -> bool:
        return changes.confirm_email(delivery, base_address(request))

    return confirming(request, changes.asked_email(token), confirm, new=True)


def confirming(
    request: HttpRequest,
    delivery: Delivery | None,
    confirm: Callable[[Delivery], bool],
    *,
    new: bool,
) -> HttpResponse:
    """`confirm` says whether nobody else has the address. `new`: of an account that had one."""
    if delivery is None:
        return render(request, "signup/confirm_email.html", status=404)
    state = "waiting"
    if request.method == "POST":
        state = "confirmed" if confirm(delivery) else "taken"
    return render(request, "signup/confirm_email.html", {"state": state, "new": new})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: HttpRequest, token: str) -> HttpResponse:
    delivery = changes.told(token)
    if delivery is None:
        return render(request, "account/undo.html", status=404)
    if request.method != "POST":
        return render(request, "account/undo.html", {"state": "waiting"})
    try:
        state = "done" if changes.take_back(delivery) else "before"
    except Invalid as problem:
        return render(request, "account/undo.html", {"problem": problem}, status=problem.status)
    if request.user.is_authenticated and request.user.pk == delivery.user_id:
        logout(request)
    return render(request, "account/undo.html", {"state": state})
