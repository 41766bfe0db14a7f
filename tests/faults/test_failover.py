"""Two providers, of which the first is busy every other time and then hangs."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from local import embedded
from notices.models import Delivery
from signup.models import User
from tests.faults.house import House, send_to_everyone
from tests.support.processes import ROOT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))
# So few that the breaker has not seen enough of it when it hangs.
RECIPIENTS, HANGS_AFTER, OPEN = 2_000, 20, 32


def gateway(folder, after):
    """A gateway of its own whose list of what it accepted is the house's; its process, its port."""
    folder.mkdir()
    (folder / "accepted.txt").symlink_to("../accepted.txt")
    port = embedded.free_port()
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("hanging.py")), str(port), str(folder),
         str(SEED), str(after)],
        stdout=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert server.stdout
    assert server.stdout.readline()
    return server, port


@pytest.fixture
def house(tmp_path, monkeypatch):
    (tmp_path / "accepted.txt").touch()
    first, first_port = gateway(tmp_path / "first", HANGS_AFTER)
    second, second_port = gateway(tmp_path / "second", 0)
    monkeypatch.setenv(
        "SMS_URLS",
        f"webhook+http://127.0.0.1:{first_port}/sms,webhook+http://127.0.0.1:{second_port}/sms",
    )
    monkeypatch.setenv("IN_FLIGHT", str(OPEN))
    built = House(tmp_path, SEED)
    yield built
    built.close()
    for server in (first, second):
        server.kill()
        server.wait()


def asked(folder):
    """What one gateway answered how often."""
    lines = (folder / "asked.jsonl").read_text().splitlines()
    return Counter(json.loads(line)["status"] for line in lines)


def test_second_provider_carries_what_the_first_does_not(house, tmp_path):
    User.objects.bulk_create(
        User(username=f"guest_{n}", mobile=f"+86138{n:08d}") for n in range(RECIPIENTS)
    )
    started = time.monotonic()
    notice = send_to_everyone(house, tmp_path, "sms")
    house.wait_until_ended(notice, 300)
    verdict = house.verdict(notice)
    first, second = asked(tmp_path / "first"), asked(tmp_path / "second")
    carried = Counter(
        Delivery.objects.filter(state="sent").values_list("provider", flat=True).order_by()
    )
    house.faults.update({f"first answered {status}": n for status, n in first.items()})
    house.faults.update({f"second answered {status}": n for status, n in second.items()})
    house.tell(
        time.monotonic() - started, verdict | {f"by {name}": n for name, n in carried.items()}
    )
    assert verdict["recipients"] == RECIPIENTS
    assert verdict["lost"] == 0
    assert verdict["extra copies"] == 0
    assert verdict["failed"] == 0
    assert verdict["sent but not accepted"] == 0
    assert verdict["sent"] + verdict["uncertain"] == RECIPIENTS
    # Only what hung is in doubt: what was on its way when it began, on every line of both workers,
    # and a few after that, to which the breaker kept it.
    assert 0 < verdict["uncertain"] == first[0] <= 2 * OPEN + 20
    assert carried["webhook"] == first[200]
    assert carried["webhook-2"] == second[200]
    assert second[503] == 0
