"""Dockerfile and compose.yaml, without a registry of images: what they name is there, and what they
run is what the Procfile runs."""

import fnmatch
import re
import shlex
from pathlib import Path

import pytest
import yaml

from local.processes import read_procfile
from tests.support.processes import ROOT
from tests.support.variables import in_settings

pytestmark = pytest.mark.once

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = {name: each for name, each in COMPOSE["services"].items() if each["image"] == "bellhop"}
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
LINES = [line.split(maxsplit=1) for line in DOCKERFILE.splitlines() if line[:1].isupper()]
PROCFILE = read_procfile(ROOT / "Procfile", {})


def words(command):
    found = shlex.split(command) if isinstance(command, str) else command
    return found[2] if found[:2] == ["sh", "-c"] else shlex.join(found)


def test_each_process_of_the_procfile_runs_as_the_procfile_has_it():
    assert {name: words(each["command"]) for name, each in OURS.items()} == PROCFILE


def test_the_image_runs_the_web_process_by_itself_and_not_as_root():
    last = dict(LINES)
    assert shlex.join(yaml.safe_load(last["CMD"])) == PROCFILE["web"]
    assert last["USER"].isdecimal()
    assert int(last["USER"]) > 0
    assert DOCKERFILE.rindex("\nUSER") > DOCKERFILE.rindex("\nRUN")


def test_what_is_installed_is_checked_by_hash():
    [pip] = re.findall(r"pip install .*", DOCKERFILE)
    assert "--require-hashes" in pip
    assert "--hash=sha256" in (ROOT / "requirements/production.txt").read_text()


def test_what_is_copied_is_there_and_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    taken = [line[1:] for line in ignored if line.startswith("!")]
    assert all((ROOT / name).exists() for name in taken)
    for kind, value in LINES:
        if kind == "COPY" and not value.startswith("--from"):
            source = value.split()[0]
            assert source == "." or source in taken
    secret = (".env", "var", ".git", "docs", "tests")
    assert not [name for name in secret if any(fnmatch.fnmatch(name, each) for each in taken)]
    needed = {path.name for path in ROOT.iterdir() if path.suffix == ".py" or path.name == "site"}
    assert needed <= {Path(name).parts[0] for name in taken}


@pytest.mark.parametrize("name", OURS)
def test_each_variable_is_one_that_the_settings_read(name):
    assert set(OURS[name]["environment"]) <= in_settings()


def test_who_starts_after_whom_and_what_is_kept_is_there():
    for each in COMPOSE["services"].values():
        assert set(each.get("depends_on", {})) <= set(COMPOSE["services"])
        for volume in each.get("volumes", []):
            assert volume.partition(":")[0] in COMPOSE["volumes"]
    for name in ("web", "postgresql", "valkey"):
        assert COMPOSE["services"][name]["healthcheck"]["test"]
    assert COMPOSE["services"]["worker"]["deploy"]["replicas"] == 2
    assert "--maxmemory-policy noeviction" in COMPOSE["services"]["valkey"]["command"]
