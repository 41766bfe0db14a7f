"""What somebody wrote into Redis by hand: nothing of it runs, and nothing else is held up."""

import json
import os
import pickle
import time

import pytest
from django.contrib.auth.models import Permission

import jobs
from notices.channels import SMS
from notices.models import Delivery, State
from signup.models import Verification
from tests.support.processes import eventually, running
from tests.support.world import database_url

pytestmark = pytest.mark.django_db(transaction=True)
GOOD = 200


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def call(name, *args):
    return json.dumps([name, None, args, {}]).encode()


def plant(redis, job_id, queue="sms", **fields):
    fields = {
        "created_at": "2026-11-21T00:00:00.000000Z",
        "enqueued_at": "2026-11-21T00:00:00.000000Z",
        "origin": queue,
        "status": "queued",
    } | fields
    redis.hset(f"rq:job:{job_id}", mapping=fields)
    redis.rpush(f"rq:queue:{queue}", job_id)


def poison(redis, trap):
    """One of each kind, on every queue that the worker serves first."""
    bomb = pickle.dumps(Bomb(str(trap)))
    touch = f"touch {trap}"
    for queue in ("sms", "default"):
        plant(redis, f"{queue}-undecodable", queue, data=b"\xff\xfe{")
        plant(redis, f"{queue}-no-function", queue, data=call("jobs.no_such_job", 1))
        plant(redis, f"{queue}-not-allowed", queue, data=call("os.system", touch))
        plant(redis, f"{queue}-not-a-job", queue, data=call("jobs.bell"))
        plant(redis, f"{queue}-pickle-data", queue, data=bomb)
        plant(redis, f"{queue}-pickle-meta", queue, data=call("jobs.send_code", 0), meta=bomb)
        plant(redis, f"{queue}-pickle-result", queue, data=call("jobs.send_code", 0), result=bomb)
        plant(redis, f"{queue}-callback", queue, data=call("jobs.send_code", 0),
              success_callback_name="os.abort", failure_callback_name="os.abort")  # fmt: skip
        plant(redis, f"{queue}-missing-row", queue, data=call("jobs.send_code", 999_999))
        redis.rpush(f"rq:queue:{queue}", f"{queue}-no-hash")


def codes():
    for number in range(GOOD):
        mobile = f"+86138{number:08d}"
        verification = Verification.objects.create(mobile=mobile, salt=str(number))
        delivery = Delivery.objects.create(
            message="code", channel=SMS, address=mobile, verification=verification,
            expires_at=verification.expires_at,
        )  # fmt: skip
        jobs.push(jobs.send_code, delivery.pk)


def test_poison_is_not_executed_and_holds_up_nobody(redis, tmp_path, client, staff):
    trap, started = tmp_path / "sprung", time.monotonic()
    poison(redis, trap)
    codes()
    environment = {"DATABASE_URL": database_url(), "SMS_URLS": f"file:{tmp_path}"}
    with running("rqworker", "sms", "email", "default", "bulk", **environment):
        eventually(lambda: not Delivery.objects.exclude(state=State.SENT).exists(), 60)
        eventually(lambda: not redis.exists("rq:queue:sms", "rq:queue:default"), 20)
    poison(redis, trap)  # again, now for whoever looks at the dashboard
    staff.user_permissions.add(Permission.objects.get(codename="admin"))
    client.force_login(staff)
    for page in ("", "queues/3/", "queues/1/failed/", "queues/3/failed/", "stats.json"):
        shown = client.get(f"/admin/django_rq/dashboard/{page}")
        assert shown.status_code == 200, (page, redis.lrange("rq:queue:sms", 0, 0))
    texts = (tmp_path / "sms.jsonl").read_text().splitlines()
    print(json.dumps({"seconds": round(time.monotonic() - started, 1), "sent": len(texts),
                      "failed jobs": redis.zcard("rq:failed:sms")}))  # fmt: skip
    assert not trap.exists()
    assert len(texts) == len({json.loads(line)["delivery"] for line in texts}) == GOOD
