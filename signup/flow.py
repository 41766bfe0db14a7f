"""The steps of signing up, and what each of them has to say to the person by SMS or email."""

import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.translation import get_language
from django.utils.translation import gettext as _

import jobs
from config import clock
from notices.channels import EMAIL, SMS
from notices.delivery import states
from notices.models import Delivery, State
from signup import budget, codes, confirmation, fence, rates, usernames
from signup.models import (
    CODE_LIFETIME,
    CODE_TRIES,
    STRANGERS_TRIES,
    User,
    Verification,
    code_deadline,
)
from web.problems import Invalid, Unavailable

RESET_LIFETIME = timedelta(hours=1)


def language() -> str:
    """The reader's, as one of settings.LANGUAGES."""
    current = get_language() or ""
    return current if current in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


# A code


def request_code(
    mobile: str, image_code_id: str, image_code: str, origin: str, held: int = 0, altcha: str = ""
) -> Verification:
    """Sends a code to `mobile`, or to the owner of an account a word that there is one.

    `held`: the pk of the verification that this browser asked for before, or 0. Raises Invalid
    for what the fence asks for, TooMany, or Unavailable. A mistake there counts against the origin
    but not against the number, whose minute a person would have to wait out.
    """
    rates.spend(rates.Limit("code-origin", settings.CODE_LIMIT_ORIGIN, origin))
    fence.check(mobile, origin, image_code_id, image_code, altcha)
    budget.check(mobile, origin)
    rates.spend(
        rates.Limit("code-number", settings.CODE_LIMIT_NUMBER, mobile),
        rates.Limit("code-all", settings.CODE_LIMIT_ALL, ""),
    )
    with transaction.atomic():
        verification = open_verification(mobile, held, budget.marks(mobile, origin))
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
    return verification


def open_verification(mobile: str, held: int, marks: dict[str, str]) -> Verification:
    """The browser's own whose code may still be used, with its full lifetime again, or a new one.

    The same code again means that an SMS which comes late is still right. Another browser gets
    another code, or it could use up the tries of this one. One whose tries are used up would send
    a code that cannot be used. Only a code made within its first lifetime goes again, so none
    lives longer than two of those; ASVS allows 10 minutes (OWASP ASVS 5.0, 6.5.5).
    """
    now = clock.now()
    waiting = Verification.objects.select_for_update().filter(
        pk=held,
        mobile=mobile,
        used_at=None,
        expires_at__gt=now,
        created_at__gt=now - CODE_LIFETIME,
        tries__lt=CODE_TRIES,
    )
    if verification := waiting.first():
        verification.expires_at = code_deadline()
        verification.sent += 1
        verification.save(update_fields=["expires_at", "sent"])
        return verification
    salt = secrets.token_hex(16)
    return Verification.objects.create(mobile=mobile, salt=salt, created_at=now, **marks)


def waits(verification: Verification) -> bool:
    """Whether its code may still be typed."""
    return (
        verification.used_at is None
        and verification.expires_at > clock.now()
        and verification.tries < CODE_TRIES
    )


def withdraw(delivery: Delivery) -> bool:
    """False when a worker has it already: the sweep rang, so it is on its way after all."""
    unclaimed = Delivery.objects.filter(pk=delivery.pk, state=State.QUEUED, token=None)
    return bool(states.stop(unclaimed, State.CANCELLED, "Redis was away."))


# An account


def register(values: dict[str, Any], origin: str, held: int = 0) -> User:
    """A new user from SignupForm's values, or Invalid. `origin`: https://host, for links. `held`:
    the pk of the verification that this browser asked for, or 0.

    Nothing is said about who is known before the code is right. The email address is not the
    user's before the link that is sent to it was followed (signup/confirmation.py): until then it
    shuts nobody out and brings nobody a notice or a new password.
    """
    username, mobile = values["username"], values["mobile"]
    verification = verify(mobile, values["sms_code"], held)
    with rates.a_hash():
        password = make_password(values["password"])
    try:
        with transaction.atomic():
            spend(verification)
            refuse_taken(username=username, mobile=mobile)
            user = User.objects.create(
                username=username, password=password, mobile=mobile, language=language()
            )
            if email := values["email"]:
                welcome(user, email, origin)
    except IntegrityError:
        refuse_taken(username=username, mobile=mobile)
        raise
    return user


