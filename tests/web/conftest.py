"""The web process of a built checkout, once for the tests of this folder."""

import subprocess

import pytest

from tests.support import attacks, checkout


@pytest.fixture(scope="package")
def site(tmp_path_factory):
    folder = checkout.copy(tmp_path_factory.mktemp("attacked") / "app")
    subprocess.run(
        [folder / ".venv" / "bin" / "python", "manage.py", "collectstatic", "--noinput", "-v0"],
        cwd=folder, env={"PATH": "/usr/bin:/bin"}, check=True,
    )  # fmt: skip
    with attacks.site(folder) as site:
        yield site
