"""Lines of the log for programs that read them."""

import json
import logging

import pytest

import jobs
from config import logs
from tests.support.processes import Process
from tests.support.world import database_url, sent_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lines():
    """What is logged meanwhile, as it is written."""
    found = []

    class Kept(logging.Handler):
        def emit(self, record):
            found.append(json.loads(self.format(record)))

    handler = Kept()
    handler.setFormatter(logs.JSONFormatter())
    logging.getLogger().addHandler(handler)
    yield found
    logging.getLogger().removeHandler(handler)


def test_a_line_has_what_it_is_about_and_nothing_else_of_a_record(lines):
    with logs.about(request="abc"), logs.about(job="send_code-7-x"):
        logging.getLogger("notices").warning("电梯: %d\n", 7, extra={"request": "a secret path"})
    logging.getLogger("notices").warning("Later.")
    first, second = lines
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "WARNING", "logger": "notices", "message": "电梯: 7\n", "request": "abc",
        "job": "send_code-7-x",
    }  # fmt: skip
    assert set(second) == {"time", "level", "logger", "message"}


def test_what_was_raised_is_told(lines):
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        logging.getLogger("notices").exception("Bug.")
    assert "ZeroDivisionError" in lines[0]["exception"]


@pytest.mark.parametrize(
    ("given", "kept"), [("router-1234.abc", True), ("", False), ("x", False), ("a b" * 9, False)]
)
def test_a_request_bears_the_id_of_the_router_or_one_of_our_own(client, lines, given, kept):
    answer = client.post("/login/", {"username": "x", "password": "y"}, HTTP_X_REQUEST_ID=given)
    name = answer["X-Request-ID"]
    assert (name == given) == kept
    assert len(name) >= 8
    assert {line["request"] for line in lines if line["logger"] == "security"} == {name}


def test_a_job_bears_its_id(redis, staff):
    new = sent_now(staff, pasted="a@example.com")
    jobs.push(jobs.start_notice, new.pk)
    environment = {"LOG_FORMAT": "json", "DATABASE_URL": database_url()}
    worker = Process("rqworker", "default", "bulk", "--burst", **environment)
    assert worker.wait() == 0
    lines = map(json.loads, worker.output().splitlines())
    about = {line["message"]: line.get("job", "") for line in lines}
    assert about[f"Notice {new.pk} starts: email."].startswith(f"start_notice-{new.pk}-")
    assert about[f"Notice {new.pk} is finished."].startswith(f"send_notice-{new.pk}-email-")
