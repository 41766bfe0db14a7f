"""The front door: the landing page, the sign-up page, and the link that confirms an email."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from config import clock
from signup import flow, phones, pictures, rates
from signup.accounts import base_address, remember_username
from signup.forms import CodeForm, SignupForm, SignupPart
from signup.models import CODE_LIFETIME, CODE_MINUTES, Verification
from signup.picture_views import picture_urls
from web import answers
from web.cookies import SignedCookie
from web.problems import Problem, TooMany


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "signup/home.html")


# A code

# Whose code it is: the verification that this browser asked for. A front end need not know. Kept
# for the longest that a code can be good, sent again.
HELD = SignedCookie("verification", "signup.verification", 2 * CODE_LIFETIME)


def held(request: HttpRequest) -> int:
    """The pk of the verification that this browser asked for, or 0."""
    return int(HELD.read(request) or 0)


def hold(response: answers.Response, verification: Verification) -> answers.Response:
    return HELD.write(response, str(verification.pk))


def ask(request: HttpRequest, form: SignupPart) -> Verification:
    """Sends a code. Raises Problem."""
    values = form.checked()
    return flow.request_code(
        values["mobile"],
        values["image_code_id"],
        values["image_code"],
        rates.origin(request),
        held(request),
        values["altcha"],
    )


def ask_by_json(request: HttpRequest, body: dict[str, Any]) -> JsonResponse:
    return hold(answers.ok(), ask(request, CodeForm.from_json(body)))


@never_cache
@sensitive_post_parameters()
@answers.form_or_json(ask_by_json)
def signup_code(request: HttpRequest) -> HttpResponse:
    """What the button "Send me a code" posts to."""
    if request.method != "POST":
        # After the switch of language the browser comes back here to look.
        if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
            return redirect("signup")
        return HttpResponseNotAllowed(["POST"])
    if request.user.is_authenticated:
        return redirect("home")
    kept, typed = SignupForm(initial=request.POST.dict()), typed_mobile(request)
    if "another" in request.POST:  # the button for another picture, where JavaScript is off
        return page(request, CodeForm(initial=typed), kept)
    form = CodeForm(request.POST)
    try:
        verification = ask(request, form)
    except Problem as problem:
        return page(request, form, kept, problem=problem)
    return hold(page(request, CodeForm(initial=typed), kept, sent=verification), verification)


# An account


def enter(request: HttpRequest, form: SignupPart) -> str:
    """Registers and signs in; the username. Raises Problem."""
    values = form.checked()
    rates.spend_anyway(rates.Limit("register-origin", rates.REGISTER_ORIGIN, rates.origin(request)))
    user = flow.register(values, base_address(request), held(request))
    login(request, user)
    return user.username


def enter_by_json(request: HttpRequest, body: dict[str, Any]) -> JsonResponse:
    return remember_username(answers.ok(), enter(request, SignupForm.from_json(body)))


@never_cache
@sensitive_post_parameters()
@answers.form_or_json(enter_by_json)
def signup(request: HttpRequest) -> HttpResponse:
    """The sign-up page, and what its button "Register" posts to."""
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    if request.user.is_authenticated:
        return redirect("home")
    if request.method != "POST":
        return page(request, CodeForm(), SignupForm())
    form = SignupForm(request.POST)
    try:
        enter(request, form)
    except Problem as problem:
        kept = CodeForm(initial=typed_mobile(request))
        return page(request, kept, form, problem=problem, sent=waiting_code(request))
    messages.success(request, _("Welcome. You are registered and signed in."))
    if form.cleaned_data["email"]:
        messages.info(request, _("Follow the link in our email, and notices come there, too."))
    return redirect("home")


def typed_mobile(request: HttpRequest) -> dict[str, str]:
    return {"mobile": request.POST.get("mobile", "")}


def waiting_code(request: HttpRequest) -> Verification | None:
    """The one that this browser asked for, if its code may still be typed for this number."""
    own = Verification.objects.filter(pk=held(request)).first()
    if own is None or not flow.waits(own):
        return None
    try:
        typed = phones.normalise(typed_mobile(request)["mobile"])
    except ValidationError:
        return None
    return own if typed == str(own.mobile) else None


def page(
    request: HttpRequest,
    code_form: CodeForm,
    form: SignupForm,
    problem: Problem | None = None,
    sent: Verification | None = None,
) -> HttpResponse:
    """The sign-up page, what was typed (never passwords) and what is wrong. With a new picture,
    which it shows unless a code is on its way."""
    acted: SignupPart = form if form.is_bound else code_form
    if code_form.is_bound:
        # Those were the digits of the picture before.
        code_form.data = typed_mobile(request)
    if problem:
        for name, sentences in problem.errors.items():
            # What the forms themselves found is there already; the rest was found in flow.py.
            if name not in acted.errors:
                acted.add_error(name, sentences)
    first = next((name for name in acted.fields if name in acted.errors), "")
    if first:
        acted.fields[first].widget.attrs["autofocus"] = True
    elif sent:
        form.fields["sms_code"].widget.attrs["autofocus"] = True
    pause = rates.pause_between_codes()
    wait = problem.wait if isinstance(problem, TooMany) else 0
    if sent:
        asked_at = sent.expires_at - CODE_LIFETIME
        wait = max(wait, pause - int((clock.now() - asked_at).total_seconds()))
    context = {
        "mobile": acted["mobile"],
        "code_form": code_form,
        "form": form,
        "picture": picture_urls(pictures.new()),
        "problem": problem,
        "sent_to": phones.readable(str(sent.mobile)) if sent else "",
        "minutes": CODE_MINUTES,
        "pause": pause,
        "fence": settings.SIGNUP_FENCE,
        "wait": wait,
    }
    status = problem.status if problem else 200
    return answers.with_wait(render(request, "signup/signup.html", context, status=status), problem)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Who signed up or in, goes Back and sends the form again has another token by now, and what
    the form asked for."""
    for_visitors = {"signup", "signup_code", "login"}
    match = request.resolver_match
    if request.user.is_authenticated and match and match.url_name in for_visitors:
        return redirect("home")
    return render(request, "403_csrf.html", status=403)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_email(request: HttpRequest, token: str) -> HttpResponse:
    """GET changes nothing, since mail programs and virus scanners open every link."""
    delivery = flow.welcomed(token)
    if delivery is None:
        return render(request, "signup/confirm_email.html", status=404)
    state = "waiting"
    if request.method == "POST":
        state = "confirmed" if flow.confirm_email(delivery) else "taken"
    return render(request, "signup/confirm_email.html", {"state": state})
