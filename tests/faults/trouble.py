"""A notice goes out, people ask for pages and codes, and something is broken for a while."""

import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from notices.models import OPEN, Delivery, Notice
from signup.models import User
from tests.faults.desk import Desk
from tests.faults.house import House, people, send_to_everyone

Break = Callable[[], AbstractContextManager[object]]


def survived(
    house: House,
    desk: Desk,
    folder: Path,
    broken: Break,
    seconds: float = 12,
    recipients: int = 1500,
    in_doubt: int = 0,
) -> dict[str, Any]:
    """Breaks it for so long in the middle of the notice, and waits until all has gone. Whatever it
    was: nothing is lost, nobody gets anything twice, every code that was promised goes, people see
    a page or an honest 503, nobody quits, RQ's list of bugs stays empty. What was seen.

    `in_doubt`: how many may be, at most."""
    people(recipients - 1)
    User.objects.filter(username="reception").update(email="r@example.com", wants_email=True)
    number = send_to_everyone(house, folder)
    house.eventually(lambda: len(house.accepted()) > 100, 60)
    desk.open(number)
    time.sleep(1)
    with broken():
        before = len(house.accepted())
        time.sleep(seconds)
        meanwhile = len(house.accepted()) - before
    assert not house.ended(number), "all was sent before it was over: nothing is proved"
    fixed = time.monotonic()
    time.sleep(5)
    desk.close_door()  # what they ask for takes its part of a small machine
    house.wait_until_ended(number, 120)
    took = time.monotonic() - fixed
    wait_for_the_rest(house)
    verdict, accepted = house.verdict(number), Counter(house.accepted())
    texts = folder / "sms.jsonl"
    codes = {json.loads(line)["to"] for line in texts.read_text().splitlines()}
    facts: dict[str, Any] = {
        "settled after": round(took, 1), "accepted meanwhile": meanwhile,
        "codes": len(desk.codes), "late notices": len(desk.accepted),
        "slowest": desk.slowest(), "failed": len(house.failed_jobs()),
        "answers": {page: sorted(found) for page, found in desk.statuses().items()},
    }  # fmt: skip
    house.tell(took + seconds, verdict | facts)
    assert not house.quit_by_themselves(), house.logs()
    assert not house.failed_jobs(), house.failed_jobs()
    assert verdict["recipients"] == recipients
    assert verdict["lost"] == verdict["extra copies"] == verdict["sent but not accepted"] == 0
    assert verdict["uncertain"] <= in_doubt
    assert verdict["sent"] + verdict["uncertain"] == recipients
    assert set(desk.codes) <= codes
    assert [each for each in desk.accepted if accepted[each] != 1] == []
    assert set().union(*desk.statuses().values()) <= {200, 302, 503}, desk.words()
    return verdict | facts


def wait_for_the_rest(house: House) -> None:
    """For codes and notices that were written meanwhile, and for the queues."""
    unfinished = Notice.objects.exclude(state=Notice.State.FINISHED)
    open_ones = Delivery.objects.filter(state__in=OPEN)
    house.eventually(lambda: not unfinished.exists() and not open_ones.exists(), 90)
    house.eventually(lambda: not house.waiting_jobs(), 20)
