"""Messages in bulk: on the queue of notices, behind whatever somebody waits for."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_rq import get_queue

import jobs
from notices.api import tokens
from notices.channels import SMS
from notices.models import Delivery, State
from signup.models import Verification
from tests.api.asking import ask
from tests.support.world import send_single, swept

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def in_bulk():
    secret = tokens.make("crm", ["messages:send"])[1]
    bodies = [
        {"to": {"mobile": f"1390000001{n}"}, "text": "Bins.", "priority": "bulk"} for n in range(3)
    ]
    return [ask(secret, "/api/v1/messages", body).json()["id"] for body in bodies]


@pytest.fixture
def code():
    verification = Verification.objects.create(mobile="+8613900000099", salt="x")
    return Delivery.objects.create(
        message="code", channel=SMS, address="+8613900000099", verification=verification
    )


def states(pks):
    return set(Delivery.objects.filter(pk__in=pks).values_list("state", flat=True))


def test_they_wait_on_the_queue_of_notices_and_a_code_takes_none_along(in_bulk, code, texts):
    assert (get_queue("bulk").count, get_queue("sms").count) == (3, 0)
    send_single(code)
    assert len(texts) == 1
    assert states(in_bulk) == {State.QUEUED}


def test_the_first_takes_the_others_along_and_no_code(in_bulk, code, burst, texts):
    burst("bulk")
    assert states(in_bulk) == {State.SENT}
    assert len(texts) == 3
    code.refresh_from_db()
    assert code.state == State.QUEUED


def test_it_makes_room_for_whoever_waits(in_bulk, code):
    jobs.push(jobs.send_code, code.pk)
    jobs.send_in_bulk(in_bulk[0], SMS)
    assert states(in_bulk[:1]) == {State.SENT}
    assert states(in_bulk[1:]) == {State.QUEUED}


def test_the_sweep_rings_for_those_whose_bell_was_lost(in_bulk, code, redis):
    redis.flushall()
    Delivery.objects.update(changed_at=timezone.now() - timedelta(minutes=1))
    rung = swept()
    assert {("send_in_bulk", (pk, SMS)) for pk in in_bulk} <= set(rung)
    assert ("send_code", (code.pk,)) in rung
