"""What a release is told before it loses something."""

import pytest
from redis import Redis

from config.checks import check_eviction
from local import embedded


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
