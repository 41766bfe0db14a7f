"""System checks of the whole: what would lose data or secrets stops every process."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from redis.exceptions import RedisError

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
