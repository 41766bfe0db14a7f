"""The health page, the queue check, and the two addresses for machines."""

import os
import re
import signal
import time

import django_rq
import pytest
import time_machine
from django.conf import settings
from django.db import OperationalError
from django.urls import reverse
from django.utils import timezone
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

import jobs
from health import probes, queuecheck, report
from notices.delivery import lifecycle, states
from notices.models import Delivery, FailedAttempt, Notice
from notices.providers import breaker
from queueing import enqueue
from queueing.scheduler import SCHEDULER_HEARTBEAT
from signup.models import Verification
from tests.support.processes import OwnRedis, eventually, running
from tests.support.world import notice, with_rights

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client, staff):
    """A browser in which a member of staff is signed in."""
    client.force_login(staff)
    return client


def page(browser, **query):
    response = browser.get(reverse("health"), query)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def rows(text):
    """The cells of each row of the page's tables, without their markup."""
    found = re.findall(r"<tr>(.*?)</tr>", text, re.S)
    return [[re.sub(r"<.*?>", "", cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row)]
            for row in found]  # fmt: skip


def row(text, first):
    return next(cells for cells in rows(text) if cells and cells[0] == first)


@pytest.fixture
def redis_at(monkeypatch):
    """Points bell(), which the pages use, to another Redis."""

    def point(url):
        connection = Redis.from_url(
            url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0)
        )
        for module in (jobs, enqueue, probes, queuecheck):
            monkeypatch.setattr(module, "bell", lambda: connection)

    return point


@pytest.fixture
def no_database(monkeypatch):
    def refuse(*args, **kwargs):
        raise OperationalError("connection refused")

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", refuse)


def test_a_visitor_is_asked_to_sign_in(client):
    assert client.get("/health/").url == "/login/?next=/health/"


def test_a_user_who_is_not_staff_is_refused(client, visitor):
    client.force_login(visitor)
    assert client.get("/health/").status_code == 403
    assert client.post("/health/").status_code == 403


def test_nothing_running_is_told_with_what_to_do(desk):
    text = page(desk)
    assert row(text, "Scheduler")[1] == "down"
    assert "python manage.py rqscheduler" in text
    assert "nobody listens on sms, email, default, bulk" in row(text, "Workers")[2]
    assert "python manage.py rqworker sms email default bulk" in text
    assert row(text, "Sweep")[1] == "attention"
    assert row(text, "bulk")[1:] == ["nobody", "0", "–"]
    assert "3 things need attention." in text


def test_everything_running_is_told(desk, redis):
    with running("rqscheduler"), running("rqworker", *settings.RQ_QUEUES):
        eventually(lambda: redis.get(SCHEDULER_HEARTBEAT))
        redis.set(jobs.SWEEP_HEARTBEAT, int(time.time()) - 3)  # starting took its time
        text = page(desk)
    assert "Everything is up." in text
    assert row(text, "Database")[1] == "good"
    assert re.search(r"ran [3-9] seconds ago", row(text, "Sweep")[2])
    assert row(text, "sms")[1] == "1 worker"


def test_the_age_of_the_oldest_waiting_job_is_told(desk, redis):
    queue = django_rq.get_queue("bulk")
    first = queue.enqueue("jobs.check_queue", 1)
    queue.enqueue("jobs.check_queue", 1)
    redis.hset(first.key, "enqueued_at", "2026-01-01T00:00:00.000000Z")
    cells = row(page(desk), "bulk")
    assert cells[2] == "2"
    assert int(cells[3].removesuffix(" s")) > 24 * 3600


def test_a_waiting_job_whose_record_is_gone_does_no_harm(desk, redis):
    redis.rpush("rq:queue:sms", "gone")
    assert row(page(desk), "sms")[2:] == ["1", "–"]


def test_a_killed_worker_is_not_taken_for_a_listening_one(desk, redis):
    with running("rqworker", "sms") as worker:
        assert row(page(desk), "sms")[1] == "1 worker"
        os.killpg(worker.pid, signal.SIGKILL)
    (key,) = redis.smembers("rq:workers")
    redis.hset(key, "last_heartbeat", "2026-01-01T00:00:00.000000Z")
    assert row(page(desk), "sms")[1] == "nobody"


