from collections.abc import Iterator
from typing import Any


def run() -> Iterator[tuple[str, tuple[Any, ...]]]: ...
