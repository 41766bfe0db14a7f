"""A slice by a mail server: where a worker stood when it died, was stopped or came back late."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

import jobs
from notices.audience import suppression
from notices.delivery import claims, expand, finish, lifecycle, limits, slices, states, stream
from notices.models import Delivery, Notice, State, StreamCursor, Suppression
from notices.providers import breaker, mime_template
from notices.providers.smtp_client import EmailBackend
from signup.models import User
from tests.support.processes import ROOT
from tests.support.world import database_url, sent_now, states_of, swept

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ten(mailserver):
    """A prepared notice to guest0 to guest9."""
    User.objects.bulk_create(
        User(username=f"guest_{n}", email=f"guest{n}@example.com") for n in range(10)
    )
    new = sent_now()
    expand.start(new.pk)
    return new


def counts(notice):
    found = [str(state) for state in states_of(notice).values()]
    return {state: found.count(state) for state in sorted(set(found))}


def before(monkeypatch, address, act):
    """Calls act() just before that one leaves."""

    further = stream.Stream.may_leave

    def may_leave(self, delivery):
        mine = further(self, delivery)
        if delivery.address == address:
            act()
        return mine

    monkeypatch.setattr(stream.Stream, "may_leave", may_leave)


def be_dead():
    StreamCursor.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    swept()


def told(mailserver):
    return [address for address, _ in mailserver.messages]


def test_each_is_told_once_by_name_and_nothing_is_left_in_hand(ten, mailserver):
    assert slices.send_slice(ten.pk, "email") is None
    assert told(mailserver) == [f"guest{n}@example.com" for n in range(10)]
    assert "Dear guest_3," in mailserver.messages[3][1].get_body(["plain"]).get_content()
    rows = Delivery.objects.filter(notice=ten)
    kept = set(rows.values_list("state", "tries", "provider", "token", "lease_until", "reason"))
    assert kept == {("sent", 1, "smtp", None, None, "")}
    assert not StreamCursor.objects.exists()
    ten.refresh_from_db()
    assert ten.state == Notice.State.FINISHED


def test_what_did_not_go_is_not_among_those_that_did(ten, mailserver):
    mailserver.answers |= {"guest3": "550 5.1.1 No such user", "guest5": "450 Later"}
    mailserver.data_answers["guest7"] = "hangup"
    assert slices.send_slice(ten.pk, "email") > timezone.now()
    assert counts(ten) == {"failed": 1, "queued": 1, "sent": 7, "uncertain": 1}
    found = {each.address: each for each in Delivery.objects.all()}
    assert found["guest3@example.com"].state == State.FAILED
    assert found["guest5@example.com"].not_before is not None
    assert found["guest7@example.com"].state == State.UNCERTAIN
    assert {each.tries for each in found.values()} == {1}
    assert len(told(mailserver)) == 7


def test_nobody_else_takes_what_a_slice_holds_however_old_it_is(ten, mailserver):
    held = claims.claim(ten, "email", "other", streamed=True)
    assert len(held) == 10
    StreamCursor.objects.update(lease_until=timezone.now() - timedelta(hours=1))
    assert slices.send_slice(ten.pk, "email") is None
    assert told(mailserver) == []


WORKER = """
import sys
sys.path[:0] = ["site"]
import django
django.setup()
from notices.delivery import slices
slices.send_slice(int(sys.argv[1]), "email")
"""


def test_worker_killed_amid_a_message_leaves_that_one_in_doubt(ten, mailserver):
    variables = os.environ | {
        "DATABASE_URL": database_url(),
        "EMAIL_URL": f"smtp://127.0.0.1:{mailserver.port}",
    }
    mailserver.on_text["guest4"] = lambda: os.kill(worker.pid, signal.SIGKILL)
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(ten.pk)], cwd=ROOT, env=variables)
    assert worker.wait(30) == -signal.SIGKILL
    assert counts(ten) == {"queued": 10}  # nobody has looked yet
    swept()
    assert counts(ten) == {"queued": 10}  # it may still be at work
    be_dead()
    assert counts(ten) == {"queued": 5, "sent": 4, "uncertain": 1}
    assert Delivery.objects.get(state=State.UNCERTAIN).address == "guest4@example.com"
    assert slices.send_slice(ten.pk, "email") is None
    assert counts(ten) == {"sent": 9, "uncertain": 1}
    assert len(told(mailserver)) == len(set(told(mailserver)))
    ten.refresh_from_db()
    assert ten.state == Notice.State.FINISHED


def test_worker_that_died_before_the_first_has_told_nobody(ten):
    claims.claim(ten, "email", "dead", streamed=True)
    be_dead()
    assert counts(ten) == {"queued": 10}
    assert slices.send_slice(ten.pk, "email") is None
    assert counts(ten) == {"sent": 10}


def test_late_worker_stops_and_its_last_word_counts(ten, mailserver, monkeypatch):
    before(monkeypatch, "guest4@example.com", be_dead)
    slices.send_slice(ten.pk, "email")
    # Nobody else was there, so the same slice takes the rest in hand again.
    assert counts(ten) == {"sent": 10}
    assert len(told(mailserver)) == len(set(told(mailserver))) == 10


@pytest.mark.parametrize(
    ("answer", "state"),
    [("550 No", "failed"), ("450 Later", "queued"), ("hangup", "uncertain")],
)
def test_late_worker_that_did_not_get_through(ten, mailserver, monkeypatch, answer, state):
    mailserver.data_answers["guest4"] = answer
    before(monkeypatch, "guest4@example.com", be_dead)
    slices.send_slice(ten.pk, "email")
    assert states_of(ten)["guest4@example.com"] == state
    assert Delivery.objects.get(address="guest4@example.com").tries == 1
    assert counts(ten)["sent"] == 9


def test_cancel_stops_a_slice_before_the_next_message(ten, mailserver, monkeypatch):
    stopped = []
    before(monkeypatch, "guest4@example.com", lambda: stopped.append(lifecycle.cancel(ten)))
    assert slices.send_slice(ten.pk, "email") is None
    assert len(told(mailserver)) == 5  # the one whose request was leaving, too
    assert mailserver.connections == 1
    assert counts(ten) == {"cancelled": 5, "sent": 5}
    assert stopped == [5]


def test_cancel_waits_for_a_slice_to_be_settled(ten):
    claims.claim(ten, "email", "mine", streamed=True)
    lifecycle.cancel(ten)
    assert counts(ten) == {"queued": 10}
    stream.settle("mine", Delivery.objects.order_by("pk")[2].pk)
    swept()
    assert counts(ten) == {"cancelled": 7, "sent": 3}


def test_a_slice_gets_on_also_when_connecting_takes_its_time(ten, mailserver, monkeypatch):
    """Though something more urgent waits all the while."""

    def connect(self):
        time.sleep(2 * limits.MIN_SECONDS)
        return opens(self)

    opens = EmailBackend.open
    monkeypatch.setattr(EmailBackend, "open", connect)
    slices.send_slice(ten.pk, "email", lambda: True)
    assert counts(ten)["sent"] > 0


def test_those_who_must_not_or_cannot_be_told_are_left_out(ten, mailserver):
    suppression.add("email", "guest2@example.com", Suppression.Kind.UNSUBSCRIBED)
    guests = {each.address: each for each in Delivery.objects.all()}
    late, strange = guests["guest4@example.com"], guests["guest6@example.com"]
    Delivery.objects.filter(pk=late.pk).update(expires_at=timezone.now())
    Delivery.objects.filter(pk=strange.pk).update(address="王@example.com")
    assert slices.send_slice(ten.pk, "email") is None
    assert counts(ten) == {"expired": 1, "failed": 1, "sent": 7, "suppressed": 1}
    assert told(mailserver) == [f"guest{n}@example.com" for n in (0, 1, 3, 5, 7, 8, 9)]
    assert mailserver.connections == 1


def test_each_message_renews_the_lease(ten, mailserver, monkeypatch):
    def nearly_over():
        StreamCursor.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    before(monkeypatch, "guest3@example.com", nearly_over)
    before(monkeypatch, "guest4@example.com", lambda: swept())
    slices.send_slice(ten.pk, "email")
    assert counts(ten) == {"sent": 10}
    assert mailserver.connections == 1  # nobody took it for dead


def test_lost_slice_that_was_the_last_ends_its_notice(ten):
    *_others, last = claims.claim(ten, "email", "dead", streamed=True)
    StreamCursor.objects.update(position=last.pk, provider="smtp", lease_until=timezone.now())
    stream.settle_dead()
    assert counts(ten) == {"sent": 9, "uncertain": 1}
    ten.refresh_from_db()
    assert ten.state == Notice.State.FINISHED


def test_what_a_slice_holds_does_not_expire(ten):
    claims.claim(ten, "email", "mine", 5, streamed=True)
    finish.expire_queued(ten.pk)
    assert counts(ten) == {"expired": 5, "queued": 5}


@pytest.mark.parametrize("what", ["settle", "put_aside"])
def test_the_database_may_be_away_when_something_is_kept(ten, mailserver, monkeypatch, what):
    def away_once(*args):
        if once:
            raise once.pop()
        keep(*args)

    keep, once = getattr(stream, what), [OperationalError()]
    monkeypatch.setattr(stream, what, away_once)
    mailserver.data_answers["guest4"] = "hangup"
    while slices.send_slice(ten.pk, "email"):
        pass
    assert counts(ten) == {"sent": 9, "uncertain": 1}


def test_nothing_is_claimed_of_a_notice_that_was_cancelled(ten):
    Notice.objects.update(state=Notice.State.CANCELLED)
    assert claims.claim(ten, "email", "mine") == []


def test_bug_in_the_middle_leaves_one_in_doubt(ten, monkeypatch):
    def bug():
        raise ZeroDivisionError

    before(monkeypatch, "guest4@example.com", bug)
    with pytest.raises(ZeroDivisionError):
        slices.send_slice(ten.pk, "email")
    monkeypatch.undo()
    be_dead()
    assert counts(ten) == {"queued": 5, "sent": 4, "uncertain": 1}


def test_database_that_goes_away_between_two_leaves_none_in_doubt(ten, mailserver, monkeypatch):
    def away(delivery, provider, token):
        if delivery.address == "guest4@example.com":
            raise OperationalError
        return advance(delivery, provider, token)

    advance = states.advance
    monkeypatch.setattr(states, "advance", away)
    with pytest.raises(OperationalError):
        slices.send_slice(ten.pk, "email")
    assert counts(ten) == {"queued": 6, "sent": 4}
    assert not StreamCursor.objects.exists()


@pytest.mark.parametrize("pipelines", [True, False])
def test_bug_about_one_puts_none_before_it_in_doubt(ten, mailserver, monkeypatch, pipelines):
    def bug(about):
        delivery = about.delivery if pipelines else about
        if delivery.address == "guest4@example.com":
            raise ZeroDivisionError
        return act(about)

    module, name = (mime_template, "filled") if pipelines else (claims, "objection")
    act = getattr(module, name)
    mailserver.pipelines = pipelines
    monkeypatch.setattr(module, name, bug)
    with pytest.raises(ZeroDivisionError):
        slices.send_slice(ten.pk, "email")
    assert counts(ten) == {"queued": 6, "sent": 4}
    assert told(mailserver) == [f"guest{n}@example.com" for n in range(4)]


def test_unknown_that_could_not_be_kept_is_not_free_to_go_again(ten, mailserver, monkeypatch):
    def away(*args):
        raise ZeroDivisionError

    mailserver.data_answers["guest4"] = "hangup"
    monkeypatch.setattr(stream, "put_aside", away)
    with pytest.raises(ZeroDivisionError):
        slices.send_slice(ten.pk, "email")
    be_dead()
    assert counts(ten) == {"queued": 5, "sent": 4, "uncertain": 1}


def test_mail_server_that_goes_away_puts_the_rest_off(ten, mailserver, monkeypatch):
    before(monkeypatch, "guest4@example.com", mailserver.stop)
    again = slices.send_slice(ten.pk, "email")
    assert again > timezone.now()
    assert counts(ten)["sent"] == 4
    assert not Delivery.objects.filter(state=State.QUEUED).exclude(token=None).exists()
    assert not StreamCursor.objects.exists()


@pytest.mark.parametrize("answers", ["answers", "data_answers"])
def test_server_that_ends_the_line_puts_off_one_alone(ten, mailserver, answers):
    getattr(mailserver, answers)["guest4"] = "421 Too many"
    assert slices.send_slice(ten.pk, "email") > timezone.now()
    assert counts(ten) == {"queued": 1, "sent": 9}
    assert mailserver.connections == 2


# Paused


def pause(notice):
    assert lifecycle.pause(Notice.objects.get(pk=notice.pk))


def resumed(notice):
    assert lifecycle.resume(Notice.objects.get(pk=notice.pk))
    assert slices.send_slice(notice.pk, "email") is None
    notice.refresh_from_db()
    return notice.state


def test_nothing_leaves_a_notice_that_is_paused_until_it_goes_on(ten, mailserver, monkeypatch):
    before(monkeypatch, "guest4@example.com", lambda: pause(ten))
    slices.send_slice(ten.pk, "email")
    assert told(mailserver) == [f"guest{n}@example.com" for n in range(5)]
    assert counts(ten) == {"queued": 5, "sent": 5}
    assert slices.send_slice(ten.pk, "email") is None
    swept()
    assert len(told(mailserver)) == 5
    assert resumed(ten) == Notice.State.FINISHED
    assert told(mailserver) == [f"guest{n}@example.com" for n in range(10)]


def rested():
    """The breaker's pause is over."""
    breaker.own.clear()
    jobs.bell().flushdb()


def test_five_uncertain_in_a_row_pause_a_notice(ten, mailserver):
    mailserver.data_answers |= {f"guest{n}": "hangup" for n in (0, 1, 3, 4, 5, 6, 7, 8)}
    for _ in range(3):  # between which the provider is left alone for 30 seconds
        slices.send_slice(ten.pk, "email")
        rested()
    ten.refresh_from_db()
    assert ten.state == Notice.State.PAUSED
    assert ten.pause_reason == Delivery.objects.filter(state="uncertain").first().reason != ""
    assert counts(ten) == {"queued": 2, "sent": 1, "uncertain": 7}  # guest2 was among them
    mailserver.data_answers.clear()
    assert resumed(ten) == Notice.State.FINISHED
    assert counts(ten) == {"sent": 3, "uncertain": 7}


def test_uncertain_ones_among_others_pause_nothing(ten, mailserver):
    mailserver.data_answers |= {f"guest{n}": "hangup" for n in (0, 1, 2, 3, 5, 6, 7, 8)}
    while slices.send_slice(ten.pk, "email"):
        rested()
    ten.refresh_from_db()
    assert ten.state == Notice.State.FINISHED
