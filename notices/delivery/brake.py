"""A notice stops its emails by itself when many of the first come back, or people complain: each
further one would cost its sender the good name. Its SMS go on, and a person lets the emails go on.
"""

import logging

from django.utils.translation import gettext as _
from django.utils.translation import override

from config import clock
from notices.audience.recipients import canonical
from notices.channels import CHANNELS, EMAIL
from notices.delivery import claims, states
from notices.models import DEAD, OPEN, Brake, Delivery, Notice, State, Suppression

__all__ = ["holds", "look", "release", "rest", "sentence"]

FIRST = 500  # emails that left, of which
MOST_HARD = 10  # may not come back for good: 2 %
LOOKED_AT = 4 * FIRST  # rows, to find those: some are suppressed
PER_COMPLAINT = 1000  # emails: 0.1 %
FEWEST = 2  # complaints: one person alone stops nothing
LEFT = (State.SENT, State.DELIVERED, State.BOUNCED)
NOT_ASKED = (State.QUEUED, State.SUPPRESSED, State.NO_ADDRESS, State.CANCELLED, State.EXPIRED)
Kind = Brake.Kind
log = logging.getLogger(__name__)


def holds(notice_id: int, channel: str) -> bool:
    """Whether nothing of the notice goes by this channel until a person says so."""
    return channel == EMAIL and Brake.objects.filter(notice=notice_id, released_at=None).exists()


def look(notice_id: int) -> None:
    """Stops the emails of a notice if it is time. For the end of a slice, and when a provider
    reported: with few failures it costs three small queries."""
    begun = Notice.objects.filter(
        pk=notice_id, state__in=(Notice.State.SENDING, Notice.State.PAUSED)
    )
    complaints = begun.values_list("complaints", flat=True).first()
    if complaints is None:
        return
    known = set(Brake.objects.filter(notice=notice_id).values_list("kind", flat=True))
    found = []
    if Kind.BOUNCES not in known and some_failed(notice_id):
        hard, among = hard_bounces(notice_id)
        if hard >= MOST_HARD:
            found.append((Kind.BOUNCES, hard, among))
    if Kind.COMPLAINTS not in known and complaints >= FEWEST:
        left = emails_that_left(notice_id, complaints * PER_COMPLAINT + 1)
        if left <= complaints * PER_COMPLAINT:
            found.append((Kind.COMPLAINTS, complaints, left))
    if found and claims.in_state(notice_id, State.QUEUED, EMAIL).exists():
        rows = [Brake(notice_id=notice_id, kind=k, number=n, among=of) for k, n, of in found]
        Brake.objects.bulk_create(rows, ignore_conflicts=True)
        log.warning("Notice %d: its emails stop: %s.", notice_id, found[0][0].value)
    rest(notice_id)


def some_failed(notice_id: int) -> bool:
    failed = (State.BOUNCED, State.FAILED)
    rows = [claims.in_state(notice_id, state, EMAIL).values("pk")[:MOST_HARD] for state in failed]
    return sum(map(len, rows)) >= MOST_HARD


def hard_bounces(notice_id: int) -> tuple[int, int]:
    """How many of the first that left came back because there is no such address; and of how
    many."""
    of_emails = Delivery.objects.filter(notice=notice_id, channel__range=(EMAIL, EMAIL))
    rows = of_emails.order_by("channel", "id").values_list("state", "address")[:LOOKED_AT]
    first = [row for row in rows if row[0] not in NOT_ASKED][:FIRST]
    back = {
        canonical(address) for state, address in first if state in (State.BOUNCED, State.FAILED)
    }
    dead = Suppression.objects.filter(channel=EMAIL, kind__in=DEAD, lifted_at=None)
    return len(set(dead.filter(address__in=back).values_list("address", flat=True))), len(first)


def emails_that_left(notice_id: int, most: int) -> int:
    return sum(claims.in_state(notice_id, state, EMAIL)[:most].count() for state in LEFT)


def rest(notice_id: int) -> None:
    """Pauses a notice of which nothing but held emails is left."""
    held = Brake.objects.filter(notice=notice_id, released_at=None).last()
    if held is None:
        return
    others = [name for name in CHANNELS if name != EMAIL]
    rows = [claims.in_state(notice_id, state, name) for name in others for state in OPEN]
    if any(each.exists() for each in rows):
        return
    if claims.in_state(notice_id, State.QUEUED, EMAIL).exists():
        sending = Notice.objects.filter(pk=notice_id, state=Notice.State.SENDING)
        with override("en"):
            if sending.exists() and states.pause(notice_id, sentence(held)):
                log.warning("Notice %d paused itself.", notice_id)


def release(notice_id: int) -> int:
    """A person lets the emails go on: never again they stop for the same reason."""
    held = Brake.objects.filter(notice=notice_id, released_at=None)
    return held.update(released_at=clock.now())


def sentence(brake: Brake) -> str:
    """Why, in the reader's language."""
    if brake.kind == Kind.BOUNCES:
        words = _(
            "Its emails stopped by themselves: of the first %(of)d, %(number)d came back "
            "because there is no such address."
        )
    else:
        words = _(
            "Its emails stopped by themselves: of %(of)d people, %(number)d complained that "
            "it is spam."
        )
    return words % {"number": brake.number, "of": brake.among}
