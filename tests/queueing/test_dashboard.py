"""The dashboard in /admin/: who may see it, that each page opens, and that it runs nothing."""

import pickle
import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import django_rq
import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils.html import strip_tags
from django_rq.settings import get_queues_map
from rq.registry import FailedJobRegistry, StartedJobRegistry

import jobs
from tests.queueing.test_jobs import assert_json, call, calls, plant
from tests.queueing.test_jobs import bomb as bomb
from tests.support.processes import eventually, running

pytestmark = [pytest.mark.django_db, pytest.mark.once]

HOME = "/admin/django_rq/dashboard/"
JOB = "00000000-0000-0000-0000-000000000000"


def at(name, *args):
    return reverse(f"admin:django_rq_{name}", args=args)


@pytest.fixture
def index():
    return get_queues_map()["default"]


@pytest.fixture
def boss(client, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("the_boss"))
    return client


def pages(index, job_id=JOB):
    """Every page of the dashboard that needs no worker."""
    lists = ("jobs", "queue_details", "finished_jobs", "failed_jobs", "started_jobs",
             "deferred_jobs", "scheduled_jobs", "workers", "clear", "requeue_all",
             "delete_failed_jobs")  # fmt: skip
    of_job = ("job_detail", "delete_job", "requeue_job", "enqueue_job")
    return [
        at("home"), at("home_json"), at("scheduler_jobs", index),
        *(at(name, index) for name in lists),
        *(at(name, index, job_id) for name in of_job),
    ]  # fmt: skip


def test_every_page_opens_for_those_with_the_right(boss, index):
    job_id = django_rq.get_queue("default").enqueue("jobs.check_queue", 7).id
    for address in pages(index, job_id):
        assert boss.get(address).status_code == 200, address


def test_staff_without_the_right_are_refused_everywhere(client, staff, index):
    client.force_login(staff)
    job_id = django_rq.get_queue("default").enqueue("jobs.check_queue", 7).id
    others = [f"{HOME}stats.json/", f"{HOME}stats.json/token", f"{HOME}add/", f"{HOME}1/",
              f"{HOME}1/change/", f"{HOME}1/delete/", f"{HOME}1/history/",
              at("stop_job", index, job_id), at("actions", index),
              at("confirm_action", index)]  # fmt: skip
    for address in pages(index, job_id) + others:
        assert client.get(address).status_code == 403, address
        assert client.post(address).status_code == 403, address
    assert django_rq.get_queue("default").get_job_ids() == [job_id]


def test_users_who_are_not_staff_are_refused_and_visitors_asked_to_sign_in(client, visitor, index):
    for address in pages(index):
        assert client.get(address).url.startswith("/admin/login/"), address
    visitor.user_permissions.add(Permission.objects.get(codename="admin"))
    client.force_login(visitor)
    for address in pages(index):
        assert client.get(address).status_code == 403, address


def test_no_token_opens_the_figures(client, settings):
    settings.RQ_API_TOKEN = "token"
    bearer = {"Authorization": "Bearer token"}
    for address in (f"{HOME}stats.json", f"{HOME}stats.json/token"):
        assert client.get(address, headers=bearer).url.startswith("/admin/login/")


def test_staff_with_the_right_see_it_in_the_admin(client, staff):
    client.force_login(staff)
    assert HOME not in client.get("/admin/").content.decode()
    staff.user_permissions.add(
        Permission.objects.get(codename="admin", content_type__app_label="django_rq")
    )
    assert HOME in client.get("/admin/").content.decode()
    assert client.get(HOME).status_code == 200


