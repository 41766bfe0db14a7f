"""Every setting, read from the environment once. A wrong value is refused by name.

What cannot be judged while loading (a missing provider in production, SQLite on a dyno) is a
system check in config/checks.py or notices/checks.py, so that the release phase stops it.
"""

import json
from datetime import time
from decimal import Decimal, InvalidOperation
from email.errors import ObsoleteHeaderDefect  # Dr. Who <who@example.com>: everybody reads it
from email.policy import SMTP
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import environ
import idna
import phonenumbers
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from limits import parse_many

from config import addresses
from config.redis import options
from notices.providers import registry

BASE_DIR = Path(__file__).resolve().parent.parent.parent
VAR_DIR = BASE_DIR / "var"


class Env(environ.Env):  # type: ignore[misc]
    def get_value(self, name: str, *args: Any, default: Any, **options: Any) -> Any:
        """As it stands: a key or password that begins with a $ names no other variable."""
        return self.ENVIRON.get(name, default)


env = Env()
env.read_env(BASE_DIR / ".env")  # written by bin/up; the real environment wins


def refuse(name: str, problem: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name}: {problem} See .env.example.")


def read_bool(name: str, default: bool) -> bool:
    text = env.str(name, default=str(int(default))).strip().lower()
    if text not in {"1", "0", "true", "false", "on", "off", "yes", "no"}:
        raise refuse(name, f"{text!r} is neither 1 nor 0.")
    return text in {"1", "true", "on", "yes"}


def read_int(name: str, default: int) -> int:
    text = env.str(name, default=str(default))
    if not text.isdecimal():
        raise refuse(name, f"{text!r} is not a whole number.")
    return int(text)


def read_days(name: str, default: int, least: int) -> int:
    """So few as `least` are needed while people may still ask; 0: it is never removed."""
    days = read_int(name, default)
    if days > 36_500 or 0 < days < least:
        raise refuse(name, f"{days} is not 0, and not between {least} and 36500 days.")
    return days


def read_list(name: str) -> list[str]:
    """What stands between commas, without the spaces beside them."""
    text: str = env.str(name, default="")
    return [each.strip() for each in text.split(",") if each.strip()]


def read_regions(name: str, default: str) -> list[str]:
    """Countries by their two letters. None, which means all, only where it was set to nothing."""
    regions = [each.upper() for each in read_list(name)] if name in env.ENVIRON else [default]
    if unknown := set(regions) - phonenumbers.SUPPORTED_REGIONS:
        raise refuse(name, f"{min(unknown)!r} is not a country's two letters.")
    return regions


def read_limits(name: str, default: str) -> str:
    """Rates as the limits library writes them, such as "1/minute;5/hour"."""
    text = str(env.str(name, default=default))
    try:
        parse_many(text)
    except ValueError:
        raise refuse(name, f'{text!r} is not a list of rates such as "1/minute;5/hour".') from None
    return text


def read_sender(name: str, default: str) -> str:
    """One address, with a name or without, as every mail server reads it."""
    text = str(env.str(name, default="").strip() or default)
    try:
        header = SMTP.header_factory("From", text)
        [group], [address] = header.groups, header.addresses
        idna.encode(address.domain, uts46=True)
        wrong = [each for each in header.defects if not isinstance(each, ObsoleteHeaderDefect)]
        if wrong or group.display_name is not None:
            raise ValueError
    except (ValueError, IndexError):  # of the email package, which reads an address to its end
        example = '"Acme, Inc." <hello@example.com>'
        raise refuse(name, f"is not one sender. Quote a name with a comma: {example}.") from None
    return text


def read_prices(name: str) -> tuple[str, dict[str, Decimal]]:
    """A currency, and the price of one SMS by the first digits of a number: "CNY 86=0.045,852=0.3".
    An empty text and nothing when it is not set."""
    text = env.str(name, default="").strip()
    currency, _space, rest = text.partition(" ")
    pairs = [each.strip().removeprefix("+").partition("=") for each in rest.split(",")]
    if not text:
        return "", {}
    try:
        prices = {prefix.strip(): Decimal(price.strip()) for prefix, _is, price in pairs}
    except InvalidOperation:
        prices = {}
    right = (
        prefix.isdecimal() and price.is_finite() and price >= 0 for prefix, price in prices.items()
    )
    if not prices or not all(right) or not currency.isalpha():
        raise refuse(name, f"{text!r} is not like CNY 86=0.045,852=0.3.")
    return currency.upper(), prices


