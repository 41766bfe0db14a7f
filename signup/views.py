"""The front door: the landing page and the sign-up page."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from config import clock
from signup import flow, phones, pictures, proof, rates
from signup.account import asking
from signup.accounts import base_address, remember_username
from signup.forms import AccountForm, CodeForm, SignupForm, TypedCodeForm
from signup.models import CODE_LIFETIME, CODE_MINUTES, Purpose, User, Verification
from signup.picture_views import picture_urls
from web import answers
from web.cookies import SignedCookie
from web.problems import Invalid, Problem, TooMany


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    if request.user.is_staff:
        return redirect("desk")
    return render(request, "signup/home.html")


# Signing up takes three steps at one address: a number, its code, an account. Which of them is
# shown is read from what this browser has asked for and proven, so that a reload, another tab and
# the way back never ask for a second code.

PROVEN_FOR = timedelta(minutes=30)
PROVEN = SignedCookie("proven", "signup.proven", PROVEN_FOR)


def proven(request: HttpRequest) -> Verification | None:
    """The verification whose code was typed right in this browser, while it is good."""
    number = int(PROVEN.read(request) or 0)
    own = Verification.objects.filter(pk=number, purpose=Purpose.SIGN_UP, used_at=None)
    return own.first()


def ask_by_json(request: HttpRequest, body: dict[str, Any]) -> JsonResponse:
    return asking.hold(answers.ok(), asking.ask(request, CodeForm.from_json(body)))


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
    if "another" in request.POST:  # the button for another picture, where JavaScript is off
        return number_page(request, CodeForm(initial=typed_mobile(request)))
    if "again" not in request.POST and is_asked_already(request):
        return redirect("signup")
    form = CodeForm(request.POST)
    try:
        verification = asking.ask(request, form)
    except Problem as problem:
        return number_page(request, form, problem)
    return asking.hold(redirect("signup"), verification)


def is_asked_already(request: HttpRequest) -> bool:
    """Whether the number typed is one whose code waits, or was typed."""
    try:
        typed = phones.normalise(typed_mobile(request)["mobile"])
    except ValidationError:
        return False
    return typed in {str(own.mobile) for own in (proven(request), asking.waiting(request)) if own}


def enter(request: HttpRequest, values: dict[str, Any], verification: Verification) -> User:
    """Registers and signs in. Raises Problem."""
    user = flow.register(values, base_address(request), verification)
    login(request, user)
    return user


def count(request: HttpRequest) -> None:
    rates.spend_anyway(rates.Limit("register-origin", rates.REGISTER_ORIGIN, rates.origin(request)))


def enter_by_json(request: HttpRequest, body: dict[str, Any]) -> JsonResponse:
    values = SignupForm.from_json(body).checked()
    count(request)
    verification = proof.verify(values["mobile"], values["sms_code"], asking.held(request))
    return remember_username(answers.ok(), enter(request, values, verification).username)


@never_cache
@sensitive_post_parameters()
@answers.form_or_json(enter_by_json)
def signup(request: HttpRequest) -> HttpResponse:
    """The step that is next, and what its button posts to."""
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    if request.user.is_authenticated:
        return redirect("home")
    if request.method != "POST":
        return step(request)
    if "username" in request.POST or ("sms_code" not in request.POST and proven(request)):
        return register(request)
    return type_code(request)


def step(request: HttpRequest, problem: Problem | None = None) -> HttpResponse:
    own, sent = proven(request), asking.waiting(request)
    back = request.GET.get("step") == "number"
    if own and not back:
        return account_page(request, own, AccountForm(mobile=str(own.mobile)), problem)
    if sent and not back:
        return code_page(request, sent, TypedCodeForm(), problem)
    of = phones.readable(str((own or sent).mobile)) if own or sent else ""  # type: ignore[union-attr]
    return number_page(request, CodeForm(initial={"mobile": of}), problem)


def type_code(request: HttpRequest) -> HttpResponse:
    form = TypedCodeForm(request.POST)
    try:
        values = form.checked()
        count(request)
        held = asking.held(request)
        own = proof.verify_own(values["mobile"], values["sms_code"], held, Purpose.SIGN_UP)
    except Problem as problem:
        sent = asking.waiting(request)
        if sent and "sms_code" in problem.errors:
            return code_page(request, sent, form, problem)
        return step(request, problem)
    return PROVEN.write(redirect("signup"), str(own.pk))


def register(request: HttpRequest) -> HttpResponse:
    own = proven(request)
    if own is None:
        return step(request, Invalid(_("That took too long. Prove your number once more.")))
    form = AccountForm(request.POST, mobile=str(own.mobile))
    try:
        values = form.checked()
        count(request)
        enter(request, values, own)
    except Problem as problem:
        if proven(request) is None:  # the other tab was quicker
            return step(request, problem)
        return account_page(request, own, form, problem)
    messages.success(request, _("Welcome. You are registered and signed in."))
    if values["email"]:
        messages.info(request, _("Follow the link in our email, and notices come there, too."))
    return redirect("home")


def typed_mobile(request: HttpRequest) -> dict[str, str]:
    return {"mobile": request.POST.get("mobile", "")}


# The pages of the steps


def number_page(
    request: HttpRequest, form: CodeForm, problem: Problem | None = None
) -> HttpResponse:
    asking.tell_of_number(request, form, problem)
    wait = problem.wait if isinstance(problem, TooMany) else 0
    again = "again" in request.GET or "again" in request.POST
    if again and (sent := asking.waiting(request)):
        asked_at = sent.expires_at - CODE_LIFETIME
        passed = int((clock.now() - asked_at).total_seconds())
        wait = max(wait, rates.pause_between_codes() - passed)
    facts = {"form": form, "picture": picture_urls(pictures.new()), "wait": wait, "again": again}
    return page(request, 1, facts, problem)


def code_page(
    request: HttpRequest, sent: Verification, form: TypedCodeForm, problem: Problem | None
) -> HttpResponse:
    asking.tell(form, problem)
    form.fields["sms_code"].widget.attrs["autofocus"] = True
    number = str(sent.mobile)
    facts = {"form": form, "mobile": number, "sent_to": phones.readable(number)}
    return page(request, 2, facts | {"minutes": CODE_MINUTES}, problem)


def account_page(
    request: HttpRequest, own: Verification, form: AccountForm, problem: Problem | None
) -> HttpResponse:
    if not asking.tell(form, problem):
        form.fields["username"].widget.attrs["autofocus"] = True
    return page(request, 3, {"form": form, "number": phones.readable(str(own.mobile))}, problem)


def page(
    request: HttpRequest, number: int, facts: dict[str, Any], problem: Problem | None
) -> HttpResponse:
    context = facts | {"step": number, "problem": problem}
    status = problem.status if problem else 200
    return answers.with_wait(render(request, "signup/signup.html", context, status=status), problem)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Who signed up or in, goes Back and sends the form again has another token by now, and what
    the form asked for."""
    for_visitors = {"signup", "signup_code", "login", "login_code", "password_reset"}
    match = request.resolver_match
    if request.user.is_authenticated and match and match.url_name in for_visitors:
        return redirect("home")
    return render(request, "403_csrf.html", status=403)
