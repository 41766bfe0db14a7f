"""A dyno, simulated: the build with an empty environment, then each line of the Procfile."""

import re
import signal
import subprocess
import time

import pytest

from local import embedded
from local.embedded import free_port
from tests.support import checkout, postgresql
from tests.support.checkout import dyno, get

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not postgresql.programs(), reason=postgresql.MISSING),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A checkout after the build: collectstatic, with nothing set."""
    folder = checkout.copy(tmp_path_factory.mktemp("dyno") / "app")
    done = subprocess.run(
        [folder / ".venv" / "bin" / "python", "manage.py", "collectstatic", "--noinput"],
        cwd=folder, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def config(built, tmp_path_factory):
    """The config vars of an app on Heroku, with its add-ons and a release done."""
    port = embedded.free_port()
    redis = embedded.start(tmp_path_factory.mktemp("redis"), port)
    variables = checkout.environment(
        DYNO="web.1",
        PORT=str(free_port()),
        DATABASE_URL=postgresql.start(),
        REDIS_URL=f"redis://127.0.0.1:{port}/0",
        SECRET_KEY="7b1d4e6fa2c3958077e1b9d4c6f8a3e25d0b7c9f1e3a5d7b9c1f3e5a7d9b1c3f",
        ALLOWED_HOSTS="bellhop.example.com",
        EMAIL_URL="smtp+tls://user:password@smtp.example.com:587",
        SMS_URLS="console:",
        DEFAULT_FROM_EMAIL="Bellhop <bellhop@example.com>",
        FORWARDED_ALLOW_IPS="*",
        WEB_CONCURRENCY="2",
    )
    run = dyno(built, "release", variables)
    status = run.wait(60)
    assert status == 0, run.output()
    yield variables
    embedded.stop(redis)


@pytest.fixture
def start(built):
    runs = []

    def start(line, variables):
        runs.append(dyno(built, line, variables))
        return runs[-1]

    yield start
    for run in runs:
        if run.popen.poll() is None:
            run.signal(signal.SIGKILL)
            run.popen.wait()


def test_release_checks_and_migrates_again_without_harm(start, config):
    run = start("release", {**config, "DYNO": "release.2"})
    assert run.wait(60) == 0, run.output()
    assert "No migrations to apply" in run.output()


def test_web_answers_over_https_and_stops_when_asked(start, config):
    run = start("web", config)
    base = f"http://127.0.0.1:{config['PORT']}"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            status, _, _ = get(f"{base}/healthz", Host="bellhop.example.com")
            break
        except OSError:
            time.sleep(0.1)
    assert status == 200, run.output()

    https = {"Host": "bellhop.example.com", "X_Forwarded_Proto": "https"}
    status, headers, page = get(f"{base}/signup/", **https)
    assert status == 200
    assert "max-age=31536000" in headers["Strict-Transport-Security"]
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    style = re.search(r'href="(/static/bellhop\.[0-9a-f]{12}\.css)"', page)
    assert style, page
    assert get(f"{base}{style[1]}", **https)[0] == 200
    assert get(f"{base}/outbox/", **https)[0] == 404

    status, headers, _ = get(f"{base}/signup/", Host="bellhop.example.com")
    assert (status, headers["Location"]) == (301, "https://bellhop.example.com/signup/")
    assert get(f"{base}/signup/", Host="evil.example.com")[0] == 400

    run.signal(signal.SIGTERM)
    assert run.wait(25) == 0
    assert "Traceback" not in run.output()


@pytest.mark.parametrize(
    ("line", "ready"), [("worker", "Listening on"), ("scheduler", "Scheduler started")]
)
def test_process_stays_up_and_stops_when_asked(start, config, line, ready):
    run = start(line, {**config, "DYNO": f"{line}.1"})
    run.wait_for(ready)
    time.sleep(1)
    assert run.popen.poll() is None, run.output()
    run.signal(signal.SIGTERM)
    assert run.wait(10) == 0
    assert "Traceback" not in run.output()


@pytest.mark.parametrize("line", ["release", "web", "worker", "scheduler"])
@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("DATABASE_URL", "SQLite on a dyno loses everything at the next restart."),
        ("SECRET_KEY", "SECRET_KEY is not set."),
    ],
)
def test_process_refuses_to_start_without(start, config, line, missing, sentence):
    run = start(line, {name: value for name, value in config.items() if name != missing})
    assert run.wait(30) != 0
    assert sentence in run.output()


@pytest.mark.parametrize("missing", ["EMAIL_URL", "SMS_URLS"])
def test_release_refuses_when_a_channel_has_no_provider(start, config, missing):
    run = start("release", {name: value for name, value in config.items() if name != missing})
    assert run.wait(30) != 0
    assert f"{missing} is not set" in run.output()


def test_release_refuses_the_picture_code_of_rehearsals(start, config):
    run = start("release", {**config, "PICTURE_CODE_FIXED": "abcd"})
    assert run.wait(30) != 0
    assert "PICTURE_CODE_FIXED" in run.output()
