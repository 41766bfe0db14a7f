"""Signing in and out, and a new password by email."""

from contextlib import suppress
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth import views
from django.contrib.auth.forms import AuthenticationForm, PasswordResetForm, SetPasswordForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from signup import flow, phones, rates
from signup.models import User
from web import answers
from web.forms import say_plainly
from web.problems import TooMany, Unavailable

USERNAME_COOKIE = "username"  # for front ends that greet by name; nothing trusts it
USERNAME_COOKIE_AGE = 14 * 24 * 3600


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


def base_address(request: HttpRequest) -> str:
    """https://host, for links that a worker writes."""
    return f"{request.scheme}://{request.get_host()}"


class SignInForm(AuthenticationForm):
    """Takes the username or the mobile number."""

    error_messages = AuthenticationForm.error_messages | {
        "invalid_login": _("Please enter a correct username or mobile number, and its password."),
    }

    def __init__(self, request: HttpRequest | None = None, *args: Any, **options: Any) -> None:
        super().__init__(request, *args, **options)
        say_plainly(self)
        username = self.fields["username"]
        username.label = _("Username or mobile number")
        username.max_length = 30  # type: ignore[attr-defined]
        username.widget.attrs.update(maxlength=30, spellcheck="false")

    def clean(self) -> dict[str, Any]:
        name = self.cleaned_data.get("username")
        if name and self.request:
            self.limit(name)
            if not User.objects.filter(username=name).exists():
                self.cleaned_data["username"] = user_of(name) or name
        return super().clean()

    def limit(self, name: str) -> None:
        """Raises TooMany. While Redis is away people still sign in, or nobody could mend it."""
        assert self.request
        origin = rates.origin(self.request)
        with suppress(Unavailable):
            rates.spend(
                rates.Limit("sign-in", rates.SIGN_IN, f"{name.lower()} {origin}"),
                rates.Limit("sign-in-origin", rates.SIGN_IN_ORIGIN, origin),
            )


def user_of(mobile: str) -> str | None:
    """The username of the owner of a number as people write it."""
    try:
        number = phones.normalise(mobile, abroad=True)
    except ValidationError:
        return None
    return User.objects.filter(mobile=number).values_list("username", flat=True).first()


class SignIn(views.LoginView):
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().post(request, *args, **kwargs)
        except TooMany as problem:
            context = self.get_context_data(form=self.authentication_form(), problem=problem)
            response = self.render_to_response(context, status=problem.status)
            return answers.with_wait(response, problem)

    def form_valid(self, form: Any) -> HttpResponse:
        return remember_username(super().form_valid(form), form.get_user().username)


class SignOut(views.LogoutView):
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().post(request, *args, **kwargs)
        response.delete_cookie(USERNAME_COOKIE, samesite="Lax")
        return response


class ResetForm(PasswordResetForm):
    """The email is written and sent by a worker. Who asks again within the minute, or for an
    address that nobody has, sees the same page and causes no email."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        say_plainly(self)

    def get_users(self, email: str) -> Any:
        # Also those without a password: imported people choose their first one this way.
        return User.objects.filter(email__iexact=email, is_active=True)

    def send_mail(
        self,
        subject_template_name: str,
        email_template_name: str,
        context: dict[str, Any],
        from_email: str | None,
        to_email: str,
        html_email_template_name: str | None = None,
    ) -> None:
        origin = f"{context['protocol']}://{context['domain']}"
        try:
            rates.spend(rates.Limit("password-reset", rates.PASSWORD_RESET, to_email.lower()))
        except TooMany:
            return  # saying so would tell who has an account
        except Unavailable:
            pass  # the row is written all the same; the sweep will ring
        flow.password_reset(context["user"], origin)


class Reset(views.PasswordResetView):
    form_class = ResetForm


class NewPasswordForm(SetPasswordForm):  # type: ignore[type-arg]
    error_messages = {"password_mismatch": _("Type the same password twice.")}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        say_plainly(self)


class NewPassword(views.PasswordResetConfirmView):
    form_class = NewPasswordForm