def test_only_what_the_package_itself_says_inline_may_run_and_on_the_dashboard_only(boss, index):
    job_id = django_rq.get_queue("default").enqueue("jobs.check_queue", 7).id
    seen = set()
    for address in pages(index, job_id):
        answer = boss.get(address)
        policy = answer["Content-Security-Policy"]
        assert "unsafe" not in policy
        for tag, text in re.findall(r"<(script|style)\b[^>]*>([^<]+)</", answer.text):
            digest = b64encode(sha256(text.encode()).digest()).decode()
            [directive] = [each for each in policy.split("; ") if each.startswith(f"{tag}-src ")]
            assert f"'sha256-{digest}'" in directive, (address, text)
            seen.add(tag)
    assert seen == {"script", "style"}
    for address in ("/admin/", "/health/"):
        assert "sha256-" not in boss.get(address)["Content-Security-Policy"]


def test_a_job_stays_json_through_everything_the_dashboard_shows_and_does(boss, redis, index):
    queue = django_rq.get_queue("default")
    job = queue.enqueue("jobs.check_queue", 7, result_ttl=600)
    for address in pages(index, job.id):
        boss.get(address)
    assert_json(redis, job.id)
    with running("rqworker", "default"):
        eventually(lambda: job.get_status() == "finished")
        for key in redis.smembers("rq:workers"):
            assert boss.get(at("worker_details", index, key.decode())).status_code == 200
        for address in pages(index, job.id):
            assert boss.get(address).status_code == 200, address
        text = boss.get(at("job_detail", index, job.id)).content.decode()
        result = re.findall(r"results/([^/]+)/", text)[0]
        assert boss.get(at("result_detail", index, job.id, result)).status_code == 200
        assert_json(redis, job.id, result=13)
        boss.post(at("enqueue_job", index, job.id))
        eventually(lambda: redis.xlen(f"rq:results:{job.id}") == 2)
    assert_json(redis, job.id, result=13)


def test_the_page_of_the_clock_says_which_job_waits_until_when(boss, index):
    django_rq.get_scheduler().keep_periodic_jobs()
    when = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
    jobs.wake(when, jobs.run_schedule, 3)
    jobs.wake(when + timedelta(hours=1), jobs.send_notice, 5, "sms")
    shown = boss.get(at("scheduler_jobs", index)).content.decode()
    table = shown.split("<tbody>")[-1].split("</tbody>")[0]
    rows = [strip_tags(row).split("\n") for row in table.split("</tr>")[:-1]]
    rows = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert [row[0] for row in rows[:2]] == ["sweep every 10 s", "purge every 3600 s"]
    assert [row[2] for row in rows[:2]] == ["every 10 s", "every 3600 s"]
    assert rows[2:] == [
        ["run_schedule(3)", "2026-12-01 09:00:00", "no", "default"],  # as the reader's clock says
        ["send_notice(5, sms)", "2026-12-01 10:00:00", "no", "bulk"],
    ]
    [link] = re.findall(r'href="([^"]*/run_schedule-3-[^"]*)"', shown)
    assert "run_schedule" in boss.get(link).content.decode()


def test_a_failed_job_can_be_queued_again_and_deleted(boss, burst, index):
    queue = django_rq.get_queue("default")
    failed = FailedJobRegistry(queue=queue)
    job = queue.enqueue("jobs.check_queue", "not a number")
    burst("default")
    assert failed.get_job_ids() == [job.id]
    assert boss.post(at("requeue_job", index, job.id)).status_code == 302
    assert queue.get_job_ids() == [job.id]
    burst("default")
    assert boss.post(at("requeue_all", index)).status_code == 302
    burst("default")
    assert boss.post(at("delete_failed_jobs", index)).status_code == 302
    assert failed.get_job_ids() == []


def test_a_waiting_job_can_be_deleted_and_a_queue_emptied(boss, index):
    queue = django_rq.get_queue("default")
    ids = [queue.enqueue("jobs.check_queue", 7).id for _ in range(3)]
    chosen = {"action": "delete", "job_ids": [ids[1]]}
    assert boss.post(at("delete_job", index, ids[0])).status_code == 302
    assert boss.post(at("actions", index), chosen).status_code == 302
    assert queue.get_job_ids() == [ids[2]]
    assert boss.post(at("clear", index)).status_code == 302
    assert queue.get_job_ids() == []


