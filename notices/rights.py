"""What staff may do: each is a permission of Django's, given in the admin (docs/rights.md). Whoever
is staff may look at the pages; addresses are masked there for who may not see them."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from web.access import View, staff_required
from web.answers import refusal
from web.problems import NotAllowed

__all__ = [
    "ADDRESSES", "APPROVE", "EVERYONE", "EXPORT", "LIFT", "PEOPLE", "SCHEDULE", "SEE_PEOPLE",
    "SEND", "TOKENS", "demand", "of", "right_required",
]  # fmt: skip

SEND = "notices.send_notice"
EVERYONE = "notices.send_to_everyone"
SCHEDULE = "notices.manage_schedules"
APPROVE = "notices.approve_notice"
ADDRESSES = "notices.see_addresses"
EXPORT = "notices.export_deliveries"
LIFT = "notices.lift_suppressions"
SEE_PEOPLE = "notices.see_people"
PEOPLE = "notices.manage_people"
TOKENS = "notices.manage_tokens"

WORDS = {
    SEND: gettext_noop("Write, send and cancel notices"),
    EVERYONE: gettext_noop("Send to everyone"),
    SCHEDULE: gettext_noop("Write, change and stop schedules"),
    APPROVE: gettext_noop("Can approve a notice"),
    ADDRESSES: gettext_noop("See addresses and numbers"),
    EXPORT: gettext_noop("Download deliveries"),
    LIFT: gettext_noop("Lift suppressions"),
    SEE_PEOPLE: gettext_noop("See people, and what they were told"),
    PEOPLE: gettext_noop("Add and change people, groups and audiences"),
    TOKENS: gettext_noop("Make and revoke tokens of the API"),
}


def of(*rights: str) -> Any:
    """For the Meta of a model."""
    return [(right.partition(".")[2], WORDS[right]) for right in rights]


def demand(request: HttpRequest, *rights: str) -> None:
    """Raises PermissionDenied, in words, for who has none of them."""
    if any(request.user.has_perm(right) for right in rights):
        return
    request.missing_right = "|".join(rights)  # type: ignore[attr-defined]  # signup/security.py
    names = " / ".join(_(WORDS[right]) for right in rights)
    raise PermissionDenied(_("For this you need the right “%(right)s”.") % {"right": names})


def right_required(*rights: str) -> Callable[[View], View]:
    """For a view: staff who have one of these."""

    def decorate(view: View) -> View:
        @staff_required
        @wraps(view)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            try:
                demand(request, *rights)
            except PermissionDenied as denied:
                if request.content_type == "application/json":
                    return refusal(NotAllowed(str(denied)))
                raise
            return view(request, *args, **kwargs)

        return inner

    return decorate