def test_looking_at_workers_leaves_the_timeouts_of_requests_alone(desk, redis):
    with running("rqworker", "sms"):
        page(desk)
    assert jobs.bell().connection_pool.connection_kwargs["socket_timeout"] == 1


def test_a_redis_that_may_throw_jobs_away_is_a_warning(desk, redis):
    redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert row(page(desk), "Redis")[1] == "attention"
    finally:
        redis.config_set("maxmemory-policy", "noeviction")


def test_a_redis_that_fills_up_is_a_warning(desk, redis):
    redis.config_set("maxmemory", redis.info()["used_memory"] * 4 // 3)
    try:
        assert row(page(desk), "Redis")[1] == "attention"
    finally:
        redis.config_set("maxmemory", 0)


def test_redis_away_is_told_in_words(desk, redis_at):
    redis_at("redis://127.0.0.1:1/0")
    text = page(desk, jobs="check_queue-1-" + "0" * 32)
    assert row(text, "Redis")[1] == "down"
    assert "bin/up" in text


def test_a_redis_that_hangs_is_told_within_two_seconds(desk, redis_at, tmp_path):
    own = OwnRedis(tmp_path)
    try:
        redis_at(own.url)
        jobs.bell().ping()
        os.kill(own.popen.pid, signal.SIGSTOP)
        began = time.monotonic()
        assert row(page(desk), "Redis")[1] == "down"
        assert time.monotonic() - began < 2
        began = time.monotonic()
        assert desk.get("/readyz").status_code == 503
        assert time.monotonic() - began < 2
    finally:
        own.kill()


def test_a_database_that_is_away_is_told_in_words(desk, no_database):
    response = desk.get("/health/")
    assert response.status_code == 503
    assert "The database does not answer" in response.content.decode()


def test_htmx_gets_only_the_part_that_changes(desk):
    query = start(desk)
    for part, other in (("live", "check"), ("check", "live")):
        response = desk.get("/health/", query, headers={"HX-Request": "true", "HX-Target": part})
        text = response.content.decode()
        assert f'<div id="{part}"' in text
        assert f'id="{other}"' not in text
        assert "<html" not in text
        assert "HX-Target" in response["Vary"]


def test_a_check_that_has_ended_is_not_asked_for_again(desk, burst):
    query = start(desk)
    assert 'hx-trigger="every 1s"' in page(desk, **query)
    burst()
    assert 'hx-trigger="every 1s"' not in page(desk, **query)


def start(browser, **fields):
    """Starts a queue check; the query of the page that shows it."""
    response = browser.post("/health/", fields)
    assert response.status_code == 302, response.content.decode()
    address = response.url.removesuffix("#check")
    return {"jobs": address.partition("?jobs=")[2]}


def test_a_check_puts_a_quick_job_on_each_queue(desk, redis):
    query = start(desk)
    for name in settings.RQ_QUEUES:
        assert redis.llen(f"rq:queue:{name}") == 1
    text = page(desk, **query)
    assert "The check is running" in text
    assert row(text, "1")[1:4] == ["sms", "quick", "pending"]
    assert row(text, "1")[5:] == ["–", "–"]


def test_a_check_ends_with_times_and_results(desk, redis, burst):
    query = start(desk, heavy="on", n="10")
    burst()
    text = page(desk, **query)
    assert "The check has ended" in text
    assert row(text, "1")[1:4] == ["default", "heavy, 10", "success"]
    assert row(text, "1")[6] == "55"
    assert re.fullmatch(r"\d+\.\d\d s", row(text, "2")[4])
    assert 0 < redis.ttl(f"rq:job:{query['jobs'].split(',')[0]}") <= 600


def test_quick_jobs_overtake_the_heavy_one(desk):
    with running("rqworker", *settings.RQ_QUEUES), running("rqworker", *settings.RQ_QUEUES):
        query = start(desk, heavy="on", n="35")
        eventually(lambda: "The check has ended" in page(desk, **query), 60)
        ended = [cells[0] for cells in rows(page(desk, **query)) if len(cells) == 7]
    assert ended[-1] == "1"


def test_a_check_that_fails_is_told(desk, burst, monkeypatch):
    query = start(desk)
    monkeypatch.setattr(jobs, "check_queue", lambda n: 1 / 0)
    burst("sms")
    assert row(page(desk, **query), "1")[3] == "error"


@pytest.mark.parametrize("n", ["0", "36", "", "-1", "ten", "3.5", "１２３", "9" * 400, "\x00"])
def test_a_wrong_n_gets_a_sentence_and_puts_nothing(desk, redis, n):
    response = desk.post("/health/", {"heavy": "on", "n": n})
    assert response.status_code == 400
    assert "Enter a whole number from 1 to 35." in response.content.decode()
    assert not redis.exists("rq:queue:sms")


@pytest.mark.parametrize("n", ["1", "35"])
def test_the_bounds_of_n_are_taken(desk, n):
    assert start(desk, heavy="on", n=n)


def test_without_the_heavy_job_n_does_not_matter(desk):
    assert start(desk, n="nonsense")


def test_a_check_without_redis_says_so(desk, redis_at):
    redis_at("redis://127.0.0.1:1/0")
    response = desk.post("/health/", {}, follow=True)
    assert "Redis does not answer, so nothing was put on a queue." in response.content.decode()


def test_a_check_is_put_six_times_a_minute(desk, redis):
    for _ in range(6):
        assert start(desk)
    queued = redis.llen("rq:queue:sms")
    response = desk.post("/health/", {"heavy": "on", "n": "35"}, follow=True)
    assert "That was too often. Try again in" in response.content.decode()
    assert redis.llen("rq:queue:sms") == queued


def test_ids_in_the_address_show_no_other_job(desk):
    named = f"check_queue-1-{'1' * 32}"
    other = django_rq.get_queue("sms").enqueue("jobs.send_code", 123456, job_id=named)
    text = page(desk, jobs=f"{other.id},check_queue-1-{'0' * 32},nonsense,<script>,\x00")
    assert "123456" not in text
    assert text.count("gone: a job is kept for 10 minutes") == 2


def test_the_page_has_no_inline_script_or_style(desk):
    text = page(desk, **start(desk))
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", text)


def test_healthz_needs_nothing(client, redis_at, no_database):
    redis_at("redis://127.0.0.1:1/0")
    response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok")


def test_readyz_is_short_for_strangers(client, visitor):
    for _ in range(2):
        response = client.get("/readyz")
        assert response.status_code == 200
        assert response.json() == {"ready": True, "database": True, "redis": True}
        client.force_login(visitor)


def test_readyz_is_ready_without_workers_and_says_so(desk):
    response = desk.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "ready": True, "database": True, "redis": True, "scheduler": False, "swept_ago": None,
        "queues": {"sms": False, "email": False, "default": False, "bulk": False},
        "carriers": {"email": True, "sms": True},
    }  # fmt: skip


