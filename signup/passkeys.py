"""Passkeys as the second factor of staff (WebAuthn): added on a page under a name, used at the
second step, removed. py_webauthn judges what the browser brings; of a passkey its public key alone
is kept."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django_otp.plugins.otp_totp.models import TOTPDevice
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import bytes_to_base64url, parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import PublicKeyCredentialDescriptor

from config import clock
from signup import names, rates, security
from signup.models import Passkey, User
from web import answers
from web.access import StaffRequest, staff_required
from web.problems import Invalid, Problem

CHALLENGE = "passkey_challenge"  # of a session
MOST = 10  # of one person
LONGEST_NAME = 50
# What parsing raises for what no browser sends.
NONSENSE = (WebAuthnException, ValueError, TypeError, LookupError)


def place(request: HttpRequest) -> dict[str, Any]:
    """For which site a passkey is, and from where it may be used."""
    origin = f"{request.scheme}://{request.get_host()}"
    return {"expected_rp_id": urlsplit(origin).hostname or "", "expected_origin": origin}


def known(user: User) -> list[PublicKeyCredentialDescriptor]:
    ids = user.passkeys.values_list("credential_id", flat=True)
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(each)) for each in ids]


def handle(user: User) -> bytes:
    """By which an authenticator tells accounts apart; says nothing of the person."""
    return bytes(salted_hmac("signup.passkeys", str(user.pk), algorithm="sha256").digest())


def to_add(request: StaffRequest) -> str:
    """What the browser is to be asked, as JSON. Its answer counts once, in this session."""
    options = generate_registration_options(
        rp_id=place(request)["expected_rp_id"],
        rp_name="Bellhop",
        user_id=handle(request.user),
        user_name=request.user.username,
        exclude_credentials=known(request.user),
    )
    request.session[CHALLENGE] = bytes_to_base64url(options.challenge)
    return options_to_json(options)


def to_ask(request: StaffRequest) -> str:
    """The same, for using one."""
    options = generate_authentication_options(
        rp_id=place(request)["expected_rp_id"], allow_credentials=known(request.user)
    )
    request.session[CHALLENGE] = bytes_to_base64url(options.challenge)
    return options_to_json(options)


def challenge(request: HttpRequest) -> bytes:
    return base64url_to_bytes(request.session.pop(CHALLENGE, ""))


def is_right(request: StaffRequest, said: str) -> bool:
    """Whether one of this person's passkeys signed what was asked last."""
    asked = challenge(request)
    try:
        named = parse_authentication_credential_json(said).id
        key = request.user.passkeys.get(credential_id=named)
        found = verify_authentication_response(
            credential=said,
            expected_challenge=asked,
            credential_public_key=bytes(key.public_key),
            credential_current_sign_count=key.sign_count,
            **place(request),
        )
    except (*NONSENSE, Passkey.DoesNotExist):
        return False
    unchanged = Passkey.objects.filter(pk=key.pk, sign_count=key.sign_count)
    return bool(unchanged.update(sign_count=found.new_sign_count, used_at=clock.now()))


def add(request: StaffRequest, said: str, name: str) -> None:
    """Raises Invalid."""
    asked = challenge(request)
    try:
        name = names.normalise(name, LONGEST_NAME) or _("Passkey")
    except ValidationError as problem:
        raise Invalid(problem.messages[0]) from None
    if request.user.passkeys.count() >= MOST:
        raise Invalid(_("You have %(number)d passkeys. Remove one first.") % {"number": MOST})
    try:
        found = verify_registration_response(
            credential=said, expected_challenge=asked, **place(request)
        )
    except NONSENSE:
        raise Invalid(_("This passkey could not be added. Try it once more.")) from None
    facts = {"user": request.user, "name": name, "sign_count": found.sign_count}
    try:
        with transaction.atomic():
            Passkey.objects.create(
                credential_id=bytes_to_base64url(found.credential_id),
                public_key=found.credential_public_key,
                **facts,
            )
    except IntegrityError:
        raise Invalid(_("This passkey is there already.")) from None
    security.tell("passkey-added")


def remove(request: StaffRequest) -> None:
    """Pressed twice it is done once. Raises Invalid for the only second factor that there is."""
    number = request.POST.get("key", "")
    own = request.user.passkeys
    has_app = TOTPDevice.objects.filter(user=request.user, confirmed=True).exists()
    if not has_app and own.count() == 1:
        raise Invalid(_("This is your only second factor. Add another one first."))
    gone, _rows = own.filter(
        pk=int(number) if number.isdecimal() and len(number) < 18 else 0
    ).delete()
    if gone:
        security.tell("passkey-removed")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def passkeys(request: StaffRequest) -> HttpResponse:
    """One's own: whoever gets here has proved the second factor (second_factor.Required)."""
    if not settings.STAFF_SECOND_FACTOR:
        raise Http404
    if request.method != "POST":
        return page(request)
    try:
        rates.spend_anyway(rates.Limit("account", rates.ACCOUNT_CHANGE, str(request.user.pk)))
        if "key" in request.POST:
            remove(request)
            messages.success(request, _("Removed."))
        else:
            add(request, request.POST.get("passkey", ""), request.POST.get("name", ""))
            messages.success(request, _("Added."))
    except Problem as problem:
        return page(request, problem)
    return redirect("passkeys")


def page(request: StaffRequest, problem: Problem | None = None) -> HttpResponse:
    context: dict[str, Any] = {
        "passkeys": request.user.passkeys.all(),
        "options": to_add(request),
        "problem": problem,
        "has_app": TOTPDevice.objects.filter(user=request.user, confirmed=True).exists(),
    }
    status = problem.status if problem else 200
    response = render(request, "registration/passkeys.html", context, status=status)
    return answers.with_wait(response, problem)
