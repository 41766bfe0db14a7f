"""Two processes are asked for the same thing at the same moment: it is done once."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from notices.delivery import expand
from notices.models import Delivery, FailedAttempt, Notice, Schedule, State
from signup.models import User
from tests.faults import presses
from tests.support.processes import ROOT
from tests.support.world import database_url, repeated, sent_now

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "/notices/new/"
FORM = {
    "subject": "Lift", "text": "Dear ((name)), hello.", "channels": ["email"],
    "audience": "addresses", "addresses": "a@example.com",
}  # fmt: skip
REPEAT = FORM | {"when": "repeat", "every": "days", "at": "2099-12-01T09:00"}
TIMES = 8


@pytest.fixture
def both(staff, tmp_path):
    """Has two processes press these at the same moments; their answers, in pairs."""
    client = Client()
    client.force_login(staff)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    script, running = str(Path(presses.__file__)), []

    def press(them):
        (tmp_path / "presses.json").write_text(json.dumps(them))
        for who in "01":
            with (tmp_path / "presses.json").open() as presses_file:
                running.append(subprocess.Popen(
                    [sys.executable, script, session, str(tmp_path), who],
                    cwd=ROOT, env=os.environ | {"DATABASE_URL": database_url()}, text=True,
                    stdin=presses_file, stdout=subprocess.PIPE,
                ))  # fmt: skip
        answers = [each.communicate(timeout=120)[0] for each in running]
        return list(zip(*map(json.loads, answers), strict=True))

    yield press
    for each in running:
        each.kill()
        each.wait()


def test_forms(both):
    pairs = both([(NEW, form | {"key": f"{n} {form.get('when')}"})
                  for n in range(TIMES) for form in (FORM, REPEAT)])  # fmt: skip
    assert all(first == second and first[0] == 302 for first, second in pairs), pairs
    assert len({first[1] for first, _ in pairs}) == 2 * TIMES
    assert (Notice.objects.count(), Schedule.objects.count()) == (TIMES, TIMES)


def test_json(both):
    pairs = both([(NEW, body, f"{n} {body.get('when')}")
                  for n in range(TIMES) for body in (FORM, REPEAT)])  # fmt: skip
    assert all(first == second and first[0] == 200 for first, second in pairs), pairs
    assert (Notice.objects.count(), Schedule.objects.count()) == (TIMES, TIMES)


def test_send_again(both, staff):
    doubtful = [sent_now(pasted=f"a{n}@example.com") for n in range(TIMES)]
    for each in doubtful:
        expand.start(each.pk)
    Delivery.objects.update(state=State.UNCERTAIN, changed_at=timezone.now())
    Notice.objects.update(state=Notice.State.FINISHED)
    both(
        [(f"/notices/{each.pk}/again/", {"group": "uncertain", "twice": "on"}) for each in doubtful]
    )
    told = Counter(FailedAttempt.objects.values_list("delivery", flat=True))
    assert set(told.values()) == {1}
    assert set(Delivery.objects.values_list("state", flat=True)) == {"queued"}
    assert len(told) == TIMES


def test_run_now_and_skip(both):
    schedules = [repeated() for _ in range(TIMES)]
    both([(f"/notices/schedules/{each.pk}/act/", {"do": do, "at": each.next_at.isoformat()})
          for each in schedules for do in ("run", "skip")])  # fmt: skip
    assert Notice.objects.count() == TIMES
    for each in schedules:
        assert Counter(each.occurrences.values_list("state", flat=True)) == {
            "started": 1, "skipped": 1,
        }  # fmt: skip


def test_import_of_the_same_people(both):
    people = [
        {"username": f"guest_{n}", "email": f"g{n}@example.com", "mobile": "", "language": ""}
        for n in range(TIMES)
    ]
    pairs = both([("import", cells) for cells in people])
    assert {frozenset(first + second) for first, second in pairs} == {
        frozenset(["created", "unchanged"])
    }
    assert User.objects.filter(username__startswith="guest_").count() == TIMES
