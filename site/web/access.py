"""Who may enter."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from web.answers import refusal
from web.problems import NotAllowed

__all__ = ["StaffRequest", "View", "own_account", "staff_required"]

View = Callable[..., Any]  # returns a response of some kind


class StaffRequest(HttpRequest):
    """What a view behind `staff_required` gets; for mypy."""

    user: Any  # a signup.User


def staff_required(view: View) -> View:
    """Asks visitors to sign in, and tells users who are not staff, and scripts that have not
    signed in, that this is not for them."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        by_script = request.content_type == "application/json"
        if not request.user.is_authenticated and not by_script:
            if "HX-Request" in request.headers:  # a part of a page, whose session has ended
                return HttpResponse(headers={"HX-Refresh": "true"})
            return redirect_to_login(request.get_full_path())
        if not request.user.is_staff:
            if by_script:
                return refusal(NotAllowed())
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return inner


def own_account(view: View) -> View:
    """Asks visitors to sign in, and refuses scripts that have not."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if request.content_type == "application/json":
            return refusal(NotAllowed(_("Sign in first.")))
        return redirect_to_login(request.get_full_path())

    return inner
