"""Who may enter."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

View = Callable[..., HttpResponseBase]


class StaffRequest(HttpRequest):
    """What a view behind `staff_required` gets; for mypy."""

    user: Any  # a signup.User


def staff_required(view: View) -> View:
    """Asks visitors to sign in, and tells users who are not staff that this is not for them."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_staff:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return login_required(inner)
