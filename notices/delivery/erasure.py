"""One person, with all that is kept about them, is removed.

At once they are signed out and told nothing more. The rest waits until what is on its way to them
is settled, and what was reported about them is read: a moment, and no time if there is nothing. So
a worker that has their address in hand brings nothing back. The sweep goes on with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from config import clock
from notices.audience import kinds, pasted, suppression
from notices.channels import CHANNELS, EMAIL, SMS
from notices.delivery import states
from notices.models import (
    OPEN,
    Delivery,
    Erasure,
    FailedAttempt,
    Message,
    Notice,
    Receipt,
    Request,
    State,
    Suppression,
)
from signup import emails, security
from signup.models import ContactChange, SignedIn, User, Verification
from signup.uploads import removal
from signup.uploads.models import Upload

__all__ = ["ERASED", "WORDS", "ask", "finish", "is_last_administrator", "unfinished"]

ERASED = gettext_noop("This person was erased.")
# What a receipt counts.
WORDS = {
    "account": gettext_lazy("account, with its groups, attributes and changes"),
    "sessions": gettext_lazy("places where they were signed in"),
    "messages": gettext_lazy("addresses and names of messages"),
    "attempts": gettext_lazy("tries, with what a provider answered"),
    "texts": gettext_lazy("texts of single messages"),
    "receipts": gettext_lazy("receipts of providers"),
    "codes": gettext_lazy("codes asked for"),
    "answers": gettext_lazy("answers to other programs"),
    "lists": gettext_lazy("lines of pasted lists and drafts"),
    "rows": gettext_lazy("rows of uploaded files"),
    "log": gettext_lazy("names in the log of the admin"),
    "opt_outs": gettext_lazy("opt-outs that are kept as a hash, and hold on"),
}


@dataclass(frozen=True)
class Identity:
    """By what somebody is found. `addresses`: also those that they had before, unless they are
    another's by now."""

    user: User
    addresses: frozenset[str]

    @classmethod
    def of(cls, user: User) -> "Identity":
        before = {
            each.before
            for each in ContactChange.objects.filter(user=user).exclude(before="")
            if not others(user, each.before)
        }
        known = {str(user.mobile or ""), user.email, *before} - {""}
        written = {form for each in known for form in (each, *emails.forms(each))}
        return cls(user, frozenset(written))

    def by_channel(self) -> Iterable[tuple[str, str]]:
        return ((EMAIL if "@" in each else SMS, each) for each in self.addresses)

    def deliveries(self) -> QuerySet[Delivery]:
        """Each found by an index."""
        codes = Verification.objects.filter(mobile__in=self.addresses).values_list("pk", flat=True)
        to_them = Delivery.objects.filter(address__in=self.addresses).exclude(address="")
        found = {
            *Delivery.objects.filter(user=self.user).values_list("pk", flat=True),
            *to_them.values_list("pk", flat=True),
            *Delivery.objects.filter(verification__in=list(codes)).values_list("pk", flat=True),
        }
        return Delivery.objects.filter(pk__in=found)


def others(user: User, address: str) -> bool:
    column = "email__iexact" if "@" in address else "mobile"
    return User.objects.filter(**{column: address}).exclude(pk=user.pk).exists()


def is_last_administrator(user: User) -> bool:
    """Nobody could give anybody a right any more."""
    superusers = User.objects.filter(is_superuser=True, is_active=True)
    is_one = superusers.filter(pk=user.pk).exists()
    return is_one and not superusers.exclude(pk=user.pk).exists()


def ask(user: User, by: User | None, way: Erasure.Way) -> Erasure:
    """Erases somebody, now or as soon as nothing is on its way to them. Who asks again gets the row
    of the first time. Raises ValidationError for who must stay."""
    with transaction.atomic():
        # In one order, or two administrators who erase each other at this moment were both gone.
        list(User.objects.filter(is_superuser=True).order_by("pk").select_for_update())
        if is_last_administrator(user):
            raise ValidationError(_("This is the last administrator. Make another one first."))
        row, is_new = Erasure.objects.get_or_create(
            person=user.pk, done_at=None, defaults={"way": way, "by": by}
        )
        User.objects.filter(pk=user.pk).update(is_active=False)
        if ended := SignedIn.end(user.sessions.all()):
            row.counts["sessions"] = row.counts.get("sessions", 0) + ended
            row.save(update_fields=["counts"])
        stop(user)
    if is_new:
        security.tell("user-deleted", account=row.person)
    finish(row.pk)
    row.refresh_from_db()
    return row


