"""What staff are asked after a restore, and what they decide: for the health page and for
`manage.py restored`.

A question has a name: a notice its number, `schedule-3`, and `singles` for all messages that are
part of no notice.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

import jobs
from config import clock
from notices.delivery import claims, restored
from notices.models import NOT_STARTED, Notice, State
from notices.schedules import occurrences
from signup import security
from signup.models import User

__all__ = ["Question", "any_open", "let_go", "questions", "settle"]

ALL = "all"
SINGLES, SCHEDULE = "singles", "schedule-"
log = logging.getLogger(__name__)


class Question(NamedTuple):
    """`open`: of a notice the deliveries that this database calls queued, of a schedule the times
    that are due. `arrived`: deliveries that it never asked a provider to carry, and of which a
    provider says that they arrived."""

    name: str
    subject: str
    state: str
    open: int
    url: str = ""
    arrived: int = 0
    decided: bool = False  # it is being settled
    start_at: datetime | None = None  # of a notice that waits

    @property
    def is_schedule(self) -> bool:
        return self.name.startswith(SCHEDULE)


def questions() -> Iterator[Question]:
    for notice in restored.notices().defer("text", "addresses"):
        yield about_notice(notice)
    now = clock.now()
    for schedule in occurrences.in_question().defer("text", "addresses"):
        due = len(occurrences.undecided(schedule, now))
        name, url = f"{SCHEDULE}{schedule.pk}", schedule.get_absolute_url()
        yield Question(name, schedule.subject, schedule.get_state_display(), due, url)
    if alone := restored.singles().count():
        yield Question(SINGLES, _("Single messages"), "", alone)


def any_open() -> bool:
    found = (restored.notices(), occurrences.in_question(), restored.singles())
    return any(rows.exists() for rows in found)


def about_notice(notice: Notice) -> Question:
    unasked = claims.in_state(notice.pk, State.DELIVERED).filter(tries=0)
    return Question(
        str(notice.pk),
        notice.subject,
        notice.get_state_display(),
        claims.in_state(notice.pk, State.QUEUED).count(),
        notice.get_absolute_url(),
        unasked.count(),
        notice.settled_at is not None,
        notice.start_at if notice.state in NOT_STARTED else None,
    )


def let_go(name: str) -> int:
    """Sends on as this database has it. How many questions that answers; 0 when there is none of
    this name."""
    alone = restored.let_singles_go
    return decide("let-go", name, restored.let_notice_go, occurrences.let_go, alone)


def settle(name: str, by: User | None = None) -> int:
    """Calls it done: nothing more of it goes, and a schedule goes on with its next time."""

    def settle_schedule(number: int) -> bool:
        return occurrences.settle(number, by)

    return decide("settled", name, restored.settle_notice, settle_schedule, restored.settle_singles)


def decide(
    verb: str,
    name: str,
    of_notice: Callable[[int], bool],
    of_schedule: Callable[[int], bool],
    of_singles: Callable[[], int],
) -> int:
    names = [each.name for each in questions()] if name == ALL else [name]
    decided = 0
    with transaction.atomic():
        for each in names:
            number = each.removeprefix(SCHEDULE)
            if each == SINGLES:
                decided += bool(of_singles())
            elif number.isdecimal():
                act = of_schedule if each.startswith(SCHEDULE) else of_notice
                decided += act(int(number[:18]))
        if decided:
            security.tell(verb, name=name)
            jobs.now(jobs.sweep)
    log.info("After a restore: %d decided.", decided)
    return decided
