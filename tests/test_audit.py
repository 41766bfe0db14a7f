"""The advisory check of CI: an advisory fails, no network does not, and each is said in words."""

import json
import subprocess
import sys

import pytest

from tests.support.processes import ROOT

pytestmark = pytest.mark.once
FINE = {"name": "rq", "version": "2.12.0", "vulns": []}
SKIPPED = {"name": "django", "skip_reason": "not found"}
BAD = {"name": "pillow", "version": "9.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["9.1"]}]}


@pytest.mark.parametrize(
    ("found", "status", "said"),
    [
        ([FINE, SKIPPED], 0, "1 of 2 packages looked up, 0 found."),
        ([FINE, BAD], 1, "Advisory PYSEC-1: pillow 9.0. Fixed in 9.1."),
        ([SKIPPED, SKIPPED], 0, "Advisories: not looked up."),
        ([], 0, "Advisories: not looked up."),
        (None, 0, "Advisories: not looked up."),
    ],
)
def test_advisories(found, status, said):
    text = "" if found is None else json.dumps({"dependencies": found, "fixes": []})
    done = subprocess.run(
        [sys.executable, "bin/advisories.py"], cwd=ROOT, input=text, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (status, "")
    assert said in done.stdout


def test_ci_asks():
    assert "bin/audit" in (ROOT / ".ci" / "run").read_text().splitlines()
