"""Settings that name hosts: what is refused is refused by name, and no part of it is repeated."""

import os
import subprocess
import sys

import pytest
from django.contrib.auth import SESSION_KEY
from django.urls import reverse

from config import addresses, checks
from notices.audience import preferences
from notices.models import Delivery
from notices.providers import registry
from tests.config.test_settings import load, values
from tests.support.processes import ROOT

ONE = pytest.mark.once
BROKEN = [
    "://user:S3cret/b@h.example.com:587",
    "://user:S3cret#b@h.example.com:587",
    "://user:S3cret?b@h.example.com:587",
    "://user:12/S3cret@h.example.com:587",
    "://user:12?S3cret@h.example.com:587",
    "://us[er:S3cret@h.example.com:587",
    "://user:S3cret@h.example.com:S3cret",
    "://user:S3cret@h.example.com:0",
    "://user:S3cret@h.example.com:99999",
    "://user:S3cret@h S3cret:587",
    "://user:S3cret@[S3cret]:587",
]
GOOD = [
    "://user:S3cret%2Fb%23@h.example.com:587/x?a=b",
    "://user:p@ss@h.example.com",
    "://h.example.com",
    "://[::1]:6379/0",
    "://:p@127.0.0.1:6379/0?password=a@b",
    "://a:b@h1:5432,h2:5432/db",
    ":///db?host=/var/run&user=a@b",
    "://u:p@%2Fvar%2Frun/db",
    "://ec2-1-2-3-4.compute-1.amazonaws.com:25639",
]


@pytest.mark.parametrize("rest", BROKEN)
@pytest.mark.parametrize("scheme", ["redis", "postgres", "smtp+tls"])
def test_what_is_not_percent_encoded_is_refused(scheme, rest):
    with pytest.raises(ValueError, match="percent-encoded") as problem:
        addresses.split(scheme + rest)
    assert not any(part in str(problem.value) for part in ("S3cret", "example", "user:"))
    assert problem.value.__suppress_context__ or not problem.value.__context__


@pytest.mark.parametrize("rest", GOOD)
def test_what_can_be_understood_is(rest):
    assert addresses.split(f"postgres{rest}").scheme == "postgres"


@ONE
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMAIL_URL", "smtp+tls://user:S3cret/b@smtp.example.com:587"),
        ("EMAIL_URL", "user:S3cret@smtp.example.com"),
        ("EMAIL_URL", "S3cret"),
        ("EMAIL_URL", "anymail://S3cret@mailgun"),
        ("REDIS_URL", "redis://:S3cret#b@redis.example.com:6379"),
        ("REDIS_URL", "S3cret"),
        ("DATABASE_URL", "postgres://u:S3cret/b@db.example.com/x"),
        ("DATABASE_URL", "sqlite://S3cret/x"),
        ("SMS_URLS", "twilio://AC1:S3cret/b@+15550001111"),
        ("SMS_URLS", "webhook+https://KEY/S3cret@sms.example.com/"),
        ("SMS_URLS", "webhook+https://KEY#S3cret@sms.example.com/"),
        ("SMS_URLS", "webhook+https://KEY:S3cret@sms.example.com/"),
        ("PUBLIC_URL", "https://user:S3cret@bellhop.example.com"),
        ("REDIS_CA", "S3cret"),
        ("ALLOWED_HOSTS", "https://user:S3cret@bellhop.example.com"),
    ],
)
def test_setting_is_refused_by_name_at_the_start(name, value):
    more = {"REDIS_URL": "rediss://redis.example.com"} if name == "REDIS_CA" else {}
    done = load(**{name: value} | more)
    assert done.returncode == 1
    assert f"ImproperlyConfigured: {name}: " in done.stderr.splitlines()[-1]
    assert "S3cret" not in done.stderr


@pytest.mark.parametrize(
    "url",
    [
        "webhook+https://KEY%2Fx@sms.example.com/a?b=c",
        "webhook+https://sms.example.com/",
        "console:",
    ],
)
def test_gateways_that_can_be_understood_are(url):
    assert registry.read(url) == [url]