def read_hours(name: str) -> tuple[time, time] | None:
    """ "22:00-08:00" as two times of day; None when it is not set."""
    text = env.str(name, default="").strip()
    if not text:
        return None
    try:
        begin, end = (time.fromisoformat(each.strip()) for each in text.split("-"))
    except ValueError:
        raise refuse(name, f"{text!r} is not a time to a time, such as 22:00-08:00.") from None
    if begin == end:
        raise refuse(name, "It begins when it ends: nothing would ever be sent.")
    return begin, end


def read_url(name: str, default: str = "") -> str:
    """An address that may hold a password: no sentence about it repeats any part."""
    text = env.str(name, default="").strip() or default
    try:
        addresses.split(text)
    except ValueError as problem:
        raise refuse(name, str(problem)) from None
    return text


def read_anymail(name: str) -> Any:
    """A setting of Anymail's: a text, unless it is a JSON list or object, true or false."""
    text = env.ENVIRON[name]
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if not text.startswith(("[", "{")):
        return text  # also a key of digits only
    try:
        return json.loads(text)
    except ValueError:
        raise refuse(name, "begins as a JSON list or object and is none.") from None


# Where we are

DEBUG = read_bool("DEBUG", False)
DYNO = env.str("DYNO", default="")
PORT = read_int("PORT", 8000)  # bin/up; the web process has it from gunicorn.conf.py
SECRET_KEY = env.str("SECRET_KEY", default="")
SECRET_KEY_FALLBACKS = read_list("SECRET_KEY_FALLBACKS")  # earlier ones
ALLOWED_HOSTS = read_list("ALLOWED_HOSTS") or ["localhost", "127.0.0.1", "[::1]"] * DEBUG
try:
    addresses.check_hosts(ALLOWED_HOSTS)
except ValueError as problem:
    raise refuse("ALLOWED_HOSTS", str(problem)) from None
CSRF_TRUSTED_ORIGINS = [f"https://{host.lstrip('.')}" for host in ALLOWED_HOSTS if host != "*"]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
AUTH_USER_MODEL = "signup.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "queueing",  # first, so that its rqworker, rqworker-pool and rqscheduler are the ones found
    "config",
    "signup",
    "notices",
    "health",
    *(["local"] if DEBUG else []),
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "anymail",
    "csp",
    "django_htmx",
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "django_rq",
    "phonenumber_field",
]

MIDDLEWARE = [
    "web.middleware.request_id",
    "signup.security.watched",  # sees every refusal
    "notices.api.doors.told_as_problems",
    "web.middleware.https_for_machines",  # before the next, which redirects
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",  # static files, too
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "web.middleware.private",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "web.bodies.BodyLimit",  # before the CSRF check, which reads the body
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "web.sessions.staff_sessions",
    "signup.account.sessions.listed",
    "web.middleware.own_time_zone",
    "web.middleware.DatabaseAway",
    "signup.second_factor.Required",
    "queueing.clocks.middleware",
    "web.questions.OutOfRange",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "site" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                *(["local.context.outbox"] if DEBUG else []),
            ]
        },
    }
]

# Database: SQLite until DATABASE_URL says otherwise

DATABASE_URL = read_url("DATABASE_URL", f"sqlite:///{VAR_DIR / 'bellhop.sqlite3'}")
if urlsplit(DATABASE_URL).scheme not in {"postgres", "postgresql", "sqlite"}:
    raise refuse("DATABASE_URL", "starts with neither postgres:// nor sqlite://.")
if DATABASE_URL.startswith("sqlite:") and urlsplit(DATABASE_URL).netloc:
    raise refuse("DATABASE_URL", "has two slashes and a name: sqlite:///FILE, or sqlite:////PATH.")
database = env.db_url_config(DATABASE_URL)
if database["ENGINE"] == "django.db.backends.sqlite3":
    VAR_DIR.mkdir(exist_ok=True)
    # How far the database has come, told beside it. Not as bellhop.sqlite3-…, which would be copied
    # and brought back with it.
    file = Path(database["NAME"])
    HIGH_WATER_FILE: Path | None = file.with_name(f"high-water.{file.name}")
    database["ENGINE"] = "config.sqlite3"
    # IMMEDIATE takes the write lock at BEGIN, so that a busy database waits instead of failing.
    database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    HIGH_WATER_FILE = None
    database |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    database.setdefault("OPTIONS", {}).setdefault("connect_timeout", 2)
    # libpq by itself goes on in plain text where a server offers no TLS.
    if any(map(addresses.is_elsewhere, database["HOST"].split(","))):
        database["OPTIONS"].setdefault("sslmode", "require")
DATABASES = {"default": database}

# Redis: REDIS_URL, else the one that bin/up runs, else the usual place

