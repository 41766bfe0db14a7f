"""What a person may ask for: all that is kept about them, and that it is removed."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from notices import rights
from notices.audience.kept import as_file
from notices.delivery import erasure
from notices.models import Delivery, Erasure
from notices.rights import demand, right_required
from signup import security
from signup.models import User
from signup.person_form import may_touch
from web.access import StaffRequest

__all__ = ["data", "erase", "erased"]

SHOWN = 200


@require_GET
@right_required(rights.SEE_PEOPLE, rights.PEOPLE)
@never_cache
def data(request: StaffRequest, pk: int) -> HttpResponse:
    """As the person's own download."""
    demand(request, rights.ADDRESSES)
    person = get_object_or_404(User, pk=pk)
    security.tell("person-exported", account=pk)
    return as_file(person)


@require_http_methods(["GET", "HEAD", "POST"])
@right_required(rights.ERASE)
def erase(request: StaffRequest, pk: int) -> HttpResponse:
    """Asks first. Pressed twice it is done once."""
    person = User.objects.filter(pk=pk).first()
    if person is None:
        if not Erasure.objects.filter(person=pk).exists():
            raise Http404
        messages.success(request, _("This person is erased already."))
        return redirect("erased")
    if not may_touch(request, person):
        raise PermissionDenied(_("Accounts of staff are changed by administrators."))
    problem = ""
    if request.method == "POST":
        try:
            row = erasure.ask(person, request.user, Erasure.Way.PAGE)
        except ValidationError as refused:
            problem = refused.messages[0]
        else:
            messages.success(request, sentence(row))
            return redirect("erased" if person.pk != request.user.pk else "home")
    context = {
        "person": person,
        "problem": problem,
        "messages_kept": Delivery.objects.filter(user=person).count(),
        "is_you": person.pk == request.user.pk,
    }
    return render(request, "people/erase.html", context, status=400 if problem else 200)


def sentence(row: Erasure) -> str:
    if row.done_at:
        return _("Erased. What was removed stands below.")
    return _("Signed out, and told nothing more. The rest is removed within the hour.")


@require_GET
@right_required(rights.ERASE, rights.SEE_PEOPLE, rights.PEOPLE)
def erased(request: StaffRequest) -> HttpResponse:
    rows = list(Erasure.objects.select_related("by")[:SHOWN])
    for row in rows:
        row.told = [  # type: ignore[attr-defined]
            (words, row.counts[what]) for what, words in erasure.WORDS.items() if what in row.counts
        ]
    return render(request, "people/erased.html", {"rows": rows})
