import pytest
from redis import Redis

from local import embedded
from local.processes import read_procfile
from tests.support.processes import ROOT

pytestmark = pytest.mark.once


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "redis"


def test_data_that_cannot_be_read_is_put_aside(folder):
    port = embedded.free_port()
    embedded.stop(embedded.start(folder, port))
    for file in (folder / "appendonlydir").iterdir():
        file.write_bytes(b"not a Redis file\n" * 10)
    process = embedded.start_with_data(folder, port)
    try:
        assert Redis(port=port).dbsize() == 0
        assert (folder.with_suffix(".unreadable") / "appendonlydir").is_dir()
    finally:
        embedded.stop(process)


def test_data_is_still_there_after_a_stop(folder):
    port = embedded.free_port()
    process = embedded.start(folder, port)
    Redis(port=port).set("bell", "rung")
    embedded.stop(process)
    process = embedded.start(folder, port)
    try:
        assert Redis(port=port).get("bell") == b"rung"
    finally:
        embedded.stop(process)


def test_orphan_is_stopped_only_when_its_data_is_ours(folder, tmp_path):
    port = embedded.free_port()
    process = embedded.start(folder, port)
    try:
        embedded.stop_orphan(f"redis://127.0.0.1:{port}/0", tmp_path / "another")
        assert Redis(port=port).ping()
        embedded.stop_orphan(f"redis://127.0.0.1:{port}/0", folder)
        assert process.wait(5) == 0
    finally:
        embedded.stop(process)


def test_local_formation_is_the_procfile_with_two_workers():
    lines = read_procfile(ROOT / "Procfile", {"release": 0, "worker": 2})
    assert list(lines) == ["web", "worker.1", "worker.2", "codes", "scheduler"]
    assert lines["worker.1"] == lines["worker.2"]