local_redis = VAR_DIR / "redis.url"
REDIS_GIVEN = read_url("REDIS_URL")
REDIS_URL = REDIS_GIVEN or (
    local_redis.read_text().strip() if local_redis.exists() else "redis://127.0.0.1:6379/0"
)
if urlsplit(REDIS_URL).scheme not in {"redis", "rediss", "unix"}:
    raise refuse("REDIS_URL", "starts with neither redis://, rediss:// nor unix://.")
# Heroku's Redis shows a certificate that it signed itself, and nobody may edit its REDIS_URL.
REDIS_TLS_VERIFY = read_bool("REDIS_TLS_VERIFY", True)
REDIS_CA = env.str("REDIS_CA", default="").strip()
if REDIS_CA and REDIS_URL.startswith("rediss://"):
    try:
        REDIS_URL = addresses.with_ca(REDIS_URL, REDIS_CA)
    except ValueError as problem:
        raise refuse("REDIS_CA", str(problem)) from None
elif not REDIS_TLS_VERIFY and REDIS_URL.startswith("rediss://"):
    REDIS_URL += ("&" if "?" in REDIS_URL else "?") + "ssl_cert_reqs=none"

# Strict order: a worker that listens on all of them takes from the first that is not empty.
SLICE_TIMEOUT = 900  # seconds: a mail server may think for ten minutes
RQ_QUEUES = {
    name: {
        "URL": REDIS_URL,
        "DEFAULT_TIMEOUT": timeout,
        "SERIALIZER": "rq.serializers.JSONSerializer",
    }
    for name, timeout in {"sms": 120, "email": 90, "default": 600, "bulk": SLICE_TIMEOUT}.items()
}
RQ = {
    "JOB_CLASS": "queueing.job.Job",
    "QUEUE_CLASS": "queueing.worker.Queue",
    "WORKER_CLASS": "queueing.worker.Worker",
    "SCHEDULER_CLASS": "queueing.scheduler.Scheduler",
    "COMMIT_MODE": "auto",  # jobs.py queues after commit, in one place
    "DEFAULT_RESULT_TTL": 600,
}
WORKER_HORSE = env.str("WORKER_HORSE", default="warm")
if WORKER_HORSE not in {"warm", "fork"}:
    raise refuse("WORKER_HORSE", "is neither warm nor fork.")
# So many deliveries may be in doubt when a worker dies: those of the requests that it has open.
IN_FLIGHT = read_int("IN_FLIGHT", 100)
if IN_FLIGHT not in range(1, 5001):
    raise refuse("IN_FLIGHT", "is not between 1 and 5000.")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "bellhop",
        "OPTIONS": {
            "serializer": "rq.serializers.JSONSerializer",  # Django's own is pickle
            **options(),
        },
    }
}

# Channels

DEFAULT_FROM_EMAIL = read_sender("DEFAULT_FROM_EMAIL", "Bellhop <bellhop@localhost>")
EMAIL_URL = read_url("EMAIL_URL")
EMAIL_TIMEOUT = 10
ANYMAIL = {
    name.removeprefix("ANYMAIL_"): read_anymail(name)
    for name in env.ENVIRON
    if name.startswith("ANYMAIL_")
}
ANYMAIL["REQUESTS_TIMEOUT"] = (3, read_int("ANYMAIL_REQUESTS_TIMEOUT", 10))  # connect, answer
if ANYMAIL["REQUESTS_TIMEOUT"][1] not in range(1, 21):
    raise refuse("ANYMAIL_REQUESTS_TIMEOUT", "is not between 1 and 20 seconds.")
match urlsplit(EMAIL_URL).scheme:
    case "" if not EMAIL_URL:
        EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    case "console":
        EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    case "file":
        EMAIL_BACKEND = "notices.providers.rehearsal.email_file.EmailBackend"
        EMAIL_FILE_PATH = BASE_DIR / EMAIL_URL.removeprefix("file:")
    case "simulate":
        EMAIL_BACKEND = "notices.providers.rehearsal.simulate_email.EmailBackend"
    case "anymail":
        service = urlsplit(EMAIL_URL).netloc
        if not service.isidentifier():
            raise refuse("EMAIL_URL", "anymail:// goes with the name of a service alone.")
        EMAIL_BACKEND = f"anymail.backends.{service}.EmailBackend"
    case "smtp" | "smtps" | "smtp+tls" | "smtp+ssl":
        smtp = env.email_url_config(EMAIL_URL)
        if not smtp["EMAIL_HOST"]:
            raise refuse("EMAIL_URL", "has no host.")
        EMAIL_BACKEND = "notices.providers.smtp_client.EmailBackend"
        EMAIL_HOST, EMAIL_PORT = smtp["EMAIL_HOST"], smtp["EMAIL_PORT"] or 25
        EMAIL_HOST_USER = smtp["EMAIL_HOST_USER"] or ""
        EMAIL_HOST_PASSWORD = smtp["EMAIL_HOST_PASSWORD"] or ""
        # smtps:// is written for both; at port 465 nobody speaks STARTTLS.
        EMAIL_USE_SSL = smtp.get("EMAIL_USE_SSL", False) or EMAIL_PORT == 465
        EMAIL_USE_TLS = smtp.get("EMAIL_USE_TLS", False) and not EMAIL_USE_SSL
    case _:
        raise refuse("EMAIL_URL", "names no way to send email: smtp+tls://, anymail://, file: …")

