"""A fresh proof of who one is, before what a stolen session must not do: signing in, the second
step, or the password or a code of the app once more, a short while ago."""

import time
from datetime import timedelta
from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django_otp import match_token
from django_otp.plugins.otp_totp.models import TOTPDevice

from signup import rates, security
from web.problems import Invalid, NotAllowed

FRESH = timedelta(minutes=15)
PROVED_AT = "proved_at"  # of a session: seconds since 1970


@receiver(user_logged_in)
def signed_in(request: HttpRequest, **kwargs: Any) -> None:
    keep(request)


def keep(request: HttpRequest) -> None:
    request.session[PROVED_AT] = int(time.time())


def wanted(request: HttpRequest) -> str:
    """What proves it: "code", "password", or nothing: it is fresh, or the account has neither."""
    ago = time.time() - request.session.get(PROVED_AT, 0)
    if 0 <= ago < FRESH.total_seconds():
        return ""
    if TOTPDevice.objects.filter(user_id=request.user.pk, confirmed=True).exists():
        return "code"
    has_one = request.user.is_authenticated and request.user.has_usable_password()
    return "password" if has_one else ""


def demand(request: HttpRequest) -> None:
    """Takes the proof from a form, if one is wanted. Raises Invalid with the field, or TooMany."""
    field = wanted(request)
    if not field:
        return
    typed, user = request.POST.get(field, "").strip(), str(request.user.pk)
    if not typed:
        raise Invalid.field(field, _("This is asked for once more, since it goes to many."))
    if field == "code":
        rates.spend_anyway(rates.Limit("second-factor", rates.SECOND_FACTOR, user))
        is_right = match_token(request.user, typed.replace(" ", "")) is not None
    else:
        rates.spend_anyway(rates.Limit("account", rates.ACCOUNT_CHANGE, user))
        with rates.a_hash():
            is_right = request.user.check_password(request.POST.get(field, ""))
    if not is_right:
        security.tell("proof-failed")
        wrong = _("This is not the code."), _("This is not your password.")
        raise Invalid.field(field, wrong[field == "password"])
    keep(request)


def demand_of_program(request: HttpRequest) -> None:
    """Raises NotAllowed: who sends JSON signs in again."""
    if wanted(request):
        raise NotAllowed(_("Sign in again first: this goes to many, and that was long ago."))
