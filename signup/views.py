"""The front door: the landing page, the sign-up page and its picture codes."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.core.signing import BadSignature
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from signup import flow, phones, pictures, rates
from signup.accounts import base_address, remember_username
from signup.forms import CodeForm, SignupForm, SignupPart
from signup.models import CODE_MINUTES
from web import answers
from web.problems import Problem, TooMany


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "signup/home.html")


# A code


def ask(request: HttpRequest, form: SignupPart) -> str:
    """Sends a code; the mobile that it went to. Raises Problem."""
    values = form.checked()
    flow.request_code(
        values["mobile"], values["image_code_id"], values["image_code"], rates.origin(request)
    )
    return str(values["mobile"])


def ask_by_json(request: HttpRequest, body: dict[str, Any]) -> JsonResponse:
    ask(request, CodeForm.from_json(body))
    return answers.ok()


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
    kept, typed = SignupForm(initial=request.POST.dict()), typed_mobile(request)
    if "another" in request.POST:  # the button for another picture, where JavaScript is off
        return page(request, CodeForm(initial=typed), kept)
    form = CodeForm(request.POST)
    try:
        mobile = ask(request, form)
    except Problem as problem:
        return page(request, form, kept, problem=problem)
    return page(request, CodeForm(initial=typed), kept, sent_to=mobile)


# An account


def enter(request: HttpRequest, form: SignupPart) -> str:
    """Registers and signs in; the username. Raises Problem."""
    values = form.checked()
    rates.spend_anyway(rates.Limit("register-origin", rates.REGISTER_ORIGIN, rates.origin(request)))
    with rates.a_hash():
        user = flow.register(values, base_address(request))
    login(request, user)
    return user.username


def enter_by_json(request: HttpRequest, body: dict[str, Any]) -> JsonResponse:
    return remember_username(answers.ok(), enter(request, SignupForm.from_json(body)))


@never_cache
@sensitive_post_parameters()
@answers.form_or_json(enter_by_json)
def signup(request: HttpRequest) -> HttpResponse:
    """The sign-up page, and what its button "Register" posts to."""
    if request.method in {"GET", "HEAD"}:
        if request.user.is_authenticated:
            return redirect("home")
        return page(request, CodeForm(), SignupForm())
    if request.method != "POST":
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    form = SignupForm(request.POST)
    try:
        enter(request, form)
    except Problem as problem:
        return page(request, CodeForm(initial=typed_mobile(request)), form, problem=problem)
    messages.success(request, _("Welcome. You are registered and signed in."))
    return redirect("home")


def typed_mobile(request: HttpRequest) -> dict[str, str]:
    return {"mobile": request.POST.get("mobile", "")}


def page(
    request: HttpRequest,
    code_form: CodeForm,
    form: SignupForm,
    problem: Problem | None = None,
    sent_to: str = "",
) -> HttpResponse:
    """The sign-up page with a new picture, what was typed (never passwords) and what is wrong."""
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
    if focus := "sms_code" if sent_to else first:
        (form if sent_to else acted).fields[focus].widget.attrs["autofocus"] = True
    context = {
        "mobile": acted["mobile"],
        "code_form": code_form,
        "form": form,
        "picture": picture_urls(pictures.new()),
        "problem": problem,
        "sent_to": phones.readable(sent_to) if sent_to else "",
        "minutes": CODE_MINUTES,
        "pause": problem.wait if isinstance(problem, TooMany) else rates.pause_between_codes(),
    }
    status = problem.status if problem else 200
    return answers.with_wait(render(request, "signup/signup.html", context, status=status), problem)


# Pictures


def picture_urls(picture_id: str) -> dict[str, str]:
    return {
        "image_code_id": picture_id,
        "image": reverse("picture_image", args=[picture_id]),
        "audio": reverse("picture_sound", args=[picture_id]),
    }


@never_cache
@require_safe
def picture(request: HttpRequest) -> HttpResponse:
    """A new picture code, for front ends."""
    return JsonResponse(picture_urls(pictures.new()))


@never_cache
@require_safe
def picture_image(request: HttpRequest, picture_id: str) -> HttpResponse:
    limit = rates.Limit("picture", rates.PICTURE, rates.origin(request))
    return drawn(limit, pictures.image, picture_id, "image/png")


@never_cache
@require_safe
def picture_sound(request: HttpRequest, picture_id: str) -> HttpResponse:
    limit = rates.Limit("sound", rates.SOUND, rates.origin(request))
    return drawn(limit, pictures.sound, picture_id, "audio/wav")


def drawn(
    limit: rates.Limit, draw: Callable[[str], bytes], picture_id: str, content_type: str
) -> HttpResponse:
    try:
        rates.spend_anyway(limit)
    except TooMany as problem:
        return answers.with_wait(HttpResponse(status=429), problem)
    try:
        return HttpResponse(draw(picture_id), content_type=content_type)
    except BadSignature:
        raise Http404 from None