def test_what_is_not_there_is_not_found(boss, index):
    for address in (at("job_detail", index, JOB), at("worker_details", index, "rq:worker:gone"),
                    at("queue_details", 99), at("jobs", 99), at("scheduler_jobs", 99)):  # fmt: skip
        assert boss.get(address).status_code == 404, address


def test_a_job_that_has_not_failed_cannot_be_queued_again(boss, index):
    job_id = django_rq.get_queue("default").enqueue("jobs.check_queue", 7).id
    response = boss.post(at("requeue_job", index, job_id))
    assert response.status_code == 409
    assert "not in a state" in response.content.decode()


@pytest.mark.parametrize("field", ["data", "meta", "result"])
def test_a_planted_pickle_is_not_executed_by_any_page(boss, redis, bomb, index, field):
    for registry in ("finished", "failed", "wip", "scheduled", "deferred"):
        redis.zadd(
            f"rq:{registry}:default", {"planted:1" if registry == "wip" else "planted": 1e12}
        )
    redis.zadd("rq:scheduler:scheduled_jobs", {"planted": 1})
    plant(redis, **{field: pickle.dumps(bomb)})
    redis.xadd("rq:results:planted", {"type": 1, "return_value": b"gASVBAAAAAAAAABLAS4="})
    for address in pages(index, "planted"):
        assert boss.get(address).status_code in {200, 422}, address
    for status in ("failed", "finished", "queued"):
        redis.hset("rq:job:planted", "status", status)
        for name in ("requeue_job", "enqueue_job"):
            assert boss.post(at(name, index, "planted")).status_code in {302, 404, 409, 422}
    assert boss.post(at("requeue_all", index)).status_code in {302, 404, 409, 422}
    assert boss.post(at("delete_failed_jobs", index)).status_code in {302, 404, 422}
    assert not bomb.path.exists()


@pytest.mark.parametrize("field", ["data", "meta", "result"])
def test_a_planted_pickle_is_not_executed_by_cleaning_up(boss, redis, bomb, index, field):
    """Abandoned and failed jobs are read by parts of RQ that look at no setting."""
    for address in (at("home"), at("home_json"), at("started_jobs", index)):
        plant(redis, **{field: pickle.dumps(bomb)}, status="started")
        redis.zadd("rq:wip:default", {"planted:1": 1})
        boss.get(address)
    plant(redis, **{field: pickle.dumps(bomb)}, status="failed")
    redis.zadd("rq:failed:default", {"planted": 1e12})
    boss.post(at("delete_failed_jobs", index))
    assert not redis.exists("rq:job:planted")
    assert not bomb.path.exists()


def test_an_abandoned_job_calls_nothing_when_it_is_listed(boss, redis, index):
    """A dead worker's job is cleaned up by whoever looks, with the callback that its hash names."""
    hook = "tests.queueing.test_jobs.note_call"
    plant(redis, data=call("jobs.check_queue", 7), failure_callback_name=hook, status="started")
    redis.zadd("rq:wip:default", {"planted:1": 1})
    for address in (at("home"), at("started_jobs", index), at("home_json")):
        redis.zadd("rq:wip:default", {"planted:1": 1})
        assert boss.get(address).status_code == 200
    assert calls == []
    assert StartedJobRegistry(queue=django_rq.get_queue("default")).get_job_ids() == []


def test_without_redis_the_dashboard_says_so(boss, settings, index, monkeypatch):
    refused = {**settings.RQ_QUEUES["default"], "URL": "redis://127.0.0.1:1/0"}
    settings.RQ_QUEUES = dict.fromkeys(settings.RQ_QUEUES, refused)
    response = boss.get(at("jobs", index))
    assert response.status_code == 503
    assert "Redis does not answer" in response.content.decode()


def test_a_record_that_lacks_what_every_job_has_is_told_in_words(boss, redis, index):
    plant(redis, data="")
    redis.hdel("rq:job:planted", "enqueued_at")
    assert boss.get(at("home")).status_code == 422
