"""A slice of an SMS notice, sent side by side."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import jobs
from notices.audience import suppression
from notices.delivery import budget, connections, expand, lifecycle, slices
from notices.models import Delivery, Notice, State
from notices.providers import breaker
from tests.support import provider_server
from tests.support.processes import ROOT
from tests.support.provider_server import HANGUP
from tests.support.world import database_url, record_fails_once, sent_now, swept

pytestmark = pytest.mark.django_db(transaction=True)
YES: tuple[int, dict[str, str], bytes] = (200, {}, b"")


@pytest.fixture
def provider(settings):
    with provider_server.running() as server:
        settings.SMS_URLS = [f"webhook+http://{server.place}/"]
        settings.IN_FLIGHT = 32
        yield server


def prepared(staff, number):
    """A notice to that many numbers."""
    numbers = "\n".join(f"+86138{n:08d}" for n in range(number))
    new = sent_now(staff, channels=["sms"], pasted=numbers)
    expand.start(new.pk)
    return new


def states():
    found = list(Delivery.objects.values_list("state", flat=True))
    return {state: found.count(state) for state in set(found)}


def asked(server):
    return sorted(question.json["to"] for question in server.questions)


def everybody():
    return sorted(Delivery.objects.values_list("address", flat=True))


def go(notice):
    """Slices until nothing is left to do now."""
    while (again := slices.send_slice(notice.pk, "sms")) is not None:
        if again > timezone.now():
            return again
    return None


def test_slice_sends_as_many_at_once_as_there_are_lines(staff, provider):
    provider.delay = 0.4
    new = prepared(staff, 32)
    started = time.monotonic()
    assert slices.send_slice(new.pk, "sms") is None
    assert time.monotonic() - started < 1.2
    assert states() == {"sent": 32}
    assert asked(provider) == everybody()
    new.refresh_from_db()
    assert new.state == Notice.State.FINISHED


def test_slice_ends_after_its_time_and_waits_for_the_calls_under_way(staff, provider):
    provider.delay = 0.3
    new = prepared(staff, 150)
    started = time.monotonic()
    again = slices.send_slice(new.pk, "sms")
    assert time.monotonic() - started < 1.5
    assert again <= timezone.now()
    assert set(states()) == {"sent", "queued"}
    assert 32 <= states()["sent"] <= 96
    assert not Delivery.objects.filter(state=State.QUEUED).exclude(token=None).exists()
    assert len(provider.questions) == states()["sent"]
    assert provider.connections <= 32, "a line is used again"


def test_no_line_waits_for_the_slowest(staff, provider, monkeypatch):
    monkeypatch.setattr(budget, "MAX_SECONDS", 8)
    seen = []

    def slowest(question):
        end = time.monotonic() + 4
        while len(provider.questions) < 70 and time.monotonic() < end:
            time.sleep(0.01)
        seen.append(len(provider.questions))
        return YES

    provider.answers.append(slowest)
    new = prepared(staff, 70)  # more than one claim
    slices.send_slice(new.pk, "sms")
    assert states() == {"sent": 70}
    assert seen == [70], "all the others went while one was waited for"


def test_everybody_is_told_once_by_two_workers(staff, provider):
    new = prepared(staff, 100)
    provider.answers.append(lambda question: (slices.send_slice(new.pk, "sms"), YES)[1])
    while slices.send_slice(new.pk, "sms"):
        pass
    assert states() == {"sent": 100}
    assert asked(provider) == everybody()


def test_only_what_was_not_answered_is_in_doubt(staff, provider):
    answers = {"3": HANGUP, "5": (400, {}, b"")}
    provider.usual = lambda question: answers.get(question.json["to"][-1], YES)
    go(prepared(staff, 10))
    assert states() == {"sent": 8, "uncertain": 1, "failed": 1}
    assert Delivery.objects.get(state=State.UNCERTAIN).address.endswith("3")


def test_what_was_open_at_once_and_lost_pauses_nothing_and_what_follows_does(staff, provider):
    provider.usual = lambda question: HANGUP if len(provider.questions) <= 32 else YES
    provider.delay = 0.3  # all of them are under way by then
    new = prepared(staff, 64)
    slices.send_slice(new.pk, "sms")
    new.refresh_from_db()
    assert (states()["uncertain"], new.state) == (32, Notice.State.SENDING)
    provider.usual = lambda question: HANGUP
    breaker.own.clear()
    jobs.bell().flushdb()  # its rest is over
    slices.send_slice(new.pk, "sms")
    new.refresh_from_db()
    assert new.state == Notice.State.PAUSED


def test_who_said_stop_since_it_was_prepared_is_not_told(staff, provider):
    new = prepared(staff, 5)
    suppression.add("sms", "+8613800000003", "stop")
    go(new)
    assert states() == {"sent": 4, "suppressed": 1}
    assert "+8613800000003" not in asked(provider)


def test_provider_that_is_gone_pauses_all_and_costs_nobody_a_try(staff, provider):
    provider.stop()
    new = prepared(staff, 60)
    while (again := slices.send_slice(new.pk, "sms")) <= timezone.now():
        pass
    assert set(Delivery.objects.values_list("state", "tries", "token")) == {("queued", 0, None)}
    assert Delivery.objects.filter(not_before=None).count() >= 28, "no more than once round"
    assert again <= timezone.now() + timedelta(seconds=40)


def test_when_nobody_can_carry_what_is_under_way_is_recorded(staff, provider, settings):
    settings.SMS_URLS = [f"webhook+http://{provider.place}/?rate=10/minute"]
    provider.delay = 0.2
    again = go(prepared(staff, 20))
    assert again.second % 10 == 0
    assert states() == {"sent": 8, "queued": 12}, "the last fifth is for codes"
    assert set(Delivery.objects.filter(state=State.QUEUED).values_list("tries", "token")) == {
        (0, None)
    }


def test_rate_is_kept_on_all_lines_together(staff, provider, settings):
    settings.SMS_URLS = [f"webhook+http://{provider.place}/?rate=10/second"]
    assert go(prepared(staff, 20)) is None
    assert states() == {"sent": 20}
    at = sorted(question.at for question in provider.questions)
    assert all(ninth - first > 0.9 for first, ninth in zip(at, at[8:], strict=False))


def test_database_away_for_a_moment_loses_no_outcome(staff, provider, monkeypatch):
    record_fails_once(monkeypatch)
    provider.delay = 0.1
    slices.send_slice(prepared(staff, 10).pk, "sms")
    assert states() == {"sent": 10}
    assert asked(provider) == everybody()


def test_cancelled_meanwhile_does_not_go(staff, provider, monkeypatch):
    new = prepared(staff, 10)
    prepare_calls = slices.NoticeSender.prepare

    def cancelled_before_the_mark(self, *args):
        ready = prepare_calls(self, *args)
        lifecycle.cancel(new)
        return ready

    monkeypatch.setattr(slices.NoticeSender, "prepare", cancelled_before_the_mark)
    slices.send_slice(new.pk, "sms")
    assert provider.questions == []
    assert states() == {"cancelled": 10}


def test_one_settled_meanwhile_does_not_keep_the_others_from_going(staff, provider, monkeypatch):
    new = prepared(staff, 10)
    prepare_calls = slices.NoticeSender.prepare

    def one_is_cancelled(self, *args):
        ready = prepare_calls(self, *args)
        Delivery.objects.filter(address__endswith="3").update(state=State.CANCELLED)
        return ready

    busy, close = [], connections.Connections.close
    monkeypatch.setattr(
        connections.Connections, "close", lambda self: (busy.append(self.busy), close(self))
    )
    monkeypatch.setattr(slices.NoticeSender, "prepare", one_is_cancelled)
    slices.send_slice(new.pk, "sms")
    assert len(provider.questions) == 9
    assert states() == {"sent": 9, "cancelled": 1}
    assert busy == [{}], "its place is there for others"


def test_notice_by_provider_on_one_line_goes_as_ever(staff, texts):
    go(prepared(staff, 10))
    assert states() == {"sent": 10}
    assert len(texts) == 10


def test_those_that_leave_together_are_marked_in_one_statement(staff, provider):
    new = prepared(staff, 32)
    with CaptureQueriesContext(connection) as asked_of_database:
        slices.send_slice(new.pk, "sms")
    marks = [
        each["sql"]
        for each in asked_of_database
        if each["sql"].startswith("UPDATE") and "SET \"state\" = 'sending'" in each["sql"]
    ]
    assert len(marks) == 1
    assert states() == {"sent": 32}


def test_answers_that_come_one_after_the_other_are_recorded_together(staff, provider):
    new = prepared(staff, 60)
    provider.answers += [
        lambda _question, late=number % 20: (time.sleep(0.05 + late / 1000), YES)[1]
        for number in range(60)
    ]
    with CaptureQueriesContext(connection) as asked:
        go(new)
    assert states() == {"sent": 60}
    assert sum(each["sql"].startswith("BEGIN") for each in asked) < 20


def test_each_keeps_the_number_that_the_provider_gave_it(staff, provider):
    def number(question):
        to = question.json["to"]
        given = {} if to == nobody.address else {"id": f"for {to} " + "x" * 200}
        return 200, {}, json.dumps(given).encode()

    provider.usual, new = number, prepared(staff, 5)
    nobody, *others = Delivery.objects.all()
    slices.send_slice(new.pk, "sms")
    assert Delivery.objects.get(pk=nobody.pk).provider_ref == ""
    for row in Delivery.objects.filter(pk__in=[each.pk for each in others]):
        assert row.provider_ref == f"for {row.address} ".ljust(100, "x")


def test_code_goes_before_the_next_slice(staff, provider, burst):
    from tests.delivery.test_codes_side_by_side import code

    provider.delay = 0.2
    new = prepared(staff, 150)
    jobs.send_notice(new.pk, "sms")
    waiting = code(99)
    jobs.push(jobs.send_code, waiting.pk)
    burst()
    assert states() == {"sent": 151}
    order = [question.json["to"] for question in provider.questions]
    assert 32 <= order.index(waiting.address) < 120


WORKER = """
import sys
sys.path[:0] = ["site"]
import django
django.setup()
from notices.delivery import slices
slices.send_slice(int(sys.argv[1]), "sms")
"""


def test_worker_killed_amid_calls_leaves_in_doubt_what_was_open(staff, provider):
    new = prepared(staff, 120)
    provider.delay = 0.2

    def kill(question):
        os.kill(worker.pid, signal.SIGKILL)
        return HANGUP

    provider.answers += [YES] * 40 + [kill]
    variables = os.environ | {
        "DATABASE_URL": database_url(),
        "SMS_URLS": f"webhook+http://{provider.place}/",
        "IN_FLIGHT": "32",
    }
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(new.pk)], cwd=ROOT, env=variables)
    assert worker.wait(30) == -signal.SIGKILL
    in_doubt = states()["sending"]
    assert 1 <= in_doubt <= 32
    Delivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    swept()
    go(new)
    assert states() == {"uncertain": in_doubt, "sent": 120 - in_doubt}
    numbers = asked(provider)
    assert len(numbers) == len(set(numbers)), "nobody is told twice"
    doubtful = set(Delivery.objects.filter(state=State.UNCERTAIN).values_list("address", flat=True))
    assert set(everybody()) - set(numbers) <= doubtful, "nobody is lost"


def test_connections_are_kept_for_the_next_job(staff, provider):
    provider.delay = 0.1
    for _ in range(2):
        slices.send_slice(prepared(staff, 8).pk, "sms")
    assert len(provider.questions) == 16
    assert provider.connections == 8