def refuse_taken(**wanted: str) -> None:
    """Raises Invalid for those of these values that another user has."""
    sentences = {
        "username": _("This username is taken. Choose another."),
        "mobile": _("This mobile number belongs to an account already. Sign in instead."),
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
    return User.objects.filter(**{name: value}).exists()


def verify(mobile: str, code: str, held: int = 0) -> Verification:
    """The verification whose code this is, or Invalid. A wrong code costs a try, a right one none.

    Who asked for the code (`held`) learns what is wrong. Anybody else has fewer tries, at the
    newest code of the number, and hears one sentence, or it would tell who asked and who is known.
    """
    of_number = Verification.objects.filter(mobile=mobile)
    if own := of_number.filter(pk=held).first():
        check_own(own, code)
        return own
    newest = of_number.order_by("-id").first()
    if newest is None or not is_right(newest, code, by_stranger=True):
        raise wrong_code(_("This code is wrong or too old. Check its digits or ask for a new one."))
    refuse_used(newest)
    if newest.expires_at <= clock.now():
        raise wrong_code(_("This code has expired. Ask for a new one."))
    return newest


def check_own(verification: Verification, code: str) -> None:
    refuse_used(verification)
    if verification.expires_at <= clock.now():
        raise wrong_code(_("This code has expired. Ask for a new one."))
    if verification.tries >= CODE_TRIES:
        raise wrong_code(_("Too many wrong codes. Ask for a new one."))
    if not is_right(verification, code):
        raise wrong_code(_("This is not the code that was sent. Check its digits."))


def is_right(verification: Verification, code: str, by_stranger: bool = False) -> bool:
    """Counted before it is compared, so that of many guesses at once no more than the allowed
    are; a right one is given back."""
    row = Verification.objects.filter(pk=verification.pk)
    left = row.filter(tries__lt=CODE_TRIES)
    if by_stranger:
        left = left.filter(strangers_tries__lt=STRANGERS_TRIES)
    stranger = int(by_stranger)
    if not left.update(tries=F("tries") + 1, strangers_tries=F("strangers_tries") + stranger):
        return False
    if not codes.matches(verification, code):
        return False
    row.update(tries=F("tries") - 1, strangers_tries=F("strangers_tries") - stranger)
    return True


def refuse_used(verification: Verification) -> None:
    if verification.used_at is not None:
        raise wrong_code(_("This code was used already. Ask for a new one."))


def spend(verification: Verification) -> None:
    """Of two who bring the same code at the same moment, one gets past this line."""
    unused = Verification.objects.filter(pk=verification.pk, used_at=None)
    if not unused.update(used_at=clock.now()):
        raise wrong_code(_("This code was used already. Ask for a new one."))


def wrong_code(sentence: str) -> Invalid:
    return Invalid.field("sms_code", sentence)


# Email


def welcome(user: User, address: str, origin: str) -> None:
    """Whoever has that address decides whether it is the user's, so the email names nobody."""
    send_email("welcome", origin, user, address=address)


def welcomed(token: str) -> Delivery | None:
    """The welcome whose link this is, as long as it is of use: the user has no address yet, or
    this one."""
    delivery = Delivery.objects.select_related("user").filter(pk=confirmation.read(token)).first()
    if delivery is None or delivery.user is None:
        return None
    return delivery if delivery.user.email in {"", delivery.address} else None


def confirm_email(delivery: Delivery) -> bool:
    """The address of a welcome becomes the user's. False when another user has it."""
    user = delivery.user
    assert user  # as welcomed() found
    try:
        with transaction.atomic():
            # Also in the moment in which the user is given another address by somebody else.
            nobodys = User.objects.filter(pk=user.pk, email__in=["", delivery.address])
            return bool(nobodys.update(email=delivery.address))
    except IntegrityError:
        return False


def password_reset(user: User | None, origin: str) -> None:
    """None, for an address that nobody has, leaves the same row behind, settled and without the
    address: as much work, or its time would tell who is known."""
    facts: dict[str, Any] = {"state": State.NO_ADDRESS}
    if user:
        facts = {"address": user.email, "name": user.username}
    send_email("password_reset", origin, user, expires_at=clock.now() + RESET_LIFETIME, **facts)


def send_email(message: str, origin: str, user: User | None, **more: Any) -> None:
    delivery = Delivery.objects.create(
        message=message,
        channel=EMAIL,
        user=user,
        language=user.language if user else language(),
        origin=origin,
        **more,
    )
    jobs.now(jobs.send_email, delivery.pk)
