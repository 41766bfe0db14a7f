"""The staff's pages of people: who they are, and everything that they were ever told."""

from collections import defaultdict
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from notices import channels, rights
from notices.audience import conditions, kinds, suppression
from notices.channels import CHANNELS
from notices.models import DEAD, Delivery, Erasure, Receipt, Suppression
from notices.receipts.apply import service
from notices.rights import right_required
from signup import groups, search, security
from signup.models import Group, Membership, User, Verification
from signup.person_form import may_touch
from web import characters
from web.access import StaffRequest

__all__ = ["SAID", "detail", "found", "listing", "receipts_of"]

PAGE = 50
STATES = {"active": _("active"), "inactive": _("deactivated"), "staff": _("staff")}
SAID = {
    "code": _("A code for signing up"),
    "account_exists": _("Word that there is an account"),
    "welcome": _("Welcome, with a link to confirm the address"),
    "password_reset": _("A link for a new password"),
    "message": _("A message of another program"),
    "test": _("A test of a notice"),
    "approval_asked": _("A question for an approval"),
    "approval_answered": _("The answer about an approval"),
}

seen_by = right_required(rights.SEE_PEOPLE, rights.PEOPLE)


@require_GET
@seen_by
def listing(request: StaffRequest) -> HttpResponse:
    """The newest first, in pages that begin below a number: the last costs what the first does."""
    names = ("q", "group", "language", "channel", "state", "before")
    wanted = {name: request.GET.get(name, "")[:254] for name in names}
    rows = found(wanted, by_address=request.user.has_perm(rights.ADDRESSES))
    if request.user.has_perm(rights.ADDRESSES):
        search.looked_for(wanted["q"])
    people = list(rows.prefetch_related("memberships__group")[: PAGE + 1])
    context = {
        "search": wanted,
        "people": people[:PAGE],
        "next_before": people[PAGE - 1].pk if len(people) > PAGE else None,
        "groups": Group.objects.all(),
        "spoken": settings.LANGUAGES,
        "channels": channels.choices(),
        "states": STATES.items(),
        "narrowed": any(value for name, value in wanted.items() if name != "before"),
    }
    return render(request, "people/list.html", context)


def number(text: str) -> int | None:
    is_one = text.isascii() and text.isdecimal() and len(text) <= 18
    return int(text) if is_one else None


def found(wanted: dict[str, str], *, by_address: bool) -> QuerySet[User]:
    """Not `by_address` for who may not see them, and could ask for one digit after the other."""
    people = User.objects.order_by("-pk")
    if text := characters.clean(wanted["q"]).strip():
        columns = ("name", "username", "email", "mobile") if by_address else ("name", "username")
        people = people.filter(search.near(text), search.fitting(text, *columns))
    if wanted["group"]:
        in_it = Membership.objects.filter(group=number(wanted["group"]), user=OuterRef("pk"))
        people = people.filter(Exists(in_it))
    if wanted["language"] in dict(settings.LANGUAGES):
        people = people.filter(language=wanted["language"])
    if wanted["channel"] in CHANNELS:
        people = people.filter(conditions.reached_by(wanted["channel"]))
    if wanted["state"] in STATES:
        of_state = {"active": Q(is_active=True), "inactive": Q(is_active=False)}
        people = people.filter(of_state.get(wanted["state"], Q(is_staff=True)))
    if (before := number(wanted["before"])) is not None:
        people = people.filter(pk__lt=before)
    return people


@require_GET
@seen_by
def detail(request: StaffRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User, pk=pk)
    if request.user.has_perm(rights.ADDRESSES):
        security.tell("addresses-seen", account=pk)
    before = number(request.GET.get("before", ""))
    told, addresses = deliveries_to(person, before), addresses_of(person)
    context = {
        "person": person,
        "addresses": addresses,
        "attributes": [
            (name, (person.attributes or {}).get(name, "")) for name in groups.attributes()
        ],
        "groups": Group.objects.filter(memberships__user=person),
        "left": kinds.left_by(person, [each["address"] for each in addresses if each["address"]]),
        "told": told[:PAGE],
        "next_before": told[PAGE - 1].pk if len(told) > PAGE else None,
        "changes": person.changes.select_related("by")[:PAGE],
        "may_change": may_change(request, person),
        "may_erase": request.user.has_perm(rights.ERASE) and may_touch(request, person),
        "is_going": Erasure.objects.filter(person=pk, done_at=None).exists(),
        "is_you": person.pk == request.user.pk,
    }
    return render(request, "people/person.html", context)


def may_change(request: StaffRequest, person: User) -> bool:
    rights_of = request.user.has_perm(rights.PEOPLE) and request.user.has_perm(rights.ADDRESSES)
    return bool(rights_of and may_touch(request, person))


def addresses_of(person: User) -> list[dict[str, Any]]:
    """By channel: the address, whether notices are wanted there, and what stands against it."""
    found = []
    for channel in CHANNELS.values():
        address = str(getattr(person, channel.user_field) or "")
        rows = suppression.active(channel.name, address) if address else Suppression.objects.none()
        found.append(
            {
                "channel": channel,
                "address": address,
                "wanted": channel.wanted_by(person),
                "against": [(row, row.kind in DEAD) for row in rows],
            }
        )
    return found


def deliveries_to(person: User, before: int | None) -> list[Delivery]:
    """The newest first, one more than a page; also codes to their number, from before there was an
    account. Each with `receipts` and `said`."""
    proofs = Verification.objects.filter(mobile=person.mobile) if person.mobile else []
    theirs = Q(user=person) | Q(verification__in=[each.pk for each in proofs])
    rows = Delivery.objects.filter(theirs).select_related("notice").order_by("-pk")
    rows = rows.defer("notice__addresses", "notice__text", "values")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    told = list(rows.prefetch_related("failed_attempts")[: PAGE + 1])
    receipts = receipts_of(told)
    for each in told:
        each.receipts = receipts[each.pk]  # type: ignore[attr-defined]
        each.said = SAID.get(each.message, each.message)  # type: ignore[attr-defined]
    return told


def receipts_of(told: list[Delivery]) -> dict[int, list[Receipt]]:
    by_ref = {each.provider_ref: each.pk for each in told if each.provider_ref}
    providers = {name for each in told for name in (each.provider, service(each.provider))}
    found = defaultdict[int, list[Receipt]](list)
    rows = Receipt.objects.filter(provider__in=providers, ref__in=by_ref)
    for each in rows.order_by("at"):
        if each.delivery_number in (0, by_ref[each.ref]):
            found[by_ref[each.ref]].append(each)
    return found
