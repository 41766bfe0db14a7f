"""No stranger's request costs much: the real gunicorn, under each attack of the list."""

import os
import subprocess

import pytest

from tests.support import attacks, checkout

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = checkout.copy(tmp_path_factory.mktemp("attacked") / "app")
    subprocess.run(
        [folder / ".venv" / "bin" / "python", "manage.py", "collectstatic", "--noinput", "-v0"],
        cwd=folder, env={"PATH": "/usr/bin:/bin"}, check=True,
    )  # fmt: skip
    return folder


def test_all(built):
    failed = []
    for name, attack in attacks.listed(built).items():
        if os.environ.get("ONLY", "") not in name:
            continue
        with attacks.site(built) as site:
            before = site.peak()
            cost = site.under(attack)
            print(
                f"| {name} | {cost.seconds:.2f} s | {before:.0f} → {cost.megabytes:.0f} MB | {cost.statuses} |",
                flush=True,
            )
