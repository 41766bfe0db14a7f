"""Where staff can go from every page, and where they are."""

from typing import Any, NamedTuple

from django import template
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from notices import rights

register = template.Library()
SETTINGS = ("/kinds/", "/roles/", "/tokens/", "/retention/", "/audit/")
PEOPLE = (rights.SEE_PEOPLE, rights.PEOPLE)


class Place(NamedTuple):
    page: str  # the name of its address
    words: Promise
    rights: tuple[str, ...] = ()  # of which one is enough; none: it is for all staff
    also: tuple[str, ...] = ()  # other pages that are found there, with all below them


PLACES = (
    Place("desk", _("Home")),
    Place("notices", _("Notices")),
    Place("schedules", _("Schedules")),
    Place("search", _("Messages"), also=("/messages/",)),
    Place("people", _("People"), PEOPLE, ("/groups/", "/audiences/", "/uploads/")),
    Place("suppressed", _("Suppressions")),
    Place("settings", _("Settings"), also=SETTINGS),
    Place("health", _("Health")),
)


@register.simple_tag(takes_context=True)
def places(context: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that the person may open, and which of them is this page's."""
    request = context["request"]
    allowed = [
        each for each in PLACES if not each.rights or rights.has_any(request.user, *each.rights)
    ]
    starts = {start: each for each in allowed for start in (reverse(each.page), *each.also)}
    here = max(filter(request.path.startswith, starts), key=len, default=None)
    return [
        {
            "url": reverse(each.page),
            "words": each.words,
            "is_here": here is not None and starts[here] is each,
        }
        for each in allowed
    ]
