"""One box for everything: people, notices and messages, by what somebody has at hand of them."""

import re
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from notices import channels, rights
from notices.models import Delivery, Notice
from notices.pages.people import SAID
from signup import emails, search, usernames
from signup.models import User
from web import characters
from web.access import StaffRequest, staff_required

__all__ = ["everything"]

MOST = 20  # of each kind
LONGEST = 254  # characters
NUMBER = re.compile(r"#?([0-9]{1,18})")
OWN_MESSAGE_ID = re.compile(r"<?bellhop-([0-9]{1,18})@[^<>\s]*>?")


@require_GET
@staff_required
def everything(request: StaffRequest) -> HttpResponse:
    may = request.user.has_perm
    by_address = may(rights.ADDRESSES)
    sees_people = may(rights.SEE_PEOPLE) or may(rights.PEOPLE)
    text = characters.clean(request.GET.get("q", "")[:LONGEST]).strip()
    context: dict[str, Any] = {"text": text}
    if text:
        if by_address:
            search.looked_for(text)
        context["people"] = people(text, by_address=by_address) if sees_people else []
        context["notices"] = notices(text)
        context["told"] = messages(text, by_address=by_address, alone=sees_people)
    return render(request, "notices/search.html", context)


def numbers(text: str) -> list[int]:
    """The number that it is, ours or in a Message-ID of ours; else none."""
    found = NUMBER.fullmatch(text) or OWN_MESSAGE_ID.fullmatch(text)
    return [int(found[1])] if found else []


def address_in(text: str) -> tuple[str, str] | None:
    """The channel, and the address as it is kept; None for what is no whole address."""
    channel = channels.of(text)
    try:
        return channel.name, channel.read(text)
    except ValueError:
        return None


def people(text: str, *, by_address: bool) -> list[User]:
    """Who it names exactly, by an index; else, who has it somewhere in a name. Not `by_address`
    for who may not see them, and could ask for one digit after the other."""
    rows = User.objects.order_by()
    exact = list(rows.filter(pk__in=numbers(text)))
    exact += rows.filter(name_key=usernames.key(usernames.typed(text)))
    if by_address and (written := address_in(text)):
        by_index = {
            channels.EMAIL: rows.exclude(email="").annotate(lower=Lower("email")),
            channels.SMS: rows,
        }
        columns = {channels.EMAIL: "lower__in", channels.SMS: "mobile__in"}
        channel, address = written
        forms = emails.forms(address) if channel == channels.EMAIL else {address}
        exact += by_index[channel].filter(**{columns[channel]: forms})
    if exact:
        return sorted(set(exact), key=lambda person: -person.pk)
    names = ("name", "username", "email", "mobile") if by_address else ("name", "username")
    by_a_part = rows.filter(search.near(text), search.fitting(text, *names))
    return list(by_a_part.order_by("-pk")[:MOST])


def notices(text: str) -> QuerySet[Notice]:
    fitting = Q(subject__icontains=text) | Q(pk__in=numbers(text))
    return Notice.objects.filter(fitting).defer("text", "addresses")[:MOST]


def messages(text: str, *, by_address: bool, alone: bool) -> list[Delivery]:
    """By their own number, the provider's, or a whole address; each by an index, whatever else is
    in the table. `alone`: also those of no notice, such as codes."""
    rows = Delivery.objects.order_by()
    if not alone:
        rows = rows.filter(notice__isnull=False)
    found = set(rows.filter(pk__in=numbers(text)).values_list("pk", flat=True))
    # The second condition of each is what its index is for.
    by_ref = rows.filter(provider_ref=text).exclude(provider_ref="")
    found.update(by_ref.values_list("pk", flat=True)[:MOST])
    if by_address and (read := address_in(text)):
        channel, address = read
        to_it = rows.filter(address=address, channel=channel).exclude(address="")
        found.update(to_it.order_by("-address", "-pk").values_list("pk", flat=True)[:MOST])
    shown = Delivery.objects.filter(pk__in=found).select_related("notice").order_by("-pk")
    told = list(shown.defer("values", "notice__text", "notice__addresses")[:MOST])
    for each in told:
        each.said = SAID.get(each.message, each.message)  # type: ignore[attr-defined]
    return told
