"""The systemd units in deploy/: they run what the Procfile runs, as nobody special."""

from configparser import ConfigParser

import pytest

from local.processes import read_procfile
from tests.support.processes import ROOT

pytestmark = pytest.mark.once

PROCFILE = read_procfile(ROOT / "Procfile", {"release": 0})
UNITS = {
    path.stem.removeprefix("bellhop-").strip("@"): path for path in ROOT.glob("deploy/*.service")
}


def read(path):
    unit = ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str
    unit.read(path)
    return unit


def test_there_is_one_for_each_process():
    found = {name: read(path)["Service"]["ExecStart"] for name, path in UNITS.items()}
    assert {k: v.removeprefix("/srv/bellhop/.venv/bin/") for k, v in found.items()} == PROCFILE


@pytest.mark.parametrize("name", UNITS)
def test_each_is_fenced_in(name):
    service = read(UNITS[name])["Service"]
    assert service["User"] == "bellhop"
    assert (service["NoNewPrivileges"], service["ProtectSystem"]) == ("yes", "strict")
    assert int(service["TimeoutStopSec"]) >= 30


def test_the_target_starts_them_all():
    wanted = read(ROOT / "deploy/bellhop.target")["Unit"]["Wants"].split()
    files = {name.replace("@1.", "@.").replace("@2.", "@.") for name in wanted}
    assert files == {path.name for path in UNITS.values()}
