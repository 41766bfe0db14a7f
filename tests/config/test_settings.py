"""Settings: wrong values are refused by name, and nothing that is read stays undocumented."""

import ast
import json
import re
import subprocess
import sys
import tomllib

import pytest

import jobs
from tests.support.processes import ROOT

SETTINGS = ROOT / "site" / "config" / "settings.py"
PRINT = """
import json, sys
sys.path[:0] = [{site!r}, {root!r}]
import environ
environ.Env.read_env = lambda *args, **kwargs: None  # nobody's .env
from config import settings
print(json.dumps({{name: getattr(settings, name) for name in {names!r}}}))
"""


def load(*names, **variables):
    """What a fresh process makes of these variables."""
    code = PRINT.format(site=str(ROOT / "site"), root=str(ROOT), names=names)
    return subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False
    )


def values(*names, **variables):
    done = load(*names, **variables)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_key_that_begins_with_a_dollar_is_itself():
    read = values(
        "SECRET_KEY", "SECRET_KEY_FALLBACKS", SECRET_KEY="$DEBUG", SECRET_KEY_FALLBACKS="$1"
    )
    assert read == {"SECRET_KEY": "$DEBUG", "SECRET_KEY_FALLBACKS": ["$1"]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "maybe"),
        ("DATABASE_URL", "nonsense"),
        ("REDIS_URL", "http://127.0.0.1"),
        ("REDIS_TLS_VERIFY", "sometimes"),
        ("EMAIL_URL", "pigeon://loft"),
        ("DEFAULT_FROM_EMAIL", "nonsense"),
        ("DEFAULT_FROM_EMAIL", "Acme, Inc. <hello@example.com>"),
        ("DEFAULT_FROM_EMAIL", "王小明, Ltd <hello@example.com>"),
        ("DEFAULT_FROM_EMAIL", "Acme: Inc <hello@example.com>"),
        ("DEFAULT_FROM_EMAIL", "Acme [1] <hello@example.com>"),
        ("DEFAULT_FROM_EMAIL", "hello@example.com, you@example.com"),
        ("DEFAULT_FROM_EMAIL", "hello@"),
        ("DEFAULT_FROM_EMAIL", "王@example.com"),
        ("DEFAULT_FROM_EMAIL", "hello@-例え-.jp"),
        ("EMAIL_URL", "anymail://key@mailgun"),
        ("ANYMAIL_REQUESTS_TIMEOUT", "60"),
        ("ANYMAIL_SEND_DEFAULTS", '{"tags": secret'),
        ("SMS_URLS", "console:,pigeon://loft"),
        ("PUBLIC_URL", "http://bellhop.example.com"),
        ("PUBLIC_URL", "https://bellhop.example.com:port"),
        ("DEFAULT_REGION", "Mars"),
        ("SIGNUP_REGIONS", "CN,Mars"),
        ("TIME_ZONE_DEFAULT", "Mars/Olympus"),
        ("TIME_ZONE_DEFAULT", "localtime"),
        ("CODE_LIMIT_NUMBER", "often"),
        ("CODE_LIMIT_ORIGIN", "often"),
        ("CODE_LIMIT_ALL", "often"),
        ("CODE_BUDGET", "unlimited"),
        ("SIGNUP_FENCE", "barbed wire"),
        ("STAFF_SECOND_FACTOR", "sometimes"),
        ("TRUSTED_PROXIES", "-1"),
        ("LOG_LEVEL", "chatty"),
        ("PORT", "eight"),
        ("QUIET_HOURS", "at night"),
        ("QUIET_HOURS", "22:00"),
        ("QUIET_HOURS", "22:00-22:00"),
        ("KEEP_DAYS", "forever"),
        ("CONFIRM_ABOVE", "many"),
        ("APPROVE_ABOVE", "always"),
        ("SMS_PRICE", "86=0.045"),
        ("SMS_PRICE", "CNY 86=cheap"),
        ("SMS_PRICE", "CNY China=1"),
        ("SMS_PRICE", "CNY 86=-1"),
    ],
)
@pytest.mark.once
def test_wrong_value_is_refused_by_name(name, value):
    done = load(**{name: value})
    assert done.returncode == 1
    assert f"ImproperlyConfigured: {name}: " in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "sender",
    [
        "hello@example.com",
        "Bellhop <bellhop@localhost>",
        '"Acme, Inc." <hello@example.com>',
        '"Acme \\"A\\"" <hello@example.com>',
        "Dr. Who <who@example.com>",
        "O'Brien & Co <hello@example.com>",
        "王小明 <hello@bücher.example>",
    ],
)
@pytest.mark.once
def test_one_sender_with_a_name_or_without_is_taken_as_it_is(sender):
    assert values("DEFAULT_FROM_EMAIL", DEFAULT_FROM_EMAIL=sender)["DEFAULT_FROM_EMAIL"] == sender


