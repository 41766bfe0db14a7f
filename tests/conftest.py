"""The believable world of the tests: a real Redis, a real database, local providers.

The environment is set before Django reads its settings, so that nobody's .env leaks in.
"""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "site")]

from local import embedded  # noqa: E402

WORLD = Path(tempfile.mkdtemp(prefix="bellhop-test-"))
atexit.register(shutil.rmtree, WORLD, ignore_errors=True)

REDIS_PORT = embedded.free_port()
redis_process = embedded.start(WORLD / "redis", REDIS_PORT, "--appendonly", "no")
atexit.register(redis_process.kill)

os.environ.update(
    DEBUG="1",
    SECRET_KEY="only-for-tests",
    ALLOWED_HOSTS="localhost,127.0.0.1,testserver",
    DATABASE_URL=os.environ.get("TEST_DATABASE_URL", f"sqlite:///{WORLD / 'bellhop.sqlite3'}"),
    REDIS_URL=f"redis://127.0.0.1:{REDIS_PORT}/0",
    EMAIL_URL=f"file:{WORLD / 'emails'}",
    SMS_URLS="memory:",
    DEFAULT_FROM_EMAIL="Bellhop <bellhop@example.com>",
    DEFAULT_REGION="CN",
    TIME_ZONE_DEFAULT="Asia/Shanghai",
    PICTURE_CODE_FIXED="",
    TRUSTED_PROXIES="0",
    DJANGO_ALLOW_ASYNC_UNSAFE="1",  # Playwright's loop runs in the thread of the tests
)
for name in ("DYNO", "CODE_LIMIT_NUMBER", "CODE_LIMIT_ORIGIN", "CODE_LIMIT_ALL", "PORT"):
    os.environ.pop(name, None)

import pytest  # noqa: E402
from redis import Redis  # noqa: E402


def pytest_configure() -> None:
    from django.conf import settings

    # Hashing a password is slow on purpose; not in tests.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def redis():
    """The real Redis, emptied."""
    client = Redis(port=REDIS_PORT)
    client.flushall()
    return client


@pytest.fixture(autouse=True)
def _fresh(redis):
    """No test sees another's limits, queues or used picture codes."""


@pytest.fixture
def staff(django_user_model):
    return django_user_model.objects.create_user(
        "reception", email="reception@example.com", mobile="+8613900000001",
        password="let me in please", is_staff=True,
    )  # fmt: skip


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

        get_worker(*(queues or ("sms", "email", "default", "bulk")), worker_class=SimpleWorker).work(
            burst=True, logging_level="WARNING"
        )

    return run
