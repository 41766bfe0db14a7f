"""A slice of a notice by a mail server, which gives what it accepts no id to keep.

As in sender.py, but what is kept before each request is not the row itself: it is a cursor, the
worker's position among the rows that it has claimed and sends in the order of their ids. A row
before the cursor was accepted, the one at it may have been, and those behind it did not leave. So
a worker that dies leaves one in doubt as ever, and most rows are written to once, many at a time.
What did not go is recorded at once, and is then no longer among those that did.
"""

import logging
from collections.abc import Callable, Iterator, Sequence

from django.db import transaction
from django.db.models import QuerySet

from config import clock
from notices.content import messages
from notices.content.messages import Templated, Wording
from notices.delivery import claims, doubts, finish, retry, states
from notices.delivery.sender import patiently, version_of
from notices.delivery.states import Outcome
from notices.models import Delivery, State, StreamCursor
from notices.providers.base import Provider, Streaming
from notices.providers.errors import Away, NotSent, Refused, Unknown
from notices.providers.router import Route

__all__ = ["send_claimed", "settle_dead"]

CHUNK = 1000  # cursors of workers that died, settled by one sweep
log = logging.getLogger(__name__)

IsOver = Callable[[], bool]  # whether the time of the slice is used up


def send_claimed(claimed: Sequence[Delivery], route: Route, token: str, is_over: IsOver) -> bool:
    """Sends what the cursor `token` has claimed, in the order of the ids, until the time is over;
    whether it came to the end of them. Raises Away when the channel cannot be reached."""
    stream = Stream(route, token, is_over)
    try:
        return stream.send(claimed)
    finally:
        if stream.accepted:
            route.report(stream.provider, "", bulk=True)
        if not stream.in_doubt:
            patiently(lambda: settle(token, stream.accepted))


class Stream:
    def __init__(self, route: Route, token: str, is_over: IsOver) -> None:
        assert route.streaming
        self.route, self.token, self.is_over = route, token, is_over
        self.provider: Streaming = route.streaming
        self.accepted = 0  # the last that was
        self.in_doubt = False  # one left, and what became of it is not kept yet
        self.stopped = False

    def send(self, claimed: Sequence[Delivery]) -> bool:
        rest = list(claimed)
        while rest and not self.stopped:
            self.route.choose(rest[0], Wording(""))  # connects
            came, accepted = 0, self.accepted
            answers = self.provider.send_stream(self.messages(rest), self.may_leave, self.waiting)
            for delivery, problem in answers:
                came = delivery.pk
                if problem:
                    self.put_aside(delivery, problem)
                else:
                    self.accepted = came
                self.in_doubt = False
                if isinstance(problem, Away) and self.accepted == accepted:
                    # On a fresh connection: it is not that one that it is tired of.
                    self.route.report(self.provider, problem, bulk=True)
                    raise problem
            rest = [each for each in rest if each.pk > came]
            if not came or self.is_over():
                break
        return not rest

    def messages(self, claimed: Sequence[Delivery]) -> Iterator[Templated]:
        """One more than leaves may be asked for, since its envelope goes with the text before it;
        that one stays claimed and is released at the end."""
        ours = still_claimed(self.token)
        for delivery in claimed:
            if self.is_over():
                return
            if claims.settle_objection(delivery, ours):
                continue
            try:
                self.provider.check(delivery)
            except Refused as problem:
                self.put_aside(delivery, problem)
                continue
            assert delivery.notice
            yield messages.templated(delivery.notice, delivery)

    def may_leave(self, delivery: Delivery) -> bool:
        self.in_doubt = states.advance(delivery, self.provider, self.token)
        self.stopped = not self.in_doubt
        return self.in_doubt

    def waiting(self) -> None:
        patiently(lambda: states.renew(self.token))

    def put_aside(self, delivery: Delivery, problem: NotSent) -> None:
        if isinstance(problem, Unknown):
            self.route.report(self.provider, problem, bulk=True)
        outcome = retry.decide(problem, delivery, self.provider, 1)
        patiently(lambda: put_aside(outcome, self.provider, self.token))


def still_claimed(token: str) -> QuerySet[Delivery]:
    """What is ours to change."""
    return Delivery.objects.filter(state=State.QUEUED, token=token)


def put_aside(outcome: Outcome, provider: Provider, token: str) -> None:
    """Records one that was not accepted."""
    with transaction.atomic():
        states.mark(
            still_claimed(token).filter(pk=outcome.delivery.pk),
            provider,
            token,
            version_of(outcome.delivery),
        )
        states.record(outcome, token)
        doubts.pause([outcome])


def settle(token: str, accepted: int) -> None:
    """Records those that were accepted, up to the last, and lets the others go."""
    rows = Delivery.objects.filter(token=token)
    with transaction.atomic():
        if cursor := StreamCursor.objects.select_for_update().filter(token=token).first():
            sent = states.accept_streamed(rows.filter(pk__lte=accepted), cursor)
            log.debug("Notice %d: %d sent.", cursor.notice_id, sent)
            release(token)
        else:  # the sweep was quicker, and called the last uncertain
            states.tell_streamed(rows.filter(pk=accepted))


def settle_dead() -> None:
    """Settles the cursors of workers that died."""
    late = StreamCursor.objects.filter(lease_until__lt=clock.now())
    for token, notice_id in late.values_list("token", "notice_id")[:CHUNK]:
        with transaction.atomic():
            lost = late.select_for_update(skip_locked=True).filter(token=token).first()
            if lost:
                rows = Delivery.objects.filter(token=token)
                sent = states.accept_streamed(rows.filter(pk__lt=lost.position), lost)
                uncertain = states.lose_streamed(rows.filter(pk=lost.position), lost)
                said = "Notice %d: a worker died; %d are sent, %d uncertain."
                log.warning(said, notice_id, sent, uncertain)
                release(token)
        finish.finish(notice_id)


def release(token: str) -> None:
    states.release(token)
    StreamCursor.objects.filter(token=token).delete()
