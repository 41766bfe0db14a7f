"""Signing in and out, and a new password by email."""

from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth import login, views
from django.contrib.auth.forms import AuthenticationForm, PasswordResetForm, SetPasswordForm
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from signup import emails, flow, phones, rates, security, usernames
from signup.forms import Email
from signup.models import User
from web import answers, characters
from web.cookies import SignedCookie
from web.forms import JSONForm, say_plainly
from web.problems import Invalid, TooMany

# For front ends of one's own that sign up by JSON and greet by name: part of that contract. Scripts
# read it, so our own pages set none, and nothing trusts it.
USERNAME_COOKIE = "username"
USERNAME_COOKIE_AGE = 14 * 24 * 3600
# The account that has signed in here.
KNOWN = SignedCookie("known_browser", "signup.known_browser", timedelta(days=365))


def remember_username(response: answers.Response, username: str) -> answers.Response:
    # A header takes only ASCII; front ends read it back with decodeURIComponent().
    response.set_cookie(
        USERNAME_COOKIE,
        quote(username),
        max_age=USERNAME_COOKIE_AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )
    return response


def remember_browser(response: answers.Response, user: User) -> answers.Response:
    """Whoever guesses this account's password elsewhere does not keep its owner out of here."""
    return KNOWN.write(response, str(user.pk))


def known_browser(request: HttpRequest, username: str) -> str:
    """Something of this browser's own, if the account has signed in here before."""
    account = Q(username=username) | Q(name_key=usernames.key(username))
    known = KNOWN.read(request)
    if known and User.objects.filter(account, pk=known).exists():
        return str(request.COOKIES[KNOWN.key])
    return ""


def base_address(request: HttpRequest) -> str:
    """https://host, for links that a worker writes."""
    return f"{request.scheme}://{request.get_host()}"


class SignInForm(JSONForm, AuthenticationForm):
    """Takes the username or the mobile number."""

    error_messages = AuthenticationForm.error_messages | {
        "invalid_login": _("Please enter a correct username or mobile number, and its password."),
    }

    def __init__(self, request: HttpRequest | None = None, *args: Any, **options: Any) -> None:
        super().__init__(request, *args, **options)
        username = self.fields["username"]
        username.label = _("Username or mobile number")
        username.max_length = 30  # type: ignore[attr-defined]
        username.widget.attrs.update(maxlength=30, spellcheck="false")

    def clean(self) -> dict[str, Any]:
        names = meant(characters.trim(self.cleaned_data.get("username") or ""))
        if names[0] and self.request:
            self.limit(self.request, names[0])
        with rates.a_hash():
            for each in names[:-1]:
                with suppress(ValidationError):
                    self.cleaned_data["username"] = each
                    return super().clean()
            self.cleaned_data["username"] = names[-1]
            return super().clean()

    def limit(self, request: HttpRequest, username: str) -> None:
        """Raises TooMany. Counted by account, in however many ways its name is written."""
        account, origin = usernames.key(username), rates.origin(request)
        browser = known_browser(request, username)
        rates.spend_anyway(
            rates.Limit("sign-in", rates.SIGN_IN, f"{account} {origin} {browser}"),
            rates.Limit("sign-in-account", rates.SIGN_IN_ACCOUNT, f"{account} {browser}"),
            rates.Limit("sign-in-origin", rates.SIGN_IN_ORIGIN, origin),
        )


def meant(typed: str) -> list[str]:
    """The usernames of those who may sign in by this, in the order in which they are asked: a
    number is its owner's first. Somebody may have been called so before that was refused."""
    try:
        number = phones.normalise(typed, abroad=True)
    except ValidationError:
        return [typed]
    owners = User.objects.filter(mobile=number).values_list("username", flat=True)
    others = User.objects.filter(username=typed).exclude(mobile=number)
    return [*owners, *others.values_list("username", flat=True)] or [typed]


class SignIn(views.LoginView):
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().post(request, *args, **kwargs)
        except TooMany as problem:
            return refused(self, self.authentication_form(), problem)

    def form_valid(self, form: Any) -> HttpResponse:
        return remember_browser(super().form_valid(form), form.get_user())


def sign_in_by_password(request: HttpRequest, body: dict[str, Any]) -> User:
    """By JSON. Raises Problem."""
    form = SignInForm.from_json(body, request=request)
    for sentence in form.non_field_errors():
        raise Invalid(str(sentence))
    form.checked()
    user: User = form.get_user()
    login(request, user)
    return user


def refused(view: Any, form: Any, problem: TooMany) -> HttpResponse:
    context = view.get_context_data(form=form, problem=problem)
    response: HttpResponse = view.render_to_response(context, status=problem.status)
    return answers.with_wait(response, problem)


def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """/admin/login/, in place of the admin's own: one door, with its limits."""
    if request.user.is_authenticated and not request.user.is_staff:
        raise PermissionDenied  # signing in once more would lead here again
    return redirect_to_login(request.GET.get("next") or reverse("admin:index"))


class SignOut(views.LogoutView):
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().post(request, *args, **kwargs)
        response.delete_cookie(USERNAME_COOKIE, samesite="Lax")
        return response


class ResetForm(PasswordResetForm):
    """The email is written and sent by a worker. Who asks again within the minute, or for an
    address that nobody has, sees the same page after the same time and causes no email."""

    email = Email(
        _("Email"),
        _("Enter an email address such as name@example.com."),
        attrs={"type": "email", "autocomplete": "email"},
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        say_plainly(self)

    def save(self, *args: Any, **options: Any) -> None:
        email = self.cleaned_data["email"]
        try:
            rates.spend_anyway(rates.Limit("password-reset", rates.PASSWORD_RESET, email))
        except TooMany:
            security.tell("limit")  # not by a 429: saying so would tell that somebody asked
            return
        # Also those without a password: imported people choose their first one this way.
        owners = User.objects.filter(email__in=emails.forms(email), is_active=True)
        flow.password_reset(owners.first(), base_address(options["request"]))


class Reset(views.PasswordResetView):
    form_class = ResetForm

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            rates.spend_anyway(
                rates.Limit(
                    "password-reset-origin",
                    rates.PASSWORD_RESET_ORIGIN,
                    rates.origin(self.request),
                ),
                rates.Limit("password-reset-all", rates.PASSWORD_RESET_ALL, ""),
            )
        except TooMany as problem:
            return refused(self, form, problem)
        return super().form_valid(form)


class NewPasswordForm(SetPasswordForm):  # type: ignore[type-arg]
    error_messages = {"password_mismatch": _("Type the same password twice.")}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        say_plainly(self)


class NewPassword(views.PasswordResetConfirmView):
    form_class = NewPasswordForm

    def form_valid(self, form: Any) -> HttpResponse:
        """The way for an owner whom somebody keeps out by guessing."""
        return remember_browser(super().form_valid(form), form.user)
