"""A disk of its own that a test may fill up: only root may mount one."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Disk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def filled(self) -> Iterator[None]:
        """To the last byte."""
        ballast = self.folder / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        yield
        ballast.unlink()


@contextmanager
def small(megabytes: int, owner: str = "root") -> Iterator[Disk]:
    place = Path(tempfile.mkdtemp(prefix="bellhop-disk-"))  # where others may look, too
    words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(words, capture_output=True).returncode:
        place.rmdir()
        pytest.skip("no disk can be mounted here")
    try:
        shutil.chown(place, owner)
        yield Disk(place)
    finally:
        subprocess.run(["umount", str(place)], check=True)
        place.rmdir()
