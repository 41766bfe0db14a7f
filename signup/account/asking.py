"""Asking for a code, and whose code it is: the browser's that asked for it."""

from django import forms
from django.http import HttpRequest

from signup import proof, rates
from signup.forms import SignupPart
from signup.models import CODE_LIFETIME, Purpose, Verification
from web import answers
from web.cookies import SignedCookie
from web.problems import Problem

# The verification that this browser asked for, for each purpose. A front end need not know. Kept
# for the longest that a code can be good, sent again.
NAMES = {Purpose.SIGN_UP: "verification"}
HELD = {
    purpose: SignedCookie(
        NAMES.get(purpose, f"verification_{purpose}"), "signup.verification", 2 * CODE_LIFETIME
    )
    for purpose in Purpose
}


def held(request: HttpRequest, purpose: str = Purpose.SIGN_UP) -> int:
    """The pk of the verification that this browser asked for, or 0."""
    return int(HELD[Purpose(purpose)].read(request) or 0)


def hold(response: answers.Response, verification: Verification) -> answers.Response:
    return HELD[Purpose(verification.purpose)].write(response, str(verification.pk))


def ask(request: HttpRequest, form: SignupPart, purpose: str = Purpose.SIGN_UP) -> Verification:
    """Sends a code. Raises Problem."""
    values = form.checked()
    return proof.request_code(
        values["mobile"],
        values["image_code_id"],
        values["image_code"],
        rates.origin(request),
        held(request, purpose),
        purpose,
        values["altcha"],
    )


def waiting(request: HttpRequest, purpose: str = Purpose.SIGN_UP) -> Verification | None:
    """The one that this browser asked for, if its code may still be typed."""
    own = Verification.objects.filter(pk=held(request, purpose), purpose=purpose).first()
    return own if own and proof.waits(own) else None


def tell_of_number(request: HttpRequest, form: forms.Form, problem: Problem | None) -> None:
    """tell(), for the form that asks for a code: the digits of the picture before are gone."""
    if form.is_bound:
        tell(form, problem)
        form.data = {"mobile": request.POST.get("mobile", "")}


def tell(form: forms.Form, problem: Problem | None) -> str:
    """Shows at its fields what is wrong, and puts the cursor to the first; that field's name."""
    told = problem.errors if problem and form.is_bound else {}
    for name, sentences in told.items():
        # What the form itself found is there already; the rest was found later.
        if name not in form.errors and name in form.fields:
            form.add_error(name, sentences)
    first = next((name for name in form.fields if name in form.errors), "")
    if first:
        form.fields[first].widget.attrs["autofocus"] = True
    return first
