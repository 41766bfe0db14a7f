"""The second factor of staff (STAFF_SECOND_FACTOR=1): a code of an app (TOTP), a passkey, or one of
ten recovery codes. django-otp keeps the devices, takes no code twice and slows down who guesses."""

import time
from typing import Any

import segno
from django import forms
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django_otp import verify_token
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from signup import fresh, passkeys, rates, security
from signup.forms import DigitsField
from web import answers
from web.access import StaffRequest, staff_required
from web.forms import say_plainly
from web.problems import Invalid, NotAllowed, Problem, TooMany

PROVED = "second_factor"  # of a session: seconds since 1970
RECOVERY_CODES = 10
OPEN = {"second_factor", "logout", "login", "set_language"}  # names of what needs no second factor


class Required:
    """Middleware: leads staff who have signed in to the second step before anything else."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        match = request.resolver_match
        if not settings.STAFF_SECOND_FACTOR or (match and match.url_name in OPEN):
            return None
        try:
            if not request.user.is_staff or PROVED in request.session:
                return None
        except (DatabaseError, AttributeError):
            return None  # the view will say it; a visitor is no staff
        if request.content_type == "application/json":
            return answers.refusal(NotAllowed(_("Prove your second factor on a page first.")))
        if "HX-Request" in request.headers:
            return HttpResponse(headers={"HX-Refresh": "true"})
        there = request.get_full_path() if request.method == "GET" else reverse("home")
        return redirect_to_login(there, reverse("second_factor"))


class CodeForm(forms.Form):
    code = DigitsField(
        gettext_lazy("Code"),
        gettext_lazy("Type the code that your app shows."),
        max_length=20,
        attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"},
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        say_plainly(self)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def second_factor(request: StaffRequest) -> HttpResponse:
    """Sets it up for who has none, else asks for it. `next`: where to go then."""
    device = TOTPDevice.objects.filter(user=request.user, confirmed=True).first()
    if "passkey" in request.POST:
        return by_passkey(request, device)
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            count(request)
            new = device or (None if has_passkey_alone(request) else unconfirmed(request))
            if is_right(request, new, form.cleaned_data["code"].replace(" ", "").lower()):
                return set_up(request, new) if new and not device else prove(request)
        except TooMany as problem:
            return page(request, device, form, problem)
        security.tell("second-factor-failed")
        form.add_error("code", _("This is not the code. Wait for the next one and type that."))
    return page(request, device, form)


def count(request: StaffRequest) -> None:
    """Raises TooMany."""
    rates.spend_anyway(rates.Limit("second-factor", rates.SECOND_FACTOR, str(request.user.pk)))


def has_passkey_alone(request: StaffRequest) -> bool:
    """Who comes with a password alone sets up no app beside a passkey; who has proved it may."""
    return PROVED not in request.session and request.user.passkeys.exists()


def by_passkey(request: StaffRequest, device: TOTPDevice | None) -> HttpResponse:
    """The first one is added here, where there is no other second factor; else one is asked for."""
    said = request.POST["passkey"]
    try:
        count(request)
        if device is None and not request.user.passkeys.exists():
            passkeys.add(request, said, request.POST.get("name", ""))
            return with_recovery_codes(request)
        if passkeys.is_right(request, said):
            return prove(request)
        security.tell("second-factor-failed")
        raise Invalid(_("This passkey was not taken. Try it once more, or use your app."))
    except Problem as problem:
        return page(request, device, CodeForm(), problem)


def unconfirmed(request: StaffRequest) -> TOTPDevice:
    """The one that is being set up: the same until it is, or a reload would undo the scan."""
    found = TOTPDevice.objects.filter(user=request.user, confirmed=False).first()
    return found or TOTPDevice.objects.create(user=request.user, name="app", confirmed=False)


def is_right(request: StaffRequest, device: TOTPDevice | None, code: str) -> bool:
    """Without a device a recovery code alone is."""
    recovery = None
    if (device is None or device.confirmed) and not code.isdigit():
        recovery = StaticDevice.objects.filter(user=request.user, confirmed=True).first()
    chosen = recovery or device
    return bool(chosen and verify_token(request.user, chosen.persistent_id, code))


def prove(request: StaffRequest) -> HttpResponse:
    request.session[PROVED] = int(time.time())
    request.session.cycle_key()
    fresh.keep(request)
    security.tell("second-factor")
    return redirect(target(request))


@transaction.atomic
def set_up(request: StaffRequest, device: TOTPDevice) -> HttpResponse:
    TOTPDevice.objects.filter(pk=device.pk).update(confirmed=True)
    TOTPDevice.objects.filter(user=request.user, confirmed=False).delete()
    return with_recovery_codes(request)


def with_recovery_codes(request: StaffRequest) -> HttpResponse:
    """Makes them anew, and shows them this once."""
    with transaction.atomic():
        StaticDevice.objects.filter(user=request.user).delete()
        recovery = StaticDevice.objects.create(user=request.user, name="recovery")
        codes = [StaticToken.random_token() for _n in range(RECOVERY_CODES)]
        StaticToken.objects.bulk_create(StaticToken(device=recovery, token=code) for code in codes)
        security.tell("second-factor-set-up")
    prove(request)
    context = {"codes": codes, "next": target(request)}
    return render(request, "registration/recovery_codes.html", context)


def target(request: HttpRequest) -> str:
    there = request.POST.get("next", request.GET.get("next", ""))
    ours = url_has_allowed_host_and_scheme(
        there, {request.get_host()}, require_https=request.is_secure()
    )
    return there if ours else reverse("home")


def page(
    request: StaffRequest, device: TOTPDevice | None, form: CodeForm, problem: Problem | None = None
) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "problem": problem, "next": target(request)}
    if request.user.passkeys.exists():
        context["ask"] = passkeys.to_ask(request)
    elif device is None:
        context["add"] = passkeys.to_add(request)
    if device is None and not has_passkey_alone(request):
        new = unconfirmed(request)
        drawn = segno.make(new.config_url).svg_inline(scale=5, light="#fff", dark="#000")
        # Of our own making: the library writes attributes, no style and no script.
        context |= {"picture": mark_safe(drawn), "key": key_in_words(new)}  # noqa: S308
    status = problem.status if problem else 400 if form.errors else 200
    response = render(request, "registration/second_factor.html", context, status=status)
    return answers.with_wait(response, problem)


def key_in_words(device: TOTPDevice) -> str:
    """For who cannot scan: in groups of four, as apps take it."""
    letters = device.config_url.partition("secret=")[2].partition("&")[0]
    return " ".join(letters[n : n + 4] for n in range(0, len(letters), 4))
