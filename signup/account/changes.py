"""Another number or address for an account, told to whoever had the one before, and taken back."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

import jobs
from config import clock
from notices.channels import EMAIL, SMS
from notices.delivery import states
from notices.models import Delivery, State
from signup import confirmation, flow, proof, security
from signup.models import ContactChange, SignedIn, User, Verification
from web.problems import Invalid

TAKEN_BACK = gettext_noop("The change was taken back.")


def change_mobile(user: User, verification: Verification, origin: str) -> None:
    """Raises Invalid. `origin`: https://host, for links. The number before and the email are told
    and can take it back."""
    mobile = str(verification.mobile)
    try:
        with transaction.atomic():
            proof.spend(verification)
            flow.refuse_taken(mobile=mobile)
            user = locked(user)
            before, now = str(user.mobile or ""), clock.now()
            change(user, ContactChange.Field.MOBILE, mobile, now)
            told = [(SMS, before), (EMAIL, user.email)]
            rows = list(tell("mobile_changed", user, told, origin, now))
    except IntegrityError:
        flow.refuse_taken(mobile=mobile)
        raise
    ring(rows)


def change_email(user: User, email: str, origin: str) -> None:
    """The address before is told and can take it back. Raises IntegrityError when another account
    has the new one."""
    with transaction.atomic():
        user, now = locked(user), clock.now()
        before = user.email
        change(user, ContactChange.Field.EMAIL, email, now)
        rows = list(tell("email_changed", user, [(EMAIL, before)], origin, now))
    ring(rows)


def locked(user: User) -> User:
    return User.objects.select_for_update().get(pk=user.pk)


def change(user: User, field: str, value: str, now: datetime) -> None:
    before = str(getattr(user, field) or "")
    ContactChange.objects.create(user=user, field=field, before=before, made_at=now)
    setattr(user, field, empty_or(field, value))
    user.save(update_fields=[field])
    security.tell("account-changed", account=user.pk, changed=field)


def empty_or(field: str, value: str) -> str | None:
    return value or (None if field == ContactChange.Field.MOBILE else "")


def tell(
    message: str, user: User, told: Iterable[tuple[str, str]], origin: str, now: datetime
) -> Iterable[Delivery]:
    for channel, address in told:
        if address:
            yield Delivery.objects.create(
                message=message,
                channel=channel,
                user=user,
                address=address,
                language=user.language,
                origin=origin,
                created_at=now,
                expires_at=now + confirmation.UNDO.lifetime,
            )


def ring(rows: Iterable[Delivery]) -> None:
    for row in rows:
        jobs.now(jobs.send_code if row.channel == SMS else jobs.send_email, row.pk)


# An address is that of an account once its link was followed


def ask_for_email(user: User, email: str, origin: str) -> None:
    """The same for an address that another account has, whose owner decides."""
    flow.send_email("new_email", origin, user, address=email)


def asked_email(token: str) -> Delivery | None:
    """Of a link that still counts, or did and has done its work."""
    number = token.partition(".")[0]
    if not number.isdecimal() or len(number) > 18:
        return None
    found = Delivery.objects.select_related("user").filter(pk=number, message="new_email").first()
    if found is None or found.user is None:
        return None
    if found.user.email == found.address:
        return found
    return found if confirmation.new_email(found.user).read(token) else None


def confirm_email(delivery: Delivery, origin: str) -> bool:
    """False when another account has the address."""
    assert delivery.user  # as asked_email() found
    if delivery.user.email == delivery.address:
        return True
    try:
        change_email(delivery.user, delivery.address, origin)
    except IntegrityError:
        return False
    return True


# Taking back


def told(token: str) -> Delivery | None:
    """The word by which somebody learned of a change that can still be taken back."""
    number = confirmation.UNDO.read(token)
    return Delivery.objects.select_related("user").filter(pk=number, user__isnull=False).first()


def take_back(delivery: Delivery) -> bool:
    """Number and address are as before this change, and before each that was made so shortly
    before or after it that it may have been the same hand's. False when that was done already.

    Whoever made them may know the password, and is signed in: it is none any more, and all are
    signed out. The owner gets in by a code to the number, or by a link to the address. Raises
    Invalid when another account has the number or address by now.
    """
    assert delivery.user  # as told() found
    since = delivery.created_at - confirmation.UNDO.lifetime
    try:
        with transaction.atomic():
            user = locked(delivery.user)
            made = ContactChange.objects.filter(user=user, undone_at=None, made_at__gte=since)
            before: dict[str, Any] = {}
            for each in made.order_by("-id"):
                before[each.field] = empty_or(each.field, each.before)
            if not made.update(undone_at=clock.now()):
                return False
            for field, value in before.items():
                setattr(user, field, value)
            user.set_unusable_password()
            user.save(update_fields=[*before, "password"])
            stop(user, TAKEN_BACK, message__in=["new_email", "password_reset"])
            SignedIn.end(user.sessions.all())
            security.tell("change-taken-back", account=user.pk)
    except IntegrityError:
        raise Invalid(
            _("Another account has that number or address by now. Ask the people who run this.")
        ) from None
    return True


def stop(user: User, reason: str, **which: Any) -> None:
    """Of what nobody is sending yet."""
    states.stop(Delivery.objects.filter(user=user, token=None, **which), State.CANCELLED, reason)
