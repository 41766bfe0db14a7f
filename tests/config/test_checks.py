"""What a release is told before it loses something."""

import pytest
from redis import Redis

from config.checks import check_eviction
from local import embedded
from notices.checks import check_public_url, check_receipts


@pytest.mark.parametrize(
    ("policy", "told"), [("noeviction", []), ("allkeys-lru", ["bellhop.W001"])]
)
def test_eviction_that_could_drop_jobs_is_told(redis: Redis, policy, told):
    redis.config_set("maxmemory-policy", policy)
    try:
        assert [each.id for each in check_eviction()] == told
    finally:
        redis.config_set("maxmemory-policy", "noeviction")


def test_redis_that_is_away_is_no_fault_of_the_settings(settings):
    settings.REDIS_URL = f"redis://127.0.0.1:{embedded.free_port()}/0"
    assert check_eviction() == []


def test_release_is_told_that_reports_are_refused_and_links_are_missing(settings):
    settings.EMAIL_URL, settings.ANYMAIL = "anymail://postmark", {}
    assert [each.id for each in (*check_receipts(), *check_public_url())] == [
        "bellhop.I011", "bellhop.I012",
    ]  # fmt: skip
    settings.ALLOWED_HOSTS = ["*"]  # and so whoever asks chooses the link of a password reset
    assert [each.id for each in check_public_url()] == ["bellhop.I012", "bellhop.E012"]
    settings.PUBLIC_URL = "https://bellhop.example.com"
    settings.ANYMAIL = {"WEBHOOK_SECRET": "esp:secret"}
    assert [*check_receipts(), *check_public_url()] == []
