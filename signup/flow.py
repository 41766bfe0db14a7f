"""The steps of signing up, and what each of them has to say to the person by SMS or email."""

import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

import jobs
from notices.channels import EMAIL, SMS
from notices.delivery import states
from notices.models import Delivery, State
from signup import codes, pictures, rates, usernames
from signup.models import CODE_LIFETIME, CODE_TRIES, User, Verification, code_deadline
from web.problems import Invalid, Unavailable

RESET_LIFETIME = timedelta(hours=1)


def language() -> str:
    """The reader's, as one of settings.LANGUAGES."""
    current = get_language() or ""
    return current if current in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


# A code


def request_code(mobile: str, image_code_id: str, image_code: str, origin: str) -> None:
    """Sends a code to `mobile`, or to the owner of an account a word that there is one.

    Raises Invalid for the picture, TooMany, or Unavailable. A mistake in the picture counts
    against the origin but not against the number, whose minute a person would have to wait out.
    """
    rates.spend(rates.Limit("code-origin", settings.CODE_LIMIT_ORIGIN, origin))
    pictures.check(image_code_id, image_code)
    rates.spend(
        rates.Limit("code-number", settings.CODE_LIMIT_NUMBER, mobile),
        rates.Limit("code-all", settings.CODE_LIMIT_ALL, ""),
    )
    with transaction.atomic():
        verification = open_verification(mobile)
        owner = User.objects.filter(mobile=mobile).first()
        delivery = Delivery.objects.create(
            message="account_exists" if owner else "code",
            channel=SMS,
            address=mobile,
            user=owner,
            verification=verification,
            language=language(),
            expires_at=verification.expires_at,
        )
    if jobs.push(jobs.send_code, delivery.pk) is None and withdraw(delivery):
        raise Unavailable


def open_verification(mobile: str) -> Verification:
    """The one whose code may still be used, with its full lifetime again, or a new one.

    The same code again means that an SMS which comes late is still right. One whose tries are
    used up would send a code that cannot be used. Only a code made within its first lifetime goes
    again, so none lives longer than two of those; ASVS allows 10 minutes (OWASP ASVS 5.0, 6.5.5).
    """
    now = timezone.now()
    waiting = Verification.objects.select_for_update().filter(
        mobile=mobile,
        used_at=None,
        expires_at__gt=now,
        created_at__gt=now - CODE_LIFETIME,
        tries__lt=CODE_TRIES,
    )
    if verification := waiting.order_by("-id").first():
        verification.expires_at = code_deadline()
        verification.save(update_fields=["expires_at"])
        return verification
    return Verification.objects.create(mobile=mobile, salt=secrets.token_hex(16))


def withdraw(delivery: Delivery) -> bool:
    """False when a worker has it already: the sweep rang, so it is on its way after all."""
    unclaimed = Delivery.objects.filter(pk=delivery.pk, state=State.QUEUED, token=None)
    return bool(states.stop(unclaimed, State.CANCELLED, "Redis was away."))


# An account


def register(values: dict[str, Any], origin: str) -> User:
    """A new user from SignupForm's values, or Invalid. `origin`: https://host, for links."""
    username, email, mobile = values["username"], values["email"], values["mobile"]
    refuse_taken(username=username, email=email)
    verification = verify(mobile, values["sms_code"])
    try:
        with transaction.atomic():
            spend(verification)
            user = User.objects.create_user(
                username, email, values["password"], mobile=mobile, language=language()
            )
            if email:
                welcome(user, origin)
    except IntegrityError:
        refuse_taken(username=username, email=email, mobile=mobile)
        raise
    return user


def refuse_taken(**wanted: str) -> None:
    """Raises Invalid for those of these values that another user has."""
    sentences = {
        "username": _("This username is taken. Choose another."),
        "mobile": _("This mobile number belongs to an account already. Sign in instead."),
        "email": _("This email address belongs to an account already. Use another."),
    }
    errors = {
        name: [sentences[name]] for name, value in wanted.items() if value and is_taken(name, value)
    }
    if errors:
        raise Invalid(errors=errors)


def is_taken(name: str, value: str) -> bool:
    if name == "username":
        key = usernames.key(value)
        same = Q(username=value) | Q(name_key=key)
        return key in usernames.RESERVED or User.objects.filter(same).exists()
    lookup = "email__iexact" if name == "email" else name
    return User.objects.filter(**{lookup: value}).exists()


def verify(mobile: str, code: str) -> Verification:
    """Counts a try. Returns the verification whose code this is, or raises Invalid."""
    latest = Verification.objects.filter(mobile=mobile).order_by("-id").first()
    # Only who knows a used code learns that it was used, or anybody could ask who has an account.
    used = latest is not None and latest.used_at is not None
    if latest is None or (used and not codes.matches(latest, code)):
        raise wrong_code(_("No code is waiting for this mobile number. Ask for one first."))
    if used:
        raise wrong_code(_("This code was used already. Ask for a new one."))
    if latest.expires_at <= timezone.now():
        raise wrong_code(_("This code has expired. Ask for a new one."))
    counted = Verification.objects.filter(pk=latest.pk, tries__lt=CODE_TRIES)
    if not counted.update(tries=F("tries") + 1):
        raise wrong_code(_("Too many wrong codes. Ask for a new one."))
    if not codes.matches(latest, code):
        raise wrong_code(_("This is not the code that was sent. Check its digits."))
    return latest


def spend(verification: Verification) -> None:
    """Of two who bring the same code at the same moment, one gets past this line."""
    unused = Verification.objects.filter(pk=verification.pk, used_at=None)
    if not unused.update(used_at=timezone.now()):
        raise wrong_code(_("This code was used already. Ask for a new one."))


def wrong_code(sentence: str) -> Invalid:
    return Invalid.field("sms_code", sentence)


# Email


def welcome(user: User, origin: str) -> None:
    send_email("welcome", user, origin)


def password_reset(user: User, origin: str) -> None:
    send_email("password_reset", user, origin, expires_at=timezone.now() + RESET_LIFETIME)


def send_email(message: str, user: User, origin: str, **more: Any) -> None:
    delivery = Delivery.objects.create(
        message=message,
        channel=EMAIL,
        user=user,
        address=user.email,
        name=user.username,
        language=user.language,
        origin=origin,
        **more,
    )
    jobs.now(jobs.send_email, delivery.pk)
