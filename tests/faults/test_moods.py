"""A mail server that is slow, or takes nothing for a while: codes do not wait for it, nothing is
lost or uncertain, staff see why nothing goes, and it goes on by itself."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from local import embedded
from notices.models import Delivery, FailedAttempt, Notice, State
from tests.faults import moody
from tests.faults.house import ringing
from tests.faults.test_codes import ask_for_code
from tests.support import world
from tests.support.processes import ROOT, Process, eventually

pytestmark = pytest.mark.django_db(transaction=True)
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))
SLACK = float(os.environ.get("FAULT_SLACK", "1"))
GOOD = "well"


@pytest.fixture
def house(tmp_path, monkeypatch, settings):
    """Beside its workers, one that does nothing but codes, as in the Procfile."""
    monkeypatch.setenv("SMS_URLS", f"file:{tmp_path}")
    port = embedded.free_port()
    (tmp_path / "mood").write_text(GOOD)
    command = [sys.executable, str(Path(moody.__file__)), str(port), str(tmp_path)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    assert server.stdout
    assert server.stdout.readline()
    url = f"smtp://us:secret@127.0.0.1:{port}"
    settings.EMAIL_BACKEND = "notices.providers.smtp_client.EmailBackend"
    try:
        with ringing(tmp_path, SEED, settings, EMAIL_URL=url) as built:
            codes = Process("rqworker", "sms", **built.environment)
            eventually(lambda: built.redis.client().scard("rq:workers") == 3, 30)
            yield built
            codes.kill()
    finally:
        server.kill()
        server.wait()


def mood(house, tmp_path, word):
    (tmp_path / "mood").write_text(word)


def notice_to(number):
    return world.sent_now(None, pasted="\n".join(f"g{n}@example.com" for n in range(number)))


def waits(tmp_path, asked):
    lines = [json.loads(line) for line in (tmp_path / "sms.jsonl").read_text().splitlines()]
    return [
        round((datetime.fromisoformat(line["at"]) - asked[line["delivery"]]).total_seconds(), 2)
        for line in lines
    ]


def ask_for_codes(tmp_path, number, every):
    asked = dict(ask_for_code(each) for each in range(number) if not time.sleep(every))
    eventually(lambda: len((tmp_path / "sms.jsonl").read_text().splitlines()) == number, 30)
    return waits(tmp_path, asked)


@pytest.mark.faults
@pytest.mark.parametrize("how", ["slow 8", "drip 8"])
def test_codes_do_not_wait_for_a_slow_mail_server(house, tmp_path, how):
    mood(house, tmp_path, how)
    new = notice_to(300)
    eventually(lambda: Notice.objects.get(pk=new.pk).state == "sending", 20)
    time.sleep(2)
    found = ask_for_codes(tmp_path, 10, 1)
    print("\n" + json.dumps({"mood": how, "codes": sorted(found)}))
    assert max(found) < 1 * SLACK
    mood(house, tmp_path, GOOD)
    house.wait_until_ended(new.pk, 60)
    assert set(Delivery.objects.filter(notice=new).values_list("state", flat=True)) == {"sent"}


@pytest.mark.faults
def test_a_server_that_thinks_longer_than_a_lease_leaves_nothing_uncertain(house, tmp_path):
    mood(house, tmp_path, "slow 40")
    new = notice_to(2)
    house.wait_until_ended(new.pk, 130)
    assert set(Delivery.objects.values_list("state", "tries")) == {("sent", 1)}
    accepted = Counter((tmp_path / "accepted.txt").read_text().split())
    assert accepted.total() == len(accepted) == 2


REFUSALS = {
    "login": "The mail server refuses our name or password (535).",
    "banner": "The mail server refuses our connection (421).",
    "away": "The mail server cannot be reached.",
    "sender": "The mail server refuses our sender (550 5.7.1 sender rejected).",
    "quota": "The mail server takes no more from us (550 5.4.5 Daily user sending quota exceeded).",
}


@pytest.mark.parametrize(
    "how",
    [
        "login",
        *(pytest.param(each, marks=pytest.mark.faults) for each in REFUSALS if each != "login"),
    ],
)
def test_what_is_about_the_account_pauses_and_is_said(house, tmp_path, how, staff):
    mood(house, tmp_path, how)
    new = notice_to(300)
    page, desk = f"/notices/{new.pk}/", Client()
    desk.force_login(staff)
    eventually(lambda: REFUSALS[how] in desk.get(page).text.replace("&#x27;", "'"), 30)
    assert REFUSALS[how] in desk.get("/health/").text
    assert desk.get("/readyz").json()["carriers"] == {"email": False, "sms": True}
    time.sleep(20)
    logins = len((tmp_path / "logins.txt").read_text().split())
    rows = Delivery.objects.filter(notice=new)
    gone = moody.QUOTA if how == "quota" else 0
    states = Counter(rows.values_list("state", flat=True))
    said = sum(each.output().count("smtp: The mail server") for each in house.workers)
    facts = {"mood": how, "logins": logins, "states": dict(states), "said": said}
    print("\n" + json.dumps(facts))
    assert states["sent"] + states["queued"] == 300
    assert gone <= states["sent"] <= gone + 1, "both workers may ask for the last"
    assert not rows.filter(state=State.QUEUED, tries__gt=0).exists()
    assert logins <= 5 + (gone > 0) * 4
    assert 1 <= said <= 2
    assert FailedAttempt.objects.count() <= logins, "one for each time that it was asked"
    mood(house, tmp_path, GOOD)
    house.wait_until_ended(new.pk, 120)
    accepted = Counter((tmp_path / "accepted.txt").read_text().split())
    assert accepted.total() == len(accepted) == 300
    assert set(rows.values_list("state", flat=True)) == {"sent"}
    assert REFUSALS[how] not in desk.get("/health/").text


def test_a_server_that_ends_each_connection_in_the_middle_holds_up_nothing(house, tmp_path):
    mood(house, tmp_path, "middle")
    began = timezone.now()
    new = notice_to(500)
    house.wait_until_ended(new.pk, 90)
    accepted = Counter((tmp_path / "accepted.txt").read_text().split())
    assert accepted.total() == len(accepted) == 500
    assert (timezone.now() - began).total_seconds() < 60 * SLACK
    assert not Delivery.objects.filter(tries__gt=1).exists()


@pytest.mark.faults
def test_what_is_greylisted_goes_when_its_time_has_come(house, tmp_path):
    mood(house, tmp_path, "grey")
    new = notice_to(200)
    eventually(lambda: Delivery.objects.filter(tries=1).count() == 200, 60)
    eventually(lambda: Delivery.objects.filter(tries=2).count() > 100, 60)
    assert FailedAttempt.objects.count() == 200, "the same said again is kept once"
    mood(house, tmp_path, GOOD)
    Delivery.objects.filter(state=State.QUEUED).update(not_before=None)
    house.wait_until_ended(new.pk, 90)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