@ONE
def test_hosts_are_stripped():
    found = values("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", ALLOWED_HOSTS=" a.com , .b.com,, ")
    assert found["ALLOWED_HOSTS"] == ["a.com", ".b.com"]
    assert found["CSRF_TRUSTED_ORIGINS"] == ["https://a.com", "https://b.com"]


@pytest.mark.parametrize("host", ["a.com", ".a.com", "*", "[::1]", "10.0.0.1", "xn--bcher-kva.de"])
def test_host_is_a_name(host):
    addresses.check_hosts(["b.com", host])


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("https://a.com", "scheme"), ("a.com/", "path"), ("a.com:80", "port"), ("::1", "port"),
        ("a.com b.com", "no host name"), ("a..com", "no host name"), ("bücher.de", "xn--"),
        ("[a]", "no host name"), ("a.com?", "no host name"), ("*.a.com", "no host name"),
    ],
)  # fmt: skip
def test_host_that_is_none_is_told_by_its_place(host, said):
    with pytest.raises(ValueError, match=said) as problem:
        addresses.check_hosts(["b.com", host])
    assert "host 2 of 2" in str(problem.value)
    assert host not in str(problem.value)


@pytest.mark.parametrize(
    ("host", "elsewhere"),
    [
        ("127.0.0.1", False), ("localhost", False), ("::1", False), ("[::1]", False), ("", False),
        ("/var/run/postgresql", False), ("127.1.2.3", False), ("::ffff:127.0.0.1", False),
        ("db", True), ("10.0.0.1", True), ("0.0.0.0", True), ("::", True), ("a.example.com", True),
    ],
)  # fmt: skip
def test_elsewhere(host, elsewhere):
    assert addresses.is_elsewhere(host) is elsewhere


# Plain text


@ONE
@pytest.mark.parametrize(
    ("url", "ssl", "tls"),
    [
        ("smtp+tls://h:587", False, True),
        ("smtp+ssl://h:465", True, False),
        ("smtps://h:587", False, True),
        ("smtps://h:465", True, False),
        ("smtp://h:25", False, False),
    ],
)
def test_tls_with_a_mail_server(url, ssl, tls):
    found = values("EMAIL_USE_SSL", "EMAIL_USE_TLS", EMAIL_URL=url)
    assert (found["EMAIL_USE_SSL"], found["EMAIL_USE_TLS"]) == (ssl, tls)


@ONE
def test_tls_is_asked_of_a_database_elsewhere():
    def mode(url):
        return values("DATABASES", DATABASE_URL=url)["DATABASES"]["default"]["OPTIONS"].get(
            "sslmode"
        )

    assert mode("postgres://u:p@db.example.com/x") == "require"
    assert mode("postgres://u:p@127.0.0.1/x") is None
    assert mode("postgres://u:p@db.example.com/x?sslmode=verify-full") == "verify-full"


@ONE
def test_certificate_of_redis_is_looked_at_with_redis_ca(tmp_path):
    url = "rediss://:p@redis.example.com:6380"
    pem = "-----BEGIN CERTIFICATE-----\nMIIB+/=\n-----END CERTIFICATE-----"
    given = {"REDIS_URL": url, "REDIS_TLS_VERIFY": "0", "REDIS_CA": pem}
    found = values("REDIS_URL", **given)["REDIS_URL"]
    assert found.startswith(f"{url}?ssl_ca_data=-----BEGIN%20CERTIFICATE")
    assert "none" not in found
    from redis import Redis

    facts = Redis.from_url(found).connection_pool.connection_kwargs
    assert facts["ssl_ca_data"] == pem
    (tmp_path / "ca.pem").write_text(pem)
    found = values("REDIS_URL", **given | {"REDIS_CA": str(tmp_path / "ca.pem")})["REDIS_URL"]
    assert (
        Redis.from_url(found).connection_pool.connection_kwargs["ssl_ca_certs"].endswith("ca.pem")
    )


def told():
    return {each.id for each in (*checks.check_plain_text(), *checks.check_redis_certificate())}


