"""The believable world of the tests: a real Redis, a real database, local providers.

A plugin (pyproject.toml), so that the tests of bench/ live in it, too. The environment is set
before Django reads its settings, so that nobody's .env leaks in.
"""

import atexit
import os
import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "site")]

from local import embedded  # noqa: E402
from tests.support import postgresql  # noqa: E402

WORLD = Path(tempfile.mkdtemp(prefix="bellhop-test-"))
atexit.register(shutil.rmtree, WORLD, ignore_errors=True)

REDIS_PORT = embedded.free_port()
redis_process = embedded.start(WORLD / "redis", REDIS_PORT, "--appendonly", "no")
atexit.register(redis_process.kill)

DATABASE_URL = f"sqlite:///{WORLD / 'bellhop.sqlite3'}"
if "--postgresql" in sys.argv:  # pytest has not read its options yet; Django's settings come first
    if not postgresql.programs():
        sys.exit(postgresql.MISSING)
    DATABASE_URL = postgresql.start()

os.environ.update(
    # Named here and not in pyproject.toml, where pytest-django would read it too early.
    DJANGO_SETTINGS_MODULE="config.settings",
    DEBUG="1",
    SECRET_KEY="only-for-tests",
    ALLOWED_HOSTS="localhost,127.0.0.1,testserver",
    DATABASE_URL=os.environ.get("TEST_DATABASE_URL", DATABASE_URL),
    REDIS_URL=f"redis://127.0.0.1:{REDIS_PORT}/0",
    EMAIL_URL=f"file:{WORLD / 'emails'}",
    SMS_URLS="memory:",
    DEFAULT_FROM_EMAIL="Bellhop <bellhop@example.com>",
    DEFAULT_REGION="CN",
    SIGNUP_REGIONS="CN",
    CODE_BUDGET="record",
    SIGNUP_FENCE="picture",
    STAFF_SECOND_FACTOR="0",
    TIME_ZONE_DEFAULT="Asia/Shanghai",
    PICTURE_CODE_FIXED="",
    PUBLIC_URL="",
    TRUSTED_PROXIES="0",
    ALERT_URLS="",
    HEARTBEAT_URL="",
    DJANGO_ALLOW_ASYNC_UNSAFE="1",  # Playwright's loop runs in the thread of the tests
)
for name in ("DYNO", "CODE_LIMIT_NUMBER", "CODE_LIMIT_ORIGIN", "CODE_LIMIT_ALL", "PORT"):
    os.environ.pop(name, None)

import pytest  # noqa: E402
from redis import Redis  # noqa: E402


def pytest_addoption(parser):
    group = parser.getgroup("bellhop")
    group.addoption("--all", action="store_true", help="what would be skipped is a failure")
    group.addoption(
        "--postgresql", action="store_true", help="run on PostgreSQL, without the tests marked once"
    )


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--postgresql"):
        return
    again: list[pytest.Item] = []
    once: list[pytest.Item] = []
    for each in items:
        is_once = each.get_closest_marker("once") or "browser" in each.path.parts
        (once if is_once else again).append(each)
    items[:] = again
    config.hook.pytest_deselected(items=once)


def fail_if_skipped(config, report):
    if config.getoption("--all") and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}\nwith --all nothing may be skipped: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return fail_if_skipped(item.config, (yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return fail_if_skipped(collector.config, (yield))


def pytest_configure(config) -> None:
    config.addinivalue_line("markers", "once: the test database is not its matter")
    config.addinivalue_line("markers", "faults: long; run by bin/test --faults")
    config.addinivalue_line("markers", "soak: as long as one likes; run by bin/test --soak")

    from django.conf import settings
    from hypothesis import HealthCheck
    from hypothesis import settings as examples

    # A busy machine is slow, and nothing is wrong.
    examples.register_profile("slow", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    examples.load_profile("slow")
    # Hashing a password is slow on purpose; not in tests.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        # A file, as in real life: Django's in-memory database locks otherwise, and no process of
        # a test could open it.
        settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = str(WORLD / "test.sqlite3")


@pytest.fixture
def redis():
    """The real Redis, emptied."""
    client = Redis(port=REDIS_PORT)
    client.flushall()
    return client


@pytest.fixture(autouse=True)
def _fresh(redis):
    """No test sees another's limits, queues, used picture codes, resting providers or worker."""
    from config import clock
    from notices.delivery import high_water
    from notices.providers import breaker
    from queueing import clocks, process
    from queueing import redis as bell
    from signup import rates

    for mark in WORLD.glob("high-water.*"):  # the database is emptied, too
        mark.unlink()
    clock.ahead = timedelta(0)  # as a test measured it that travelled
    clocks.next_look = float("inf")  # where a test travels it is not the database's time that is
    high_water.risen_at = float("-inf")
    breaker.own.clear()
    rates.own_storage().reset()
    bell.away_until = 0.0
    process.served = ()


@pytest.fixture
def staff(django_user_model):
    """Who may do all that staff may."""
    from tests.support.world import with_rights

    user = django_user_model.objects.create_user(
        "reception", email="reception@example.com", mobile="+8613900000001",
        password="let me in please", is_staff=True,
    )  # fmt: skip
    return with_rights(user)


@pytest.fixture
def visitor(django_user_model):
    return django_user_model.objects.create_user(
        "guest_wang", email="wang@example.com", mobile="+8613900000002",
        password="let me in please",
    )  # fmt: skip


@pytest.fixture
def burst():
    """Runs everything on the queues, in this process, as a worker would; returns nothing."""

    def run(*queues: str) -> None:
        from django_rq import get_worker
        from rq import SimpleWorker

        worker: Any = SimpleWorker
        queues = queues or ("sms", "email", "default", "bulk")
        get_worker(*queues, worker_class=worker).work(burst=True, logging_level="WARNING")

    return run


@pytest.fixture
def mailserver(settings):
    """A real SMTP server that the email channel is set to."""
    from tests.support import mailserver

    with mailserver.running() as server:
        settings.EMAIL_BACKEND = "notices.providers.smtp_client.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        yield server


@pytest.fixture
def texts():
    """What the memory provider carried: a list of (number, text)."""
    from notices.providers.rehearsal import memory

    memory.SENT.clear()
    return memory.SENT
