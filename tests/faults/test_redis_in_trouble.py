"""Redis can be reached and is no use: it is a read-only replica, an older one took over, its line
is half-open, its answers get lost, it asks for another password."""

import os
import shutil
import time
from contextlib import contextmanager

import pytest
from redis import Redis

from local import embedded
from tests.faults.between import Gate
from tests.faults.house import House
from tests.faults.trouble import survived

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100_000))


class GatedHouse(House):
    """It goes to its Redis through a gate."""

    def way_to_redis(self) -> str:
        self.gate = Gate("127.0.0.1", self.redis.port)
        return self.redis.url.replace(str(self.redis.port), str(self.gate.port))

    def close(self) -> None:
        super().close()
        self.gate.close()


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setenv("SINK_DELAY", "0.02")  # or all would be sent before it is over
    monkeypatch.setenv("SMS_URLS", f"file:{tmp_path}")
    built = GatedHouse(tmp_path, SEED)
    yield built
    built.close()


@contextmanager
def half_open(house, folder):
    with house.gate.being("half"):
        yield


@contextmanager
def deaf(house, folder):
    with house.gate.being("deaf"):
        yield


@contextmanager
def read_only(house, folder):
    """It is another's replica, and has all that it had."""
    leader = embedded.start(folder / "leader", port := embedded.free_port(), "--appendonly", "no")
    client = house.redis.client()
    copy(client, Redis(port=port))
    client.replicaof("127.0.0.1", port)
    yield
    client.replicaof("NO", "ONE")
    leader.kill()
    leader.wait()


def copy(here, there):
    for key in here.keys("*"):
        if (held := here.dump(key)) is not None:
            there.restore(key, max(0, here.pttl(key)), held, replace=True)


@contextmanager
def locked(house, folder):
    """Another password, also for who is connected."""
    client = house.redis.client()
    client.config_set("requirepass", "hunter2")
    client.client_kill_filter(_type="normal", skipme=True)
    yield
    client.config_set("requirepass", "")


@contextmanager
def older(house, folder):
    """In the middle and at the end Redis is what it was ten seconds before."""
    client = house.redis.client()
    client.save()
    shutil.copy(folder / "redis" / "dump.rdb", folder / "copy.rdb")
    yield
    for _ in range(2):
        house.redis.kill()
        shutil.copy(folder / "copy.rdb", folder / "redis" / "dump.rdb")
        house.redis.start()
        time.sleep(3)


@pytest.mark.parametrize("what", [half_open, deaf, read_only, locked, older])
def test_whatever_redis_does_all_goes_on_when_it_is_over(house, desk, tmp_path, what):
    survived(house, desk, tmp_path, lambda: what(house, tmp_path))
    desk.check()