def test_plain_text_to_another_machine_is_told(settings):
    settings.REDIS_URL, settings.EMAIL_URL = "redis://127.0.0.1:1/0", "smtp://u:p@localhost:25"
    assert told() == set()
    settings.REDIS_URL = "redis://redis.example.com:6379/0"
    assert told() == {"bellhop.W002"}
    settings.EMAIL_URL = "smtp://u:S3cret@mail.example.com:25"
    assert told() == {"bellhop.W002", "bellhop.W004"}
    assert not any("S3cret" in str(each) for each in checks.check_plain_text())
    settings.EMAIL_URL = "smtp+tls://u:p@mail.example.com:587"
    settings.REDIS_URL, settings.REDIS_TLS_VERIFY = "rediss://redis.example.com:6380", False
    assert told() == {"bellhop.I001"}
    settings.REDIS_CA = "ca.pem"
    assert told() == set()


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
@pytest.mark.parametrize(
    ("mode", "ids"),
    [("require", set()), ("verify-full", set()), ("prefer", {"bellhop.W003"}),
     ("disable", {"bellhop.W003"})],
)  # fmt: skip
def test_plain_text_with_postgresql_is_told(settings, mode, ids):
    facts = {"ENGINE": "django.db.backends.postgresql", "HOST": "db.example.com"}
    settings.DATABASES = {"default": facts | {"OPTIONS": {"sslmode": mode}}}
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert told() == ids


# What is for this machine


@ONE
@pytest.mark.parametrize(
    ("variables", "bind", "status", "said"),
    [
        ({"DEBUG": "1"}, "0.0.0.0:0", 1, "DEBUG=1 is for this machine alone"),
        ({"DEBUG": "1"}, "[::]:0", 1, "DEBUG=1 is for this machine alone"),
        ({"PICTURE_CODE_FIXED": "abcd"}, "0.0.0.0:0", 1, "PICTURE_CODE_FIXED is for this machine"),
        ({"DEBUG": "1", "PICTURE_CODE_FIXED": "abcd"}, "127.0.0.1:0", 0, "Listening at"),
        ({}, "0.0.0.0:0", 0, "Listening at"),
    ],
)
def test_what_is_for_this_machine_listens_on_it_only(variables, bind, status, said):
    clean = {"DEBUG": "0", "PICTURE_CODE_FIXED": "", "SECRET_KEY": "x", "ALLOWED_HOSTS": "a.com"}
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--pythonpath", "site", "--bind", bind, "config.wsgi"],
        cwd=ROOT, env=os.environ | clean | variables, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    lines = ""
    for line in process.stdout:
        lines += line
        if said in line:
            break
    if not status:
        process.terminate()
    process.communicate(timeout=30)
    assert said in lines
    assert "Traceback" not in lines
    assert process.returncode == status


# A key that is changed


@pytest.mark.django_db
def test_sessions_and_links_outlive_a_change_of_the_key(client, visitor, settings):
    from django.contrib.auth.tokens import default_token_generator

    client.force_login(visitor)
    settings.PUBLIC_URL = "https://bellhop.example.com"
    delivery = Delivery.objects.create(message="notice", channel="email", address="a@example.com")
    link = preferences.unsubscribe_url(delivery).removeprefix(settings.PUBLIC_URL)
    token = default_token_generator.make_token(visitor)
    before, settings.SECRET_KEY = settings.SECRET_KEY, "another" * 10
    assert client.get(link).status_code == 404
    assert not default_token_generator.check_token(visitor, token)
    settings.SECRET_KEY_FALLBACKS = [before]
    assert client.get(link).status_code == 200
    assert default_token_generator.check_token(visitor, token)
    assert client.get(reverse("home")).status_code == 200
    assert SESSION_KEY in client.session


@ONE
def test_earlier_keys_are_a_list():
    found = values("SECRET_KEY_FALLBACKS", SECRET_KEY="new", SECRET_KEY_FALLBACKS="old, older,")
    assert found["SECRET_KEY_FALLBACKS"] == ["old", "older"]
