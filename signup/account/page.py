"""My account: what is known about me, and what I may change about it. Page and JSON."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from notices.audience import kinds, preferences
from notices.audience.kept import as_file
from notices.delivery import erasure
from notices.models import Erasure
from signup import accounts, flow, rates
from signup.account import changes, sessions
from signup.account.forms import AboutForm, DeleteForm, EmailForm, PasswordForm, about, owned
from signup.models import SignedIn, User
from web import answers
from web.access import own_account
from web.language import remember_language
from web.problems import Invalid, Problem

FORMS: dict[str, type[forms.Form]] = {
    "about": AboutForm, "email": EmailForm, "password": PasswordForm, "delete": DeleteForm,
}  # fmt: skip
Act = Callable[[HttpRequest, Any], str]  # does what a form asks for; the sentence about it


def blank(name: str, user: User) -> forms.Form:
    match name:
        case "about":
            return AboutForm(user=user)
        case "email":
            return EmailForm(initial={"email": user.email})
        case _:
            return FORMS[name]()


def page(
    request: HttpRequest, acted: str = "", form: Any = None, problem: Problem | None = None
) -> HttpResponse:
    sessions.keep(request)
    user: Any = request.user
    shown = {name: blank(name, user) for name in FORMS}
    if form is not None:
        shown[acted] = form
        for name, sentences in (problem.errors if problem else {}).items():
            if name in form.fields and name not in form.errors:
                form.add_error(name, sentences)
    for name, each in shown.items():
        each.auto_id = f"id_{name}_%s"  # several of them have a password
    context = {
        "forms": shown,
        "problem": problem,
        "zones": sorted(settings.TIME_ZONES),
        "sessions": sessions.open_of(user),
        "here": request.session.session_key,
        "always": [each for each in kinds.offered() if not each.can_be_left],
        "second_factor": settings.STAFF_SECOND_FACTOR,
        "stopped": preferences.stopped(owned(user)),
    }
    response = render(
        request, "account/account.html", context, status=problem.status if problem else 200
    )
    return answers.with_wait(response, problem)


def door(name: str, act: Act) -> Callable[[HttpRequest], HttpResponse]:
    """The view of one form of the page, which takes JSON, too."""

    def by_json(request: HttpRequest, body: dict[str, Any]) -> JsonResponse:
        count(request)
        options: dict[str, Any] = {}
        if name == "about":
            options["user"] = request.user
            body = about(options["user"]) | body
        act(request, FORMS[name].from_json(body, **options))  # type: ignore[attr-defined]
        return answers.ok()

    @never_cache
    @sensitive_post_parameters()
    @own_account
    @answers.form_or_json(by_json)
    @require_http_methods(["GET", "HEAD", "POST"])
    def view(request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            if name != "about":
                return redirect("account")
            as_json = request.get_preferred_type(["text/html", "application/json"])
            return JsonResponse(facts(request)) if as_json == "application/json" else page(request)
        user: Any = request.user
        options = {"user": user} if name == "about" else {}
        form: Any = FORMS[name](request.POST, **options)
        try:
            count(request)
            sentence = act(request, form)
        except Problem as problem:
            return page(request, name, form, problem)
        messages.success(request, sentence)
        if name == "about":
            return remember_language(redirect("account"), user.language)
        return redirect("account" if request.user.is_authenticated else "home")

    return view


def count(request: HttpRequest) -> None:
    rates.spend_anyway(rates.Limit("account", rates.ACCOUNT_CHANGE, str(request.user.pk)))


def facts(request: HttpRequest) -> dict[str, Any]:
    sessions.keep(request)
    user: Any = request.user
    addresses = {"mobile": str(user.mobile or ""), "email": user.email}
    signed_in = [
        {
            "id": each.pk,
            "browser": each.browser,
            "since": each.since.isoformat(),
            "this": each.session_key == request.session.session_key,
        }
        for each in sessions.open_of(user)
    ]
    return about(user) | addresses | {"sessions": signed_in}


# What the forms do. Each raises Problem


def save_about(request: HttpRequest, form: AboutForm) -> str:
    values, user = form.checked(), form.user
    if flow.is_anothers(user, values["username"]):
        raise Invalid.field("username", _("This username is taken. Choose another."))
    user.username, user.name = values["username"], values["name"]
    user.language, user.time_zone = values["language"], values["time_zone"]
    try:
        user.save(update_fields=["username", "name_key", "name", "language", "time_zone"])
    except IntegrityError:
        raise Invalid.field("username", _("This username is taken. Choose another.")) from None
    if set(values["channels"]) != set(about(user)["channels"]):
        preferences.choose(owned(user), values["channels"])
    kinds.choose(user, preferences.addresses(owned(user)).values(), values["left_kinds"])
    with override(user.language):
        return _("Saved.")


def save_email(request: HttpRequest, form: EmailForm) -> str:
    user: Any = request.user
    email, origin = form.checked()["email"], accounts.base_address(request)
    if email == user.email:
        return _("This is your address already.")
    if not email:
        changes.change_email(user, "", origin)
        return _("You have no email address here any more.")
    rates.spend_anyway(rates.Limit("email-change", rates.EMAIL_CHANGE, str(user.pk)))
    changes.ask_for_email(user, email, origin)
    return _("Follow the link in the email that is on its way to the new address.")


def save_password(request: HttpRequest, form: PasswordForm) -> str:
    """Signs out all other browsers: their sessions know the password before."""
    user: Any = request.user
    values = form.checked()
    check_own(user, "old_password", values["old_password"])
    try:
        validate_password(values["password"], user)
    except ValidationError as problem:
        raise Invalid(errors={"password": problem.messages}) from None
    with rates.a_hash():
        user.set_password(values["password"])
    user.save(update_fields=["password"])
    SignedIn.end(user.sessions.exclude(session_key=request.session.session_key))
    update_session_auth_hash(request, user)
    return _("Your password is changed. Everywhere else you are signed out.")


def check_own(user: User, field: str, password: str) -> None:
    with rates.a_hash():
        right = user.check_password(password)
    if not right:
        raise Invalid.field(field, _("This is not your password. Type it again."))


def delete(request: HttpRequest, form: DeleteForm) -> str:
    user: Any = request.user
    password = form.checked()["password"]
    if user.is_staff:
        raise Invalid(_("An account of staff is deleted in the admin, by somebody else."))
    check_own(user, "password", password)
    try:
        done = erasure.ask(user, user, Erasure.Way.OWN).done_at
    except ValidationError as problem:
        raise Invalid(problem.messages[0]) from None
    logout(request)
    if done:
        return _("Your account is deleted.")
    return _("Your account is closed. What is left of it is deleted within the hour.")


# Sessions, and everything that is kept


def end_by_json(request: HttpRequest, body: dict[str, Any]) -> JsonResponse:
    number = body.get("session", "others")
    return answers.ok(ended=end(request, str(number)))


@never_cache
@own_account
@answers.form_or_json(end_by_json)
@require_http_methods(["POST"])
def end_sessions(request: HttpRequest) -> HttpResponse:
    end(request, request.POST.get("session", "others"))
    messages.success(request, _("Signed out there."))
    return redirect("account")


def end(request: HttpRequest, which: str) -> int:
    """`which`: a row's number, or "others"."""
    user: Any = request.user
    count(request)
    rows = user.sessions.exclude(session_key=request.session.session_key)
    if which != "others":
        rows = rows.filter(pk=int(which) if which.isdecimal() and len(which) < 18 else 0)
    return SignedIn.end(rows)


@never_cache
@own_account
@require_safe
def download(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    return as_file(user)


my_account = door("about", save_about)
email = door("email", save_email)
password = door("password", save_password)
delete_account = door("delete", delete)