def stop(user: User) -> None:
    """What nobody is sending yet, whoever asked for it."""
    unclaimed = Identity.of(user).deliveries().filter(token=None)
    states.stop(unclaimed, State.CANCELLED, ERASED)


def unfinished() -> list[int]:
    return list(Erasure.objects.filter(done_at=None).values_list("pk", flat=True))


def finish(number: int) -> bool:
    """Whether it is done. It is not while something is under way."""
    with transaction.atomic():
        row = Erasure.objects.select_for_update().filter(pk=number, done_at=None).first()
        if row is None:
            return True
        # Who inserts a row about them at this moment is waited for.
        user = User.objects.select_for_update().filter(pk=row.person).first()
        if user is not None:
            stop(user)
            found = Identity.of(user)
            pasted.hold(found.addresses)  # or one of these could begin to be prepared
            if under_way(found):
                return False
            row.counts |= remove(found)
        row.done_at = clock.now()
        row.save(update_fields=["counts", "done_at"])
    return True


def under_way(found: Identity) -> bool:
    """Whether a worker has their address in hand: in a message, in a notice that is being prepared,
    in a report, in a file."""
    in_hand = found.deliveries().filter(Q(state=State.SENDING) | Q(token__isnull=False))
    unread = Receipt.objects.filter(handled_at=None, looks=0, address__in=found.addresses)
    return (
        in_hand.filter(state__in=OPEN).exists()
        or Notice.objects.filter(state=Notice.State.PREPARING).exists()
        or unread.exists()
        or Upload.objects.filter(state=Upload.State.READING).exists()
    )


def remove(found: Identity) -> dict[str, int]:
    """In a transaction. What -> how many."""
    user = found.user
    counts = {"opt_outs": keep_opt_outs(found)} | remove_messages(found)
    counts["codes"] = Verification.objects.filter(mobile__in=found.addresses).delete()[0]
    counts["answers"] = blank_answers(found)
    counts["lists"] = pasted.remove(found.addresses)
    counts["rows"] = removal.remove({*found.addresses, user.username, user.name})
    user.delete()
    counts["account"] = 1
    counts["log"] = blank_log(user.username, found)
    return {what: number for what, number in counts.items() if number}


def keep_opt_outs(found: Identity) -> int:
    """What they did not want, and what is dead: nobody is told there again who is told anew."""
    for channel in CHANNELS.values():
        address = str(getattr(found.user, channel.user_field) or "")
        if address and not channel.wanted_by(found.user):
            suppression.add(channel.name, address, Suppression.Kind.UNSUBSCRIBED)
    kinds.erase(found.user, found.by_channel())
    return sum(suppression.erase(channel, address) for channel, address in found.by_channel())


def remove_messages(found: Identity) -> dict[str, int]:
    """The rows stay, with their states: they are counted. So late reports find them, too, by the
    provider's number, and bring no address back (receipts/apply.py)."""
    rows = found.deliveries()
    refs = rows.exclude(provider_ref="").values_list("provider_ref", flat=True)
    of_them = Receipt.objects.filter(Q(address__in=found.addresses) | Q(ref__in=list(refs)))
    attempts = FailedAttempt.objects.filter(delivery__in=rows)
    if found.user.is_staff:  # "… had it sent again."
        attempts |= FailedAttempt.objects.filter(reason__contains=found.user.username)
    return {
        "receipts": of_them.delete()[0],
        "attempts": attempts.delete()[0],
        "texts": Message.objects.filter(delivery__in=rows).update(subject="", text=""),
        "messages": rows.update(
            user=None, verification=None, address="", name="", values=None, origin="",
            reason=ERASED, token=None,
        ),
    }  # fmt: skip


def blank_answers(found: Identity) -> int:
    """What the API answers again to who asks again."""
    changed = 0
    for address in found.addresses:
        for row in Request.objects.filter(answer__contains=address):
            row.answer = str(row.answer).replace(address, "")
            row.save(update_fields=["answer"])
            changed += 1
    return changed


def blank_log(username: str, found: Identity) -> int:
    of_users = ContentType.objects.get_for_model(User)
    names = Q(content_type=of_users, object_id=str(found.user.pk)) | Q(
        object_repr__contains=username
    )
    return LogEntry.objects.filter(names).update(object_repr="–", change_message="")
