"""A slice of a notice by a mail server, which gives what it accepts no number to keep.

As in deliver.py, but what is kept before each request is not the row itself: it is the worker's
place among the rows that it has in hand and sends in the order of their ids. A row before that
place was accepted, the one at it may have been, and those behind it did not leave. So a worker
that dies leaves one in doubt as ever, and most rows are written to once, many at a time. What did
not go is recorded at once, and is then no longer among those that did.
"""

import logging
from collections.abc import Iterator, Sequence
from functools import partial

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from notices.content import messages
from notices.content.messages import Wording
from notices.delivery import claims, deliver, ending, states
from notices.delivery.place import stand_at
from notices.delivery.retry import meaning
from notices.delivery.states import Outcome, mark, patiently, record
from notices.delivery.turn import Turn
from notices.models import Delivery, Slice, State
from notices.providers.base import Letter, Provider
from notices.providers.errors import NotSent, Refused
from notices.providers.router import Route

CHUNK = 1000
log = logging.getLogger(__name__)


def send_claimed(claimed: Sequence[Delivery], route: Route, token: str, turn: Turn) -> None:
    """As deliver.send_claimed, of what is held by the slice `token`, in the order of the ids."""
    mailing = Mailing(route, token, turn)
    try:
        mailing.send(claimed)
    finally:
        if not mailing.in_doubt:
            patiently(mailing.settle)


class Mailing:
    def __init__(self, route: Route, token: str, turn: Turn) -> None:
        self.route, self.token, self.turn = route, token, turn
        self.carrier = route.providers[0]
        self.accepted = 0  # the last that was
        self.in_doubt = False  # one left, and what became of it is not kept yet
        self.stopped = False

    def send(self, claimed: Sequence[Delivery]) -> None:
        """Raises Away when the channel cannot be reached."""
        rest = list(claimed)
        while rest and not self.stopped:
            self.route.choose(rest[0], Wording(""))  # connects
            came = 0
            for delivery, problem in self.carrier.send_in_order(self.letters(rest), self.may_leave):
                came = delivery.pk
                if problem:
                    self.put_aside(delivery, problem)
                else:
                    self.accepted = came
                self.in_doubt = False
            if not came or self.turn.is_over():
                return
            rest = [each for each in rest if each.pk > came]

    def letters(self, claimed: Sequence[Delivery]) -> Iterator[Letter]:
        """Some may be asked for that do not leave any more: they are in nobody's way."""
        for delivery in claimed:
            if self.turn.is_over():
                return
            if deliver.settle_objection(delivery, held(delivery, self.token)):
                continue
            try:
                self.carrier.check(delivery)
            except Refused as problem:
                self.put_aside(delivery, problem)
                continue
            assert delivery.notice
            yield delivery, *messages.form(delivery.notice, delivery)

    def may_leave(self, delivery: Delivery) -> bool:
        self.in_doubt = stand_at(delivery, self.carrier, self.token)
        self.stopped = not self.in_doubt
        return self.in_doubt

    def put_aside(self, delivery: Delivery, problem: NotSent) -> None:
        outcome = meaning(problem, delivery, self.carrier, 1)
        patiently(partial(put_aside, outcome, self.carrier, self.token))

    def settle(self) -> None:
        settle(self.token, self.accepted)


def held(delivery: Delivery, token: str) -> QuerySet[Delivery]:
    """The row as long as it is ours to change."""
    return Delivery.objects.filter(pk=delivery.pk, state=State.QUEUED, token=token)


def put_aside(outcome: Outcome, carrier: Provider, token: str) -> None:
    """Records one that was not accepted."""
    with transaction.atomic():
        mark(held(outcome.delivery, token), carrier, token)
        record(outcome, token)


def settle(token: str, accepted: int) -> None:
    """Records those that were accepted, up to the last, and lets the others go."""
    rows = Delivery.objects.filter(token=token)
    with transaction.atomic():
        if mine := Slice.objects.select_for_update().filter(token=token).first():
            sent = states.accept_streamed(rows.filter(pk__lte=accepted), mine)
            log.debug("Notice %d: %d sent.", mine.notice_id, sent)
            release(token)
        else:  # the sweep was quicker, and called the last uncertain
            states.tell_streamed(rows.filter(pk=accepted))


def settle_lost() -> None:
    """Settles the slices of workers that died."""
    late = Slice.objects.filter(lease_until__lt=timezone.now())
    for token, notice_id in late.values_list("token", "notice_id")[:CHUNK]:
        with transaction.atomic():
            lost = late.select_for_update(skip_locked=True).filter(token=token).first()
            if lost:
                rows = Delivery.objects.filter(token=token)
                sent = states.accept_streamed(rows.filter(pk__lt=lost.at), lost)
                uncertain = states.lose_streamed(rows.filter(pk=lost.at), lost)
                said = "Notice %d: a worker died; %d are sent, %d uncertain."
                log.warning(said, notice_id, sent, uncertain)
                release(token)
        ending.finish(notice_id)


def release(token: str) -> None:
    claims.let_go(token)
    Slice.objects.filter(token=token).delete()
