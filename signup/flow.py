"""The steps of signing up, and what each of them has to say to the person by SMS or email."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

import jobs
from config import clock
from notices.channels import EMAIL
from notices.models import Delivery, State
from signup import confirmation, rates, usernames
from signup.models import User, Verification, reachable
from signup.proof import language, spend
from web.problems import Invalid

RESET_LIFETIME = timedelta(hours=1)


# An account


def register(values: dict[str, Any], origin: str, verification: Verification) -> User:
    """A new user from SignupForm's values, or Invalid. `origin`: https://host, for links.
    `verification`: one whose code was right.

    Nothing is said about who is known before the code is right. The email address is not the
    user's before the link that is sent to it was followed (signup/confirmation.py): until then it
    shuts nobody out and brings nobody a notice or a new password.
    """
    username, mobile = values["username"], str(verification.mobile)
    with rates.a_hash():
        password = make_password(values["password"])
    try:
        with transaction.atomic():
            spend(verification)
            refuse_taken(username=username, mobile=mobile)
            user = User.objects.create(
                username=username,
                name=values["name"],
                password=password,
                mobile=mobile,
                language=language(),
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


def is_anothers(user: User, username: str) -> bool:
    """Whether somebody else, or the house, is called so, or looks so. Who has it keeps it."""
    if username == user.username:
        return False
    key = usernames.key(username)
    others = User.objects.exclude(pk=user.pk)
    same = Q(username=username) | Q(name_key=key)
    return key in usernames.RESERVED or others.filter(same).exists()


def is_taken(name: str, value: str) -> bool:
    if name == "username":
        return is_anothers(User(), value)
    return User.objects.filter(**{name: value}).exists()


# Email


def welcome(user: User, address: str, origin: str) -> None:
    """Whoever has that address decides whether it is the user's, so the email names nobody."""
    send_email("welcome", origin, user, address=address)


def welcomed(token: str) -> Delivery | None:
    """The welcome whose link this is, as long as it is of use: the user has no address yet, or
    this one."""
    delivery = (
        Delivery.objects.select_related("user").filter(pk=confirmation.WELCOME.read(token)).first()
    )
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
            changed = bool(nobodys.update(email=delivery.address))
            user.email = delivery.address
            reachable.send(User, users=[user])
            return changed
    except IntegrityError:
        return False


def password_reset(user: User | None, origin: str) -> None:
    """None, for an address that nobody has, leaves the same row behind, settled and without the
    address: as much work, or its time would tell who is known."""
    facts: dict[str, Any] = {"state": State.NO_ADDRESS}
    if user:
        facts = {"address": user.email, "name": user.get_full_name()}
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
