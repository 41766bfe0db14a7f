"""Work-horses are killed while they send SMS side by side."""

import json
import os
import time
from collections import Counter

import pytest

from notices.models import Delivery, State
from signup.models import User
from tests.faults.house import gateway, ringing, send_to_everyone
from tests.faults.test_codes import ask_for_code
from tests.support.processes import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))


@pytest.fixture
def house(tmp_path, monkeypatch, settings):
    """Its SMS go to a gateway that takes 300 ms over each."""
    monkeypatch.setenv("GATEWAY_DELAY", "0.3")
    with gateway(tmp_path, SEED, 0, 0, 0) as address:
        monkeypatch.setenv("SMS_URLS", address)
        with ringing(tmp_path, SEED, settings) as built:
            yield built


def test_a_kill_leaves_in_doubt_at_most_what_was_open(house, tmp_path, settings):
    recipients, codes, kills = 5000, 200, 12
    User.objects.bulk_create(
        User(username=f"guest_{n}", mobile=f"+86139{n:08d}") for n in range(recipients)
    )
    started = time.monotonic()
    number = send_to_everyone(house, tmp_path, "sms")
    for turn in range(kills):
        for each in range(codes // kills):
            ask_for_code(turn * codes + each)
        time.sleep(3)  # a slice that was killed is rung for again by the sweep
        house.kill_horse()
    house.wait_until_ended(number, 90 + recipients / 20)
    sent = Delivery.objects.filter(message="code", state=State.SENT)
    asked = codes // kills * kills
    eventually(lambda: sent.count() == asked, 60)
    accepted = Counter(house.accepted())
    verdict = house.verdict(number)
    mobiles = {address for address in accepted if address.startswith("+86138")}
    verdict["extra copies"] = sum(
        copies - 1 for address, copies in accepted.items() if address not in mobiles
    )
    again = sum(accepted[address] - 1 for address in mobiles)
    house.tell(time.monotonic() - started, verdict | {"codes": asked, "codes again": again})
    killed = house.faults["work-horse killed"]
    assert killed
    assert verdict["recipients"] == recipients
    assert verdict["lost"] == verdict["extra copies"] == verdict["sent but not accepted"] == 0
    assert verdict["uncertain"] <= killed * settings.IN_FLIGHT
    assert len(mobiles) == asked
    assert again <= killed * settings.IN_FLIGHT, "a code in doubt goes again"
    print(json.dumps({"per kill": round((verdict["uncertain"] + again) / killed, 1)}))
