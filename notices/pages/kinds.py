"""The staff's page of the kinds of notices: made, renamed, put in order, retired."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from config import clock
from notices import rights
from notices.models import Kind
from notices.models.kind import LONGEST
from notices.pages import posted
from notices.rights import right_required
from signup import groups, names, security
from web.access import staff_required

__all__ = ["act", "listing"]

MOST = 12  # people shall be able to choose among them


@require_GET
@staff_required
def listing(request: HttpRequest) -> HttpResponse:
    return show(request)


def show(request: HttpRequest, problem: str = "") -> HttpResponse:
    alone = Q(leavings__user=None)
    context = {
        "problem": problem,
        "typed": request.POST.get("name", "") if problem else "",
        "kinds": Kind.objects.annotate(
            users=Count("leavings__user", distinct=True),
            addresses=Count("leavings__address", distinct=True, filter=alone),
        ).order_by("position", "pk"),
    }
    return render(request, "notices/kinds.html", context, status=400 if problem else 200)


def named(request: HttpRequest) -> dict[str, str]:
    """Raises ValidationError."""
    name = names.normalise(request.POST.get("name", ""), LONGEST)
    if not name:
        raise ValidationError(_("Give the kind a name."))
    return {"name": name, "key": groups.key_of(name)}


def chosen(request: HttpRequest) -> Kind:
    return get_object_or_404(Kind, pk=posted.number(request, "kind"))


def make(request: HttpRequest) -> str:
    columns = named(request)
    if Kind.objects.filter(retired_at=None).count() >= MOST:
        raise ValidationError(
            _("There are %(number)d already. Retire one first.") % {"number": MOST}
        )
    last = Kind.objects.aggregate(last=Max("position"))["last"] or 0
    write(lambda: Kind.objects.create(**columns, position=last + 1))
    return _("Made: %(name)s.") % {"name": columns["name"]}


def write(step: Callable[[], object]) -> None:
    """Raises ValidationError when another kind has that name."""
    try:
        with transaction.atomic():
            step()
    except IntegrityError:
        raise ValidationError(
            _("There is a kind of this name. Choose another name, or bring that one back.")
        ) from None


def rename(request: HttpRequest) -> str:
    kind, columns = chosen(request), named(request)
    write(lambda: Kind.objects.filter(pk=kind.pk).update(**columns))
    return _("Renamed.")


def up(request: HttpRequest) -> str:
    """One place further to the front. Pressed twice it is two."""
    kind = chosen(request)
    with transaction.atomic():
        order = list(Kind.objects.select_for_update())
        place = order.index(kind)
        order.insert(max(0, place - 1), order.pop(place))
        for position, each in enumerate(order):
            Kind.objects.filter(pk=each.pk).update(position=position)
    return _("Moved.")


def retire(request: HttpRequest) -> str:
    kind = chosen(request)
    if kind.part:
        raise ValidationError(_("This kind is always there."))
    Kind.objects.filter(pk=kind.pk, retired_at=None).update(retired_at=clock.now())
    return _("Retired: no new notice is of it. Schedules that are go on.")


def restore(request: HttpRequest) -> str:
    Kind.objects.filter(pk=chosen(request).pk).update(retired_at=None)
    return _("It can be chosen again. Who left it has still left it.")


STEPS: dict[str, Callable[[HttpRequest], str]] = {
    each.__name__: each for each in (make, rename, up, retire, restore)
}


@require_POST
@right_required(rights.PEOPLE)
def act(request: HttpRequest) -> HttpResponse:
    try:
        step, sentence = posted.take_step(request, STEPS)
    except ValidationError as problem:
        return show(request, problem.messages[0])
    security.tell("kinds-changed", step=step)
    messages.success(request, sentence)
    return redirect("kinds")
