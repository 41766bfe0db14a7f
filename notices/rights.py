"""What staff may do: each is a permission of Django's, given in the admin (docs/rights.md). Whoever
is staff may look at the pages; addresses are masked there for who may not see them."""

from collections.abc import Callable, Mapping
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
    "ADDRESSES", "APPROVE", "ERASE", "EVERYONE", "EXPORT", "LIFT", "PEOPLE", "RETENTION", "ROLES",
    "SCHEDULE", "SEE_PEOPLE", "SEE_WHO_DID_WHAT", "SEND", "TOKENS", "WRITE", "demand", "has_any",
    "in_words", "of", "right_required",
]  # fmt: skip

WRITE = "notices.write_drafts"
SEND = "notices.send_notice"
APPROVE = "notices.approve_notice"
EVERYONE = "notices.send_to_everyone"
SCHEDULE = "notices.manage_schedules"
ADDRESSES = "notices.see_addresses"
EXPORT = "notices.export_deliveries"
LIFT = "notices.lift_suppressions"
SEE_PEOPLE = "notices.see_people"
PEOPLE = "notices.manage_people"
ERASE = "notices.erase_people"
RETENTION = "notices.manage_retention"
TOKENS = "notices.manage_tokens"
SEE_WHO_DID_WHAT = "signup.view_audit"
ROLES = "signup.manage_roles"

WORDS = {
    WRITE: gettext_noop("Write drafts"),
    SEND: gettext_noop("Write, send and cancel notices"),
    APPROVE: gettext_noop("Can approve a notice"),
    EVERYONE: gettext_noop("Send to everyone"),
    SCHEDULE: gettext_noop("Write, change and stop schedules"),
    ADDRESSES: gettext_noop("See addresses and numbers"),
    EXPORT: gettext_noop("Download deliveries"),
    LIFT: gettext_noop("Lift suppressions"),
    SEE_PEOPLE: gettext_noop("See people, and what they were told"),
    PEOPLE: gettext_noop("Add and change people, groups and audiences"),
    ERASE: gettext_noop("Erase people, and all that is kept about them"),
    RETENTION: gettext_noop("Say how long things are kept"),
    TOKENS: gettext_noop("Make and revoke tokens of the API"),
    SEE_WHO_DID_WHAT: gettext_noop("See who did what"),
    ROLES: gettext_noop("Give and take roles"),
}


def of(*rights: str) -> Any:
    """For the Meta of a model."""
    return [(right.partition(".")[2], WORDS[right]) for right in rights]


def in_words(named: Mapping[str, str]) -> list[str]:
    """In the reader's language and our order; the name of one that is not ours as it is."""
    ours = [_(words) for right, words in WORDS.items() if right in named]
    return ours + [name for right, name in named.items() if right not in WORDS]


def has_any(user: Any, *rights: str) -> bool:
    return any(user.has_perm(right) for right in rights)


def demand(request: HttpRequest, *rights: str) -> None:
    """Raises PermissionDenied, in words, for who has none of them."""
    if has_any(request.user, *rights):
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
