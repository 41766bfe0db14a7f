"""The clients of Redis that a process has."""

import gc
import threading

import pytest

from queueing import redis
from tests.support.processes import OwnRedis

pytestmark = pytest.mark.once


def test_threads_that_ask_first_at_once_get_the_same_client(tmp_path, monkeypatch):
    monkeypatch.setattr(redis, "made", {})
    own, start, got = OwnRedis(tmp_path), threading.Barrier(16), []

    def ask():
        start.wait()
        got.append(redis.connection(own.url, 1))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        gc.collect()
        assert len({id(each) for each in got}) == 1
        assert got[0].ping()
    finally:
        own.kill()