def test_readyz_tells_workers_and_scheduler(desk, redis):
    redis.set(jobs.SWEEP_HEARTBEAT, int(time.time()) - 7)
    with running("rqscheduler"), running("rqworker", "sms"):
        eventually(lambda: redis.get(SCHEDULER_HEARTBEAT))
        answer = desk.get("/readyz").json()
    assert answer["scheduler"] is True
    assert 7 <= answer["swept_ago"] < 60
    assert answer["queues"]["sms"] is True
    assert answer["queues"]["bulk"] is False


def test_readyz_is_not_ready_without_redis(client, redis_at):
    redis_at("redis://127.0.0.1:1/0")
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["database"] is True
    assert response.json()["redis"] is False


def test_readyz_is_not_ready_without_the_database(client, no_database):
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["database"] is False
    assert response.json()["redis"] is True


@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_machines_may_only_look(client, address):
    assert client.post(address).status_code == 405
    assert client.head(address).status_code == 200


def test_sms_provider_that_rests_is_told_by_its_name_alone(desk, settings):
    settings.SMS_URLS = ["twilio://AC1:hush@+15550001111", "console:"]
    assert row(page(desk), "SMS")[2].startswith("twilio, console: no trouble")
    failed("twilio", "550 <wang@example.com>: +8613900000011 is busy")
    assert "550 &lt;w***@example.com&gt;: +86 139 **** 0011 is busy" in page(desk)
    failed("twilio", "The provider is busy (503).")
    text = page(desk)
    assert row(text, "SMS")[1:2] == ["attention"]
    assert "failed much: twilio" in row(text, "SMS")[2]
    assert "It said last: The provider is busy (503)." in row(text, "SMS")[2]
    assert "log says" not in text
    assert "hush" not in text
    assert "AC1" not in text


