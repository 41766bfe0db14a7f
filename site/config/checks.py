"""System checks of the whole: what would lose data or secrets stops every process."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from redis.exceptions import RedisError

from config.addresses import is_elsewhere
from config.redis import connect


@register
def check_secret_key(**kwargs: Any) -> list[CheckMessage]:
    try:
        if settings.SECRET_KEY:
            return []
    except ImproperlyConfigured:
        pass  # Django itself refuses to hand out an empty one
    return [
        Error(
            "SECRET_KEY is not set.",
            hint="Set it to a long random text. On your own machine, bin/up writes one to .env.",
            id="bellhop.E001",
        )
    ]


@register
def check_database(**kwargs: Any) -> list[CheckMessage]:
    engine = settings.DATABASES["default"]["ENGINE"]
    if not settings.DYNO or not engine.endswith("sqlite3"):
        return []
    return [
        Error(
            "SQLite on a dyno loses everything at the next restart.",
            hint="Set DATABASE_URL to PostgreSQL: heroku addons:create heroku-postgresql",
            id="bellhop.E002",
        )
    ]


@register(Tags.security, deploy=True)
def check_picture_code(**kwargs: Any) -> list[CheckMessage]:
    if not settings.PICTURE_CODE_FIXED:
        return []
    return [
        Error(
            "PICTURE_CODE_FIXED lets everyone past the picture code.",
            hint="Unset it; it is for rehearsals and tests.",
            id="bellhop.E003",
        )
    ]


@register(Tags.security, deploy=True)
def check_plain_text(**kwargs: Any) -> list[CheckMessage]:
    """What goes to another machine in plain text, passwords too, can be read on the way."""
    return [
        checks.Warning(f"{name} {problem}, and that is on another machine.", hint=hint, id=number)
        for name, problem, hint, number in plain_text()
    ]


def plain_text() -> Iterator[tuple[str, str, str, str]]:
    """Setting, what is wrong with it, what to do, the number of the check."""
    redis = urlsplit(settings.REDIS_URL)
    if redis.scheme == "redis" and is_elsewhere(redis.hostname or ""):
        hint = "Use rediss:// (docs/running.md)."
        yield "REDIS_URL", "speaks plain text with Redis", hint, "bellhop.W002"
    database = settings.DATABASES["default"]
    mode = database.get("OPTIONS", {}).get("sslmode")
    hosts = str(database.get("HOST", "")).split(",")
    is_far = database["ENGINE"].endswith("postgresql") and any(map(is_elsewhere, hosts))
    if is_far and mode in (None, "disable", "allow", "prefer"):
        hint = "Leave sslmode away (it is require then), or use verify-full with sslrootcert=FILE."
        yield "DATABASE_URL", "allows plain text with PostgreSQL", hint, "bellhop.W003"
    email = urlsplit(settings.EMAIL_URL)
    if email.scheme == "smtp" and is_elsewhere(email.hostname or ""):
        hint = "Use smtp+tls:// (STARTTLS, port 587) or smtp+ssl:// (port 465)."
        yield "EMAIL_URL", "speaks plain text with the mail server", hint, "bellhop.W004"


@register(Tags.security, deploy=True)
def check_redis_certificate(**kwargs: Any) -> list[CheckMessage]:
    """A server that anybody could play. Heroku's Redis leaves no other choice but REDIS_CA."""
    if urlsplit(settings.REDIS_URL).scheme != "rediss" or settings.REDIS_TLS_VERIFY:
        return []
    if settings.REDIS_CA:
        return []
    return [
        checks.Info(
            "Nobody looks at the certificate of Redis: REDIS_TLS_VERIFY is 0.",
            hint="Set REDIS_CA to its certificate, or that of who signed it (docs/running.md).",
            id="bellhop.I001",
        )
    ]


@register(Tags.security, deploy=True)
def check_eviction(**kwargs: Any) -> list[CheckMessage]:
    """A full Redis that evicts throws queued jobs away. Redis away is no fault of the settings."""
    try:
        policy = connect(settings.REDIS_URL, 2).info("memory").get("maxmemory_policy", "noeviction")
    except (RedisError, OSError):
        return []
    if policy == "noeviction":
        return []
    return [
        checks.Warning(
            f"Redis evicts when it is full (maxmemory-policy {policy}): jobs would vanish.",
            hint="Set it to noeviction: heroku redis:maxmemory --policy noeviction",
            id="bellhop.W001",
        )
    ]
