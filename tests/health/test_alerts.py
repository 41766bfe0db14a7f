"""Who is on call is told once when something begins and once when it is over."""

from datetime import timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.utils import timezone

import jobs
from health import alerts, conditions
from health.models import Alert
from notices.models import Delivery, Notice, State
from notices.providers import breaker
from queueing.scheduler import SCHEDULER_HEARTBEAT
from tests.support.provider_server import running
from tests.support.world import notice, repeated

pytestmark = pytest.mark.django_db
SICK = conditions.Condition("sick", "Something is wrong.", "Mend it.")
NOW = timezone.now()


@pytest.fixture
def pager(settings):
    """Where alerts arrive."""
    with running() as server:
        settings.ALERT_URLS = [server.url.replace("http", "json") + "/secret"]
        yield server


def look(seconds, *found):
    """A sweep so many seconds from now finds these."""
    with time_machine.travel(NOW + timedelta(seconds=seconds), tick=False):
        if alerts.judge(found):
            alerts.tell()


def told(pager):
    return [question.json["message"] for question in pager.questions]


def test_it_is_told_once_when_it_begins_and_once_when_it_is_over(pager, settings):
    settings.PUBLIC_URL = "https://bellhop.example.com"
    for seconds in range(0, 60, 10):
        look(seconds, SICK)
    assert told(pager) == ["Something is wrong.\nMend it.\nhttps://bellhop.example.com/health/"]
    for seconds in range(60, 600, 10):
        look(seconds)
    assert len(told(pager)) == 2
    assert told(pager)[1].startswith("Over: Something is wrong.")
    row = Alert.objects.get()
    assert row.began_at == row.told_at < row.ended_at == row.end_told_at


def test_what_must_last_is_not_told_before(pager):
    slow = conditions.Condition("slow", "Still so.", "", after=300)
    for seconds in range(0, 290, 10):
        look(seconds, slow)
    assert not told(pager)
    look(300, slow)
    assert len(told(pager)) == 1


@pytest.mark.parametrize("seconds", [10, 90, 130, 400])
def test_what_flaps_is_no_storm(pager, seconds):
    """For three hours it is there for so long, then gone for so long."""
    for at in range(0, 3 * 3600, 10):
        look(at, *[SICK] * (at // seconds % 2 == 0))
    assert 1 <= len(told(pager)) <= 6


def test_what_begins_together_goes_in_one_message(pager):
    look(0, *[conditions.Condition(f"{n}", f"Wrong {n}.", "") for n in range(40)])
    assert len(told(pager)) == 1
    assert "Wrong 39." in told(pager)[0]


def test_what_nobody_takes_is_tried_again_and_said(pager, client, staff, caplog):
    client.force_login(staff)
    pager.usual = (500, {}, "no")
    look(0, SICK)
    look(10, SICK)
    assert len(pager.questions) == 1
    page = client.get("/health/").content.decode()
    assert "not taken by number 1 (json) of ALERT_URLS" in page
    assert "secret" not in page + caplog.text
    pager.usual = (200, {}, "")
    look(40, SICK)
    look(50, SICK)
    assert len(pager.questions) == 2
    assert "not taken" not in client.get("/health/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_two_workers_tell_it_once(pager):
    alerts.judge([SICK])
    pager.usual = lambda question: alerts.tell() or (200, {}, "")
    alerts.tell()
    assert len(pager.questions) == 1


def test_the_button_sends_a_test(pager, client, staff):
    client.force_login(staff)
    assert client.get("/health/alerts/").status_code == 405
    page = client.post("/health/alerts/", follow=True).content.decode()
    assert "A test is on its way." in page
    jobs.tell_alerts()
    jobs.tell_alerts()
    assert [text.partition(".")[0] for text in told(pager)] == ["This is a test of the alerts"]


def test_check_names_a_bad_address_by_its_place(settings):
    settings.ALERT_URLS = ["json://127.0.0.1/x", "slakc://hidden"]
    with pytest.raises(SystemCheckError) as problem:
        call_command("check", deploy=True)
    assert "ALERT_URLS: number 2" in str(problem.value)
    assert "hidden" not in str(problem.value)


def keys():
    return {each.key for each in conditions.conditions()}


def test_what_is_wrong_is_found(redis, staff, settings):
    assert {"scheduler", "sweep", "queue:sms", "queue:bulk"} == keys() - {
        "queue:email", "queue:default",
    }  # fmt: skip
    redis.set(SCHEDULER_HEARTBEAT, 1)
    early = timezone.now() - timedelta(minutes=3)
    new = notice(staff, state=Notice.State.SENDING)
    new.save()
    Delivery.objects.bulk_create(
        Delivery(notice=new, message="notice", channel="email", address=f"{n}@example.com",
                 state=State.FAILED if n < 30 else State.SENT)
        for n in range(60)
    )  # fmt: skip
    Delivery.objects.create(message="code", channel="sms", address="+8613912345678",
                            created_at=early)  # fmt: skip
    later = timezone.now() + timedelta(hours=1)
    Delivery.objects.create(message="code", channel="email", created_at=early, not_before=later)
    breaker.went_away("memory", "The provider does not accept our account.")
    redis.zadd("rq:failed:sms", {"a job": 1})
    late = repeated(author=staff)
    late.next_at = early
    late.save()
    found = {each.key: each for each in conditions.conditions()}
    assert {
        f"notice:{new.pk}",
        f"schedule:{late.pk}",
        "code:sms",
        "provider:memory",
        "jobs",
    } <= set(found)
    assert not {"scheduler", "code:email"} & set(found)
    assert found[f"notice:{new.pk}"].words.endswith("50% failed.")
    assert found["provider:memory"].after == 0


def test_readyz_judges_while_the_sweep_is_silent(pager, client, redis):
    client.get("/readyz")
    assert Alert.objects.filter(key="scheduler").exists()
    Alert.objects.all().delete()
    redis.delete("bellhop:alerts:watched")
    redis.set(jobs.SWEEP_HEARTBEAT, int(timezone.now().timestamp()))
    client.get("/readyz")
    assert not Alert.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_sweep_asks_the_heartbeat_once_a_minute(settings, redis):
    with running() as server:
        settings.HEARTBEAT_URL = f"{server.url}/hidden"
        jobs.sweep()
        jobs.sweep()
        rung = [each for each in redis.lrange("rq:queue:default", 0, -1) if b"heartbeat" in each]
        assert len(rung) == 1
        jobs.ask_heartbeat()
        assert [question.path for question in server.questions] == ["/hidden"]


def test_a_heartbeat_that_does_not_answer_is_told_without_its_address(settings, caplog):
    settings.HEARTBEAT_URL = "http://127.0.0.1:1/hidden"
    jobs.ask_heartbeat()
    assert "HEARTBEAT_URL: The provider cannot be reached." in caplog.text
    assert "hidden" not in caplog.text