def failed(provider, reason):
    code = Delivery.objects.create(message="code", channel="sms", address="+8613900000011")
    FailedAttempt.objects.create(delivery=code, provider=provider, reason=reason)
    for _ in range(5):
        breaker.report(provider, failed=True, bulk=True)


def test_provider_whose_rest_is_over_needs_no_attention(desk, settings):
    settings.SMS_URLS = ["twilio://AC1:hush@+15550001111"]
    failed("twilio", "Busy.")
    assert row(page(desk), "SMS")[1] == "down"
    with time_machine.travel(time.time() + breaker.REST + 1):
        part = row(page(desk), "SMS")
    assert part[1] == "good"
    assert "failed much before; the next message tries again" in part[2]


def codes_to(prefix, sent, used=0):
    """So many of the last hour, each asked for from another network."""
    now = timezone.now()
    Verification.objects.bulk_create(
        Verification(
            mobile=f"{prefix}{n:06d}", salt="s", prefix=prefix, network=f"{n:016x}",
            used_at=now if n < used else None,
        )
        for n in range(sent)
    )  # fmt: skip


def test_brake_on_codes_is_told_and_released_and_put_back(desk, settings, caplog):
    settings.CODE_BUDGET = "enforce"
    codes_to("+8613800", sent=12, used=2)
    codes_to("+8613900", sent=2, used=2)
    text = page(desk)
    assert row(text, "Codes")[2].startswith(
        "4 of 14 codes of the last 24 hours were used; the brake is on for 1 prefix or network"
    )
    found = row(text, "+8613800…")
    assert found[1:3] == ["2 / 12", "10 / 3"]
    assert found[3].startswith("held, but for networks that leave no code unused")
    desk.post(reverse("codes"), {"release": "+8613800"})
    text = page(desk)
    assert row(text, "Codes")[1:] == ["good", "4 of 14 codes of the last 24 hours were used"]
    assert row(text, "+8613800…")[3].startswith("released until")
    desk.post(reverse("codes"), {"hold": "+8613800"})
    assert "the brake is on" in page(desk)
    assert "event=budget-released" in caplog.text
    assert "event=budget-held" in caplog.text
    assert desk.post(reverse("codes"), {"release": "everything"}).status_code == 404


def test_who_may_not_send_does_not_release_codes(desk, staff, settings):
    with_rights(staff, "notices.see_addresses")
    codes_to("+8613800", sent=12)
    assert "Release" not in page(desk)
    assert desk.post(reverse("codes"), {"release": "+8613800"}).status_code == 403
    settings.CODE_BUDGET = "off"
    assert "Codes" not in page(desk)


def test_notice_that_was_left_held_is_told(desk, staff):
    lifecycle.accept(new := notice(staff))
    lifecycle.hold(new)
    assert "held since somebody changes it" not in page(desk)
    Notice.objects.update(start_at=timezone.now() - report.FORGOTTEN)
    assert row(page(desk), "Notices")[1:2] == ["attention"]


def test_notice_that_paused_itself_is_told_with_its_reason(desk, staff):
    for reason in ("The mail server did not answer.", ""):
        (one := notice(staff, state="sending")).save()
        states.pause(one.pk, reason)
    part = row(page(desk), "Notices")
    assert part[1] == "attention"
    assert "1 paused itself. The mail server did not answer." in part[2]


def test_trouble_that_nobody_has_asked_about_since_is_not_called_down(desk, settings):
    settings.SMS_URLS = ["twilio://AC1:hush@+15550001111"]
    breaker.went_away("twilio", "The provider refuses our account.")
    assert row(page(desk), "SMS")[1] == "down"
    with time_machine.travel(time.time() + breaker.LONGEST_PAUSE):
        part = row(page(desk), "SMS")
    assert part[1] == "attention"
    assert "Nobody has asked since" in part[2]
