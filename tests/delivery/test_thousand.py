"""A thousand requests that wait for their answers in one worker."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from notices.delivery import expand
from notices.models import Delivery, State
from tests.delivery.test_codes_side_by_side import codes
from tests.support import patient_server
from tests.support.processes import ROOT
from tests.support.world import database_url, sent_now

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 1000
WORKER = """
import sys
sys.path[:0] = ["site"]
import django
django.setup()
import jobs
from notices.delivery import single, slices
jobs.prepare_worker()
which = int(sys.argv[2])
single.send(which, "sms") if sys.argv[1] == "codes" else slices.send_slice(which, "sms", bool)
"""


@pytest.fixture
def provider():
    words = (patient_server.__file__, str(MANY), "9")
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True)
    yield f"webhook+http://127.0.0.1:{process.stdout.readline().strip()}/"
    process.kill()
    process.communicate()


def of_notice(staff):
    numbers = "\n".join(f"+86138{number:08d}" for number in range(MANY))
    new = sent_now(staff, channels=["sms"], pasted=numbers)
    while expand.start(new.pk) is None:
        pass
    return new.pk


@pytest.mark.parametrize("what", ["codes", "a notice"])
def test_a_thousand_wait_in_one_thread_and_little_memory(staff, provider, what):
    which = codes(MANY)[0].pk if what == "codes" else of_notice(staff)
    environment = os.environ | {
        "DATABASE_URL": database_url(), "SMS_URLS": provider, "IN_FLIGHT": str(MANY),
    }  # fmt: skip
    words = [sys.executable, "-c", WORKER, what, str(which)]
    worker = psutil.Popen(words, cwd=ROOT, env=environment)
    held = threads = 0
    while worker.poll() is None:
        time.sleep(0.2)
        if worker.is_running() and Path(f"/proc/{worker.pid}/exe").exists():
            held = max(held, worker.memory_full_info().pss)
            threads = max(threads, worker.num_threads())
    assert worker.returncode == 0
    assert set(Delivery.objects.values_list("state", "provider_ref")) == {(State.SENT, str(MANY))}
    assert held < 150 << 20
    assert threads == 1
