"""bin/manage, and that what the docs print runs as printed."""

import re
import shlex
import subprocess

import pytest
from django.core.management import get_commands, load_command_class

from tests.support import checkout
from tests.support.processes import ROOT

pytestmark = pytest.mark.once

PAGES = ["README.md", "docs/running.md", "docs/schedules.md", "docs/receipts.md"]


def printed(page):
    """The commands of a page's listings, without their comments."""
    text = (ROOT / page).read_text().replace("\\\n", " ")
    return re.findall(r"^ *bin/manage (.*)$", text, re.MULTILINE)


@pytest.mark.parametrize(
    "line", sorted({line for page in PAGES for line in printed(page)}), ids=lambda line: line[:40]
)
def test_every_printed_line_is_understood(line):
    name, *words = shlex.split(line, comments=True)
    command = load_command_class(get_commands()[name], name)
    command.create_parser("bin/manage", name).parse_args(words)


def test_lines_are_printed():
    assert len(printed("README.md")) > 8
    assert not [page for page in PAGES if re.search(r"^ *manage\.py ", (ROOT / page).read_text())]


def test_it_runs_from_any_folder(tmp_path):
    folder = checkout.copy(tmp_path / "bellhop")
    done = subprocess.run(
        [folder / "bin" / "manage", "notice", "show", "--help"], cwd=tmp_path, text=True,
        env=checkout.environment(DEBUG="1", SECRET_KEY="x" * 50), capture_output=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage: manage.py notice show" in done.stdout
