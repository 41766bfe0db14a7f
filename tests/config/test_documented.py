"""docs/settings.md and .env.example name each variable that the settings read, and no other."""

import ast
import re

import pytest

from tests.support.processes import ROOT
from tests.support.variables import READERS, in_settings

pytestmark = pytest.mark.once

PAGE = (ROOT / "docs/settings.md").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
ROWS = [line.split(" | ", 2) for line in PAGE.splitlines() if line.startswith("| `")]
NOT_OURS = {"ANYMAIL_…", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS"}


def names():
    return {name for row in ROWS for name in re.findall(r"`([A-Z_]+…?)`", row[0])}


def test_the_page_names_each_variable_once_and_no_other():
    found = [name for row in ROWS for name in re.findall(r"`([A-Z_]+…?)`", row[0])]
    assert len(found) == len(set(found))
    assert set(found) - NOT_OURS == in_settings()
    assert all(len(row) == 3 and row[2].strip(" |") for row in ROWS)


def test_the_example_names_each_variable_and_no_other():
    found = set(re.findall(r"^(?:# )?([A-Z_]+)=", EXAMPLE, re.MULTILINE))
    assert {name for name in found if not name.startswith("ANYMAIL_")} == {
        name for name in in_settings() if not name.startswith("ANYMAIL_")
    }


def test_the_defaults_are_those_of_the_code():
    told = {}
    for row in ROWS:
        told |= zip(re.findall(r"`([A-Z_]+)`", row[0]), row[1].split(", "), strict=False)
    for node in ast.walk(ast.parse((ROOT / "site/config/settings.py").read_text())):
        if not isinstance(node, ast.Call) or not ast.unparse(node.func).startswith(READERS):
            continue
        values = [*node.args[1:2], *(each.value for each in node.keywords if each.arg == "default")]
        name = getattr(node.args[0], "value", None) if node.args else None
        if name in told and values and isinstance(values[0], ast.Constant) and values[0].value:
            value = values[0].value
            assert f"`{int(value) if isinstance(value, bool) else value}`" in told[name], name