try:
    SMS_URLS = registry.read(env.str("SMS_URLS", default=""))
except ValueError as problem:
    raise refuse("SMS_URLS", str(problem)) from None
# Where providers reach us with receipts, such as https://bellhop.example.com.
PUBLIC_URL = env.str("PUBLIC_URL", default="")
PUBLIC_URL = PUBLIC_URL.rstrip("/")
if PUBLIC_URL and not registry.is_endpoint(PUBLIC_URL):
    raise refuse("PUBLIC_URL", "is neither https://HOST nor http:// on this machine.")

# Notices

QUIET_HOURS = read_hours("QUIET_HOURS")
# Who sends to more people types their number, and proves anew who they are.
CONFIRM_ABOVE = read_int("CONFIRM_ABOVE", 1000)
# A notice to more people goes when another one has approved it. None: none needs to be.
APPROVE_ABOVE = read_int("APPROVE_ABOVE", 0) if env.str("APPROVE_ABOVE", default="") else None
SMS_CURRENCY, SMS_PRICE = read_prices("SMS_PRICE")
DKIM_SELECTORS = read_list("DKIM_SELECTORS")
# Until administrators say otherwise on /retention/; 0 of all but the first: for ever.
KEEP_DAYS = read_days("KEEP_DAYS", 90, least=1)  # codes and other single messages
KEEP_ADDRESSES_DAYS = read_days("KEEP_ADDRESSES_DAYS", 365, least=30)  # of notices
KEEP_TEXTS_DAYS = read_days("KEEP_TEXTS_DAYS", 0, least=30)
KEEP_LOG_DAYS = read_days("KEEP_LOG_DAYS", 730, least=30)
SUPPRESSION_KEY = env.str("SUPPRESSION_KEY", default="").strip()

# Sign-up

DEFAULT_REGION = env.str("DEFAULT_REGION", default="CN").upper()
if DEFAULT_REGION not in phonenumbers.SUPPORTED_REGIONS:
    raise refuse("DEFAULT_REGION", f"{DEFAULT_REGION!r} is not a country's two letters.")
PHONENUMBER_DEFAULT_REGION = DEFAULT_REGION
SIGNUP_REGIONS = read_regions("SIGNUP_REGIONS", DEFAULT_REGION)
PHONENUMBER_DB_FORMAT = PHONENUMBER_DEFAULT_FORMAT = "E164"
PICTURE_CODE_FIXED = env.str("PICTURE_CODE_FIXED", default="")
CODE_LIMIT_NUMBER = read_limits("CODE_LIMIT_NUMBER", "1/minute;5/hour;10/day")
CODE_LIMIT_ORIGIN = read_limits("CODE_LIMIT_ORIGIN", "10/minute;60/hour")
CODE_LIMIT_ALL = read_limits("CODE_LIMIT_ALL", "2000/hour")
CODE_BUDGET = env.str("CODE_BUDGET", default="record").strip().lower()
if CODE_BUDGET not in {"off", "record", "enforce"}:
    raise refuse("CODE_BUDGET", f"{CODE_BUDGET!r} is none of off, record and enforce.")
SIGNUP_FENCE = env.str("SIGNUP_FENCE", default="picture").strip().lower()
if SIGNUP_FENCE not in {"picture", "work", "auto"}:
    raise refuse("SIGNUP_FENCE", f"{SIGNUP_FENCE!r} is none of picture, work and auto.")
# How many proxies of ours stand before us, each adding one address to X-Forwarded-For.
TRUSTED_PROXIES = read_int("TRUSTED_PROXIES", 1 if DYNO else 0)

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
] + [{"NAME": "signup.passwords.GuessableValidator"}]
PASSWORD_RESET_TIMEOUT = 3600  # seconds; the page says an hour
STAFF_SECOND_FACTOR = read_bool("STAFF_SECOND_FACTOR", False)
OTP_TOTP_ISSUER = "Bellhop"
OTP_ADMIN_HIDE_SENSITIVE_DATA = True
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "home"

