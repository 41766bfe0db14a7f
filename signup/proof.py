"""The proof that a number is somebody's own: a code goes there by SMS, and is typed."""

import secrets
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.translation import get_language
from django.utils.translation import gettext as _

import jobs
from config import clock
from notices.channels import SMS
from notices.delivery import states
from notices.models import Delivery, State
from signup import budget, codes, fence, rates, security
from signup.models import (
    CODE_LIFETIME,
    CODE_TRIES,
    STRANGERS_TRIES,
    Purpose,
    User,
    Verification,
    code_deadline,
)
from web.problems import Invalid, Unavailable


def language() -> str:
    """The reader's, as one of settings.LANGUAGES."""
    current = get_language() or ""
    return current if current in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def request_code(
    mobile: str,
    image_code_id: str,
    image_code: str,
    origin: str,
    held: int = 0,
    purpose: str = Purpose.SIGN_UP,
    altcha: str = "",
) -> Verification:
    """Sends a code to `mobile`, or what its owner should know instead.

    `held`: the pk of the verification that this browser asked for before, or 0. Raises Invalid
    for what the fence asks for, TooMany, or Unavailable. A mistake there counts against the origin
    but not against the number, whose minute a person would have to wait out. All purposes are
    counted together: each of them costs an SMS.
    """
    rates.spend(rates.Limit("code-origin", settings.CODE_LIMIT_ORIGIN, origin))
    asked = budget.Asked(mobile, origin)
    fence.check(asked, image_code_id, image_code, altcha)
    admit(asked)
    return send_code(mobile, origin, held, purpose)


def admit(asked: budget.Asked) -> None:
    """Counts one more code. Raises TooMany, or Unavailable."""
    budget.check(asked)
    rates.spend(
        rates.Limit("code-number", settings.CODE_LIMIT_NUMBER, asked.mobile),
        rates.Limit("code-all", settings.CODE_LIMIT_ALL, ""),
    )


def send_code(
    mobile: str,
    origin: str,
    held: int,
    purpose: str,
    keep: Callable[[Verification], object] = bool,
    **more: Any,
) -> Verification:
    """The rows, and the bell. `keep`: what else is written in the same transaction. `more`: of the
    delivery. Raises Unavailable."""
    with transaction.atomic():
        facts = {"language": language(), **told(mobile, purpose), **more}
        is_test = bool(more.get("is_test"))
        # What costs no SMS uses up nobody's budget.
        sent = int("state" not in facts and not is_test)
        marks = {} if is_test else budget.marks(mobile, origin)
        verification = open_verification(mobile, held, purpose, sent, marks)
        keep(verification)
        delivery = Delivery.objects.create(
            channel=SMS,
            verification=verification,
            expires_at=verification.expires_at,
            **facts,
        )
    rung = jobs.push(jobs.send_code, delivery.pk) is not None
    if not rung and (delivery.state != State.QUEUED or withdraw(delivery)):
        raise Unavailable
    return verification


def told(mobile: str, purpose: str) -> dict[str, Any]:
    """Who wants an account, or another number, gets no code for one that has an account. Who wants
    into an account gets none where there is no account: the same row is left behind, settled and
    without the number, and rung for. As much work, or its time would tell who is known. Another
    program has users of its own."""
    owner = User.objects.filter(mobile=mobile).first()
    if purpose == Purpose.PROGRAM:
        return {"message": "code", "address": mobile}
    if purpose in Purpose.of_nobodys():
        message = "account_exists" if owner else "code"
    elif owner and owner.is_active:
        message = "code"
    else:
        return {"message": "code", "state": State.NO_ADDRESS}
    return {"message": message, "address": mobile, "user": owner}


def open_verification(
    mobile: str, held: int, purpose: str, sent: int, marks: dict[str, str]
) -> Verification:
    """The browser's own whose code may still be used, with its full lifetime again, or a new one.

    The same code again means that an SMS which comes late is still right. Another browser gets
    another code, or it could use up the tries of this one; another purpose, too. One whose tries
    are used up would send a code that cannot be used. Only a code made within its first lifetime
    goes again, so none lives longer than two of those; ASVS allows 10 minutes (OWASP ASVS 5.0,
    6.5.5).
    """
    now = clock.now()
    waiting = Verification.objects.select_for_update().filter(
        pk=held,
        mobile=mobile,
        purpose=purpose,
        used_at=None,
        expires_at__gt=now,
        created_at__gt=now - CODE_LIFETIME,
        tries__lt=CODE_TRIES,
    )
    if held and (verification := waiting.first()):
        verification.expires_at = code_deadline()
        verification.sent += sent
        verification.save(update_fields=["expires_at", "sent"])
        return verification
    salt = secrets.token_hex(16)
    return Verification.objects.create(
        mobile=mobile, purpose=purpose, salt=salt, created_at=now, sent=sent, **marks
    )


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


# The answer


def verify(mobile: str, code: str, held: int = 0) -> Verification:
    """The sign-up's verification whose code this is, or Invalid. A wrong code costs a try, a right
    one none.

    Who asked for the code (`held`) learns what is wrong. Anybody else has fewer tries, at the
    newest code of the number, and hears one sentence, or it would tell who asked and who is known.
    """
    of_number = Verification.objects.filter(mobile=mobile, purpose=Purpose.SIGN_UP)
    if own := of_number.filter(pk=held).first():
        check_own(own, code)
        return own
    newest = of_number.order_by("-id").first()
    if newest is None or not is_right(newest, code, by_stranger=True):
        raise wrong_code(strange())
    refuse_used(newest)
    if newest.expires_at <= clock.now():
        raise wrong_code(_("This code has expired. Ask for a new one."))
    return newest


def verify_own(mobile: str, code: str, held: int, purpose: str) -> Verification:
    """The same for what only the browser may do that asked for the code."""
    own = Verification.objects.filter(pk=held, mobile=mobile, purpose=purpose).first()
    if own is None:
        raise wrong_code(strange())
    try:
        check_own(own, code)
    except Invalid:
        security.tell("code-refused", purpose=purpose, verification=own.pk)
        raise
    return own


def owner(verification: Verification) -> User:
    """Whose number it is. Nobody was sent the code of a number that has no account, so whoever
    guesses it learns nothing."""
    user = User.objects.filter(mobile=str(verification.mobile), is_active=True).first()
    if user is None:
        raise wrong_code(wrong_digits())
    return user


def check_own(verification: Verification, code: str) -> None:
    refuse_used(verification)
    if verification.expires_at <= clock.now():
        raise wrong_code(_("This code has expired. Ask for a new one."))
    if verification.tries >= CODE_TRIES:
        raise wrong_code(_("Too many wrong codes. Ask for a new one."))
    if not is_right(verification, code):
        raise wrong_code(wrong_digits())


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


def strange() -> str:
    return _("This code is wrong or too old. Check its digits or ask for a new one.")


def wrong_digits() -> str:
    return _("This is not the code that was sent. Check its digits.")
