"""A database, and the Redis that belongs to it, filled once and copied for each turn."""

import shutil
import tempfile
from collections.abc import Callable, Hashable
from pathlib import Path

from bench import place
from bench.place import Place
from tests.processes import OwnRedis

Fill = Callable[[dict[str, str]], object]  # given DATABASE_URL and REDIS_URL of empty ones


class Queued:
    """`key` names what `fill` makes; it is called once for each key and kind of database."""

    def __init__(self, key: Hashable, fill: Fill) -> None:
        self.key, self.fill = key, fill
        self.kept = Path(tempfile.mkdtemp(dir=place.kept.name))

    def copied(self, here: Place, kind: str = "") -> tuple[dict[str, str], OwnRedis]:
        """The environment that names the copies, and the Redis itself."""
        url = here.database(("queued", self.key), self.fill_both, kind)
        folder = Path(tempfile.mkdtemp(dir=here.folder))
        shutil.copy(self.kept / "dump.rdb", folder)
        redis = OwnRedis(folder)
        here.ends.callback(redis.kill)
        return {"DATABASE_URL": url, "REDIS_URL": redis.url}, redis

    def fill_both(self, url: str) -> None:
        redis = OwnRedis(self.kept)
        try:
            self.fill({"DATABASE_URL": url, "REDIS_URL": redis.url})
            redis.client().save()
        finally:
            redis.kill()