@pytest.mark.parametrize(
    ("variables", "regions"),
    [({}, ["GB"]), ({"SIGNUP_REGIONS": "cn, HK"}, ["CN", "HK"]), ({"SIGNUP_REGIONS": ""}, [])],
)
@pytest.mark.once
def test_whoever_names_no_country_opens_the_sign_up_to_their_own_alone(variables, regions):
    found = values("SIGNUP_REGIONS", DEFAULT_REGION="GB", **variables)
    assert found["SIGNUP_REGIONS"] == regions


@pytest.mark.once
def test_a_command_tells_a_wrong_value_in_one_sentence():
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, capture_output=True, text=True,
        env={"SECRET_KEY": "x", "DEFAULT_FROM_EMAIL": "nonsense"}, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("DEFAULT_FROM_EMAIL: is not one sender.")


def test_build_without_any_variable_loads():
    found = values("DEBUG", "SECRET_KEY", "SECURE_SSL_REDIRECT", "INSTALLED_APPS")
    assert found["DEBUG"] is False
    assert found["SECRET_KEY"] == ""
    assert found["SECURE_SSL_REDIRECT"] is True
    assert "local" not in found["INSTALLED_APPS"]


@pytest.mark.once
def test_self_signed_redis_is_trusted_only_when_asked():
    url = "rediss://:secret@redis.example.com:6380"
    assert values("REDIS_URL", REDIS_URL=url)["REDIS_URL"] == url
    trusting = values("REDIS_URL", REDIS_URL=url, REDIS_TLS_VERIFY="0")
    assert trusting["REDIS_URL"] == f"{url}?ssl_cert_reqs=none"
    plain = values("REDIS_URL", REDIS_URL="redis://127.0.0.1:1/0", REDIS_TLS_VERIFY="0")
    assert plain["REDIS_URL"] == "redis://127.0.0.1:1/0"


@pytest.mark.once
def test_anymail_settings_that_are_no_texts_are_read_as_such():
    found = values(
        "ANYMAIL",
        ANYMAIL_MAILGUN_API_KEY="0123",
        ANYMAIL_WEBHOOK_SECRET='["old:one", "new:one"]',
        ANYMAIL_SEND_DEFAULTS='{"tags": ["bellhop"]}',
        ANYMAIL_IGNORE_UNSUPPORTED_FEATURES="True",
    )
    assert found["ANYMAIL"] == {
        "MAILGUN_API_KEY": "0123",
        "WEBHOOK_SECRET": ["old:one", "new:one"],
        "SEND_DEFAULTS": {"tags": ["bellhop"]},
        "IGNORE_UNSUPPORTED_FEATURES": True,
        "REQUESTS_TIMEOUT": [3, 10],
    }


@pytest.mark.once
def test_secret_of_a_broken_setting_is_not_shown():
    assert "secret" not in load(ANYMAIL_SEND_DEFAULTS='{"tags": secret').stderr


@pytest.mark.once
def test_log_level_is_that_of_all_but_the_queries_of_django():
    """At DEBUG Django would log each query, and with it addresses."""
    for said, root, django in (("debug", "DEBUG", "INFO"), ("WARNING", "WARNING", "WARNING")):
        logging = values("LOGGING", LOG_LEVEL=said)["LOGGING"]
        assert (logging["root"]["level"], logging["loggers"]["django"]["level"]) == (root, django)
    assert values("LOGGING")["LOGGING"]["root"]["level"] == "INFO"


def variables_read():
    """The names that settings.py hands to env.…() and read_…()."""
    names = set()
    for node in ast.walk(ast.parse(SETTINGS.read_text())):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func)
            if called.startswith(("env.", "read_")):
                names.add(node.args[0].value)
    return names


def test_every_variable_is_in_the_example():
    example = (ROOT / ".env.example").read_text()
    documented = set(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", example, re.MULTILINE))
    assert "DATABASE_URL" in variables_read()
    assert variables_read() - documented == set()
    assert documented - variables_read() == {
        "ANYMAIL_POSTMARK_SERVER_TOKEN",
        "ANYMAIL_WEBHOOK_SECRET",
    }


def procfile():
    lines = (ROOT / "Procfile").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines)


def test_every_queue_has_a_worker():
    listened = set(procfile()["worker"].partition("rqworker ")[2].split())
    from django.conf import settings

    assert listened == set(settings.RQ_QUEUES)
    assert set(jobs.QUEUES.values()) <= listened


def test_app_json_agrees_with_procfile_and_settings():
    app = json.loads((ROOT / "app.json").read_text())
    assert set(app["formation"]) == set(procfile()) - {"release"}
    assert set(app["env"]) <= variables_read()
    assert app["env"]["SECRET_KEY"]["generator"] == "secret"


def test_local_requirements_are_a_part_of_the_tests_own():
    def locked(name):
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        return set(re.findall(r"^[\w.\[\]-]+==\S+", text, re.MULTILINE))

    assert locked("production") <= locked("local") <= locked("test")


def test_site_is_a_folder_and_never_a_package():
    assert not (ROOT / "site" / "__init__.py").exists()
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert config["tool"]["mypy"]["mypy_path"] == "site"
