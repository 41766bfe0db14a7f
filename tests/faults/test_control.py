"""The control: the same kills over the textbook's design. The oracle must find what it breaks, or
the zeros of the other tests mean nothing."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from rq import Queue

from notices.delivery import expand, finish
from notices.models import Delivery, Notice
from tests.faults.house import House, people
from tests.support import world
from tests.support.processes import ROOT, Process

pytestmark = pytest.mark.django_db(transaction=True)
PROGRAM = str(Path(__file__).with_name("textbook.py"))
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))


class TextbookWorker(Process):
    """Stock RQ, in a session of its own."""

    def __init__(self, redis_url: str) -> None:
        self.sink = tempfile.NamedTemporaryFile(prefix="bellhop-process-", suffix=".log")  # noqa: SIM115
        self.started = time.monotonic()
        self.popen = subprocess.Popen(
            [sys.executable, PROGRAM, redis_url, "work"],
            cwd=ROOT, stdout=self.sink, stderr=self.sink, start_new_session=True,
        )  # fmt: skip
        self.pid = self.popen.pid


class TextbookHouse(House):
    """The same house, the same breakages; other workers."""

    def worker(self) -> Process:
        return TextbookWorker(self.redis.url)


@pytest.fixture
def house(tmp_path, monkeypatch, delay):
    monkeypatch.setenv("SINK_DELAY", str(delay))  # a provider takes a moment over its answer
    built = TextbookHouse(tmp_path, SEED)
    yield built
    built.close()


def recipients_of_a_settled_notice():
    """For the oracle, which asks the database who should have got it; nobody here sends it."""
    notice = world.notice()
    notice.save()
    expand.start(notice.pk)
    Delivery.objects.update(state="sent")
    finish.finish(notice.pk)
    assert Notice.objects.get(pk=notice.pk).state == Notice.State.FINISHED
    return notice


@pytest.mark.parametrize(
    ("recipients", "delay", "seconds", "settle"),
    [
        # Slow, so that ten kills surely hit a message in hand.
        pytest.param(160, 0.1, 10, 2, id="smoke", marks=pytest.mark.once),
        # As long as our own design may take to settle after the last fault.
        pytest.param(3000, 0.01, 60, 60, id="full", marks=pytest.mark.faults),
    ],
)
def test_the_oracle_finds_what_the_textbook_design_loses_or_doubles(
    house, recipients, seconds, settle
):
    people(recipients)
    notice = recipients_of_a_settled_notice()
    port = urlsplit(house.environment["EMAIL_URL"]).port
    addresses = list(Delivery.objects.values_list("address", flat=True))
    subprocess.run(
        [sys.executable, PROGRAM, house.redis.url, str(port)],
        input="\n".join(addresses), text=True, check=True, timeout=60,
    )  # fmt: skip
    queue = Queue("textbook", connection=house.redis.client())
    started = time.monotonic()
    while queue.count and time.monotonic() - started < seconds:
        time.sleep(1)
        house.random.choice(
            (house.kill_horse, house.kill_worker, house.kill_both, house.terminate)
        )()
    last_fault = time.monotonic()
    while queue.count and time.monotonic() - last_fault < settle + 30:
        time.sleep(0.2)
    time.sleep(settle)
    verdict = house.verdict(notice.pk)
    house.tell(time.monotonic() - started, verdict)
    assert verdict["recipients"] == recipients
    assert verdict["lost"] < recipients / 4, "the control itself does not work"
    assert verdict["lost"] or verdict["extra copies"], "the oracle saw nothing wrong"
