"""In without a password, and a new password, by a code that goes to the number."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from signup import accounts, phones, pictures, proof, rates
from signup.account import asking
from signup.forms import CodeForm, PasswordByCodeForm, TypedCodeForm, Words
from signup.models import CODE_MINUTES, Purpose, User, Verification
from signup.picture_views import picture_urls
from web import answers
from web.problems import Invalid, Problem

View = Callable[[HttpRequest], HttpResponse]


@dataclass(frozen=True)
class Door:
    """`ask` and `answer`: the names of the addresses that send the code and take it. `done`: what
    is said afterwards, if anything."""

    purpose: Purpose
    ask: str
    answer: str
    form: type[TypedCodeForm]
    title: Words
    lead: Words
    button: Words
    done: Words = ""


SIGN_IN = Door(
    Purpose.SIGN_IN,
    "login_code",
    "login",
    TypedCodeForm,
    gettext_lazy("Sign in by a code"),
    gettext_lazy("A code comes to your mobile by SMS. You need no password."),
    gettext_lazy("Sign in"),
)
PASSWORD = Door(
    Purpose.PASSWORD,
    "password_code",
    "password_reset",
    PasswordByCodeForm,
    gettext_lazy("New password"),
    gettext_lazy("A code comes to your mobile by SMS. With it you choose a new password."),
    gettext_lazy("Save the password"),
    gettext_lazy("Your password is changed, and you are signed in."),
)
MOBILE = Door(
    Purpose.MOBILE,
    "account_mobile_code",
    "account_mobile",
    TypedCodeForm,
    gettext_lazy("Another mobile number"),
    gettext_lazy(
        "A code comes to the new number by SMS. The number that you have now, and your email, are "
        "told, and can take it back for three days."
    ),
    gettext_lazy("Use this number"),
    gettext_lazy("Your mobile number is changed."),
)


# The number


def asks(door: Door) -> View:
    """The view that takes the number, sends the code, and shows where to type it."""

    def by_json(request: HttpRequest, body: dict[str, Any]) -> JsonResponse:
        verification = asking.ask(request, CodeForm.from_json(body), door.purpose)
        return asking.hold(answers.ok(), verification)

    @never_cache
    @sensitive_post_parameters()
    @answers.form_or_json(by_json)
    @require_http_methods(["GET", "HEAD", "POST"])
    def view(request: HttpRequest) -> HttpResponse:
        if door is SIGN_IN and request.user.is_authenticated:
            return redirect("home")
        if request.method != "POST":
            sent = asking.waiting(request, door.purpose)
            if sent and "another" not in request.GET:
                return code_page(request, door, sent)
            return number_page(request, door, CodeForm(initial={"mobile": readable(sent)}))
        typed = {"mobile": request.POST.get("mobile", "")}
        if "another" in request.POST:  # the button for another picture
            return number_page(request, door, CodeForm(initial=typed))
        form = CodeForm(request.POST)
        try:
            verification = asking.ask(request, form, door.purpose)
        except Problem as problem:
            return number_page(request, door, form, problem)
        there = reverse(door.ask, query=following(request) or None)
        return asking.hold(redirect(there), verification)

    return view


def readable(verification: Verification | None) -> str:
    return phones.readable(str(verification.mobile)) if verification else ""


def following(request: HttpRequest) -> dict[str, str]:
    """Where somebody wanted to go who has to sign in first."""
    there = accounts.SignIn(request=request).get_redirect_url()
    return {"next": there} if there else {}


def number_page(
    request: HttpRequest, door: Door, form: CodeForm, problem: Problem | None = None
) -> HttpResponse:
    asking.tell_of_number(request, form, problem)
    picture = picture_urls(pictures.new())
    return page(request, door, {"form": form, "picture": picture}, problem)


# The code


def code_page(
    request: HttpRequest,
    door: Door,
    sent: Verification,
    form: TypedCodeForm | None = None,
    problem: Problem | None = None,
) -> HttpResponse:
    form = form or door.form(initial={"mobile": str(sent.mobile)})
    if not asking.tell(form, problem):
        form.fields["sms_code"].widget.attrs["autofocus"] = True
    facts = {"form": form, "sent_to": readable(sent), "minutes": CODE_MINUTES}
    return page(request, door, facts, problem)


def page(
    request: HttpRequest, door: Door, facts: dict[str, Any], problem: Problem | None
) -> HttpResponse:
    context = facts | {"door": door, "problem": problem} | following(request)
    status = problem.status if problem else 200
    return answers.with_wait(
        render(request, "signup/by_code.html", context, status=status), problem
    )


def answer(request: HttpRequest, door: Door, act: Callable[..., User]) -> HttpResponse:
    """What the button below the code posts to."""
    form = door.form(request.POST)
    try:
        user = act(request, form)
    except Problem as problem:
        sent = asking.waiting(request, door.purpose)
        if sent is None:  # used up, too old, or asked for in another browser
            return number_page(request, door, CodeForm(initial=request.POST.dict()), problem)
        return code_page(request, door, sent, form, problem)
    if door.done:
        messages.success(request, door.done)
    to_account = door is MOBILE
    there = reverse("account") if to_account else accounts.SignIn(request=request).get_success_url()
    return accounts.remember_browser(redirect(there), user)


def answer_by_json(
    request: HttpRequest, body: dict[str, Any], door: Door, act: Callable[..., User]
) -> JsonResponse:
    user = act(request, door.form.from_json(body))
    return accounts.remember_browser(accounts.remember_username(answers.ok(), user.username), user)


def proven(request: HttpRequest, values: dict[str, Any], purpose: Purpose) -> Verification:
    """The verification of a right code, not yet spent. Raises Problem."""
    origin = rates.origin(request)
    rates.spend_anyway(rates.Limit("code-answer-origin", rates.CODE_ANSWER_ORIGIN, origin))
    own = asking.held(request, purpose)
    return proof.verify_own(values["mobile"], values["sms_code"], own, purpose)


def enter(request: HttpRequest, form: TypedCodeForm) -> User:
    """Signs in. Raises Problem."""
    verification = proven(request, form.checked(), Purpose.SIGN_IN)
    user = proof.owner(verification)
    proof.spend(verification)
    login(request, user)
    return user


def renew(request: HttpRequest, form: PasswordByCodeForm) -> User:
    """Sets a new password and signs in; all who were signed in elsewhere are no more. Raises
    Problem. Nothing is said about the password before the code is right: it is held against the
    owner's names. One that is refused leaves the code good."""
    values = form.checked()
    verification = proven(request, values, Purpose.PASSWORD)
    user = proof.owner(verification)
    try:
        validate_password(values["password"], user)
    except ValidationError as problem:
        raise Invalid(errors={"password": problem.messages}) from None
    with rates.a_hash():
        user.set_password(values["password"])
    with transaction.atomic():
        proof.spend(verification)
        user.save(update_fields=["password"])
    login(request, user)
    return user


# Addresses with two ways in: the older one is a class of signup/accounts.py


def sign_in_by_json(request: HttpRequest, body: dict[str, Any]) -> JsonResponse:
    if "sms_code" in body:
        return answer_by_json(request, body, SIGN_IN, enter)
    user = accounts.sign_in_by_password(request, body)
    response = accounts.remember_username(answers.ok(), user.username)
    return accounts.remember_browser(response, user)


@never_cache
@sensitive_post_parameters()
@answers.form_or_json(sign_in_by_json)
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.method == "POST" and "sms_code" in request.POST:
        if request.user.is_authenticated:
            return redirect("home")
        return answer(request, SIGN_IN, enter)
    return accounts.SignIn.as_view()(request)  # type: ignore[return-value]


def renew_by_json(request: HttpRequest, body: dict[str, Any]) -> JsonResponse:
    return answer_by_json(request, body, PASSWORD, renew)


@never_cache
@sensitive_post_parameters()
@answers.form_or_json(renew_by_json)
def new_password(request: HttpRequest) -> HttpResponse:
    if request.method == "POST" and "sms_code" in request.POST:
        return answer(request, PASSWORD, renew)
    return accounts.Reset.as_view()(request)  # type: ignore[return-value]