# Language and time

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "site" / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
USE_TZ = True
TIME_ZONE = "UTC"
TIME_ZONE_DEFAULT = env.str("TIME_ZONE_DEFAULT", default="Asia/Shanghai")
# The others are no place: "localtime" is another zone on every machine, "Factory" none at all.
TIME_ZONES = available_timezones() - {"localtime", "Factory", "posixrules"}
if TIME_ZONE_DEFAULT not in TIME_ZONES:
    raise refuse("TIME_ZONE_DEFAULT", f"{TIME_ZONE_DEFAULT!r} is not a time zone.")

# Static files

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "site" / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "site" / "static"]
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False  # its own default grants CORS
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# Security

DEFAULT_EXCEPTION_REPORTER_FILTER = "web.reports.NoSecrets"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_SSL_REDIRECT = not DEBUG
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
# Asked by programs, which would follow a redirect and never learn that they spoke in plain text.
NEVER_REDIRECTED = [
    r"^api/", r"^receipts/", r"^anymail/", r"^signup/(code|picture|work)/", r"\.json$",
]  # fmt: skip
SECURE_HSTS_SECONDS = 0 if DEBUG else 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG
SECURE_REFERRER_POLICY = "same-origin"
# A browser takes such a cookie from this host by https alone; no neighbour can plant one. On plain
# http, as by bin/up, it would take none.
COOKIE_PREFIX = "" if DEBUG else "__Host-"
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}language"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = not DEBUG
CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True  # the session's is by default
LANGUAGE_COOKIE_SAMESITE = "Lax"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # they may name people
SESSION_COOKIE_AGE = 14 * 24 * 3600
STAFF_SESSION_AGE = 12 * 3600  # seconds from signing in
STAFF_SESSION_IDLE = 2 * 3600  # seconds without a request that somebody made
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "signup.views.csrf_failure"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # Pico draws its arrows and ticks as data: pictures
        "media-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
# Of staff, for a pasted list of 100,000 addresses; others send little (web/bodies.py).
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 1
FILE_UPLOAD_HANDLERS = ["web.bodies.NoFile"]  # but where a view takes one (web/bodies.py)

# Who is on call (docs/oncall.md)

ALERT_URLS = read_list("ALERT_URLS")
ALERT_LANGUAGE = env.str("ALERT_LANGUAGE", default=LANGUAGE_CODE).strip().lower()
if ALERT_LANGUAGE not in dict(LANGUAGES):
    raise refuse("ALERT_LANGUAGE", f"{ALERT_LANGUAGE!r} is none of {', '.join(dict(LANGUAGES))}.")
ALERT_FAILED_PERCENT = read_int("ALERT_FAILED_PERCENT", 20)
if ALERT_FAILED_PERCENT not in range(1, 100):
    raise refuse("ALERT_FAILED_PERCENT", "is not between 1 and 99.")
HEARTBEAT_URL = read_url("HEARTBEAT_URL")
if HEARTBEAT_URL and not registry.is_endpoint(HEARTBEAT_URL):
    raise refuse("HEARTBEAT_URL", "is neither https://HOST/… nor http:// on this machine.")

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR"):
    raise refuse("LOG_LEVEL", f"{LOG_LEVEL!r} is none of DEBUG, INFO, WARNING and ERROR.")
LOG_FORMAT = env.str("LOG_FORMAT", default="plain").lower()
if LOG_FORMAT not in ("plain", "json"):
    raise refuse("LOG_FORMAT", f"{LOG_FORMAT!r} is neither plain nor json.")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "config.logs.Formatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        },
        "json": {"()": "config.logs.JSONFormatter"},
    },
    # Standard error: what a command answers, often JSON, is on standard output.
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "filters": {"secret_paths": {"()": "config.logs.SecretPaths"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "security": {"level": "INFO"},
        # At DEBUG it would log each query, and with it people's addresses.
        "django": {
            "level": "INFO" if LOG_LEVEL == "DEBUG" else LOG_LEVEL,
            "handlers": [],
            "propagate": True,
        },
        "django.request": {"filters": ["secret_paths"]},
        # Anybody can send a wrong Host: it gets a 400 and no traceback in the log.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "httpx": {"level": "WARNING"},
        # It would name the addresses in ALERT_URLS, which hold secrets.
        "apprise": {"level": "CRITICAL"},
    },
}
