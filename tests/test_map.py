"""The map is true: every file and function that docs/architecture.md names exists."""

import ast
import re

import pytest

from tests.support.processes import ROOT

pytestmark = pytest.mark.once

MAP = ROOT / "docs" / "architecture.md"
NAMED = re.compile(r"`([\w/.-]+\.py)(?::([\w.]+))?`")
FOUND = sorted(set(NAMED.findall(MAP.read_text())))


def path_of(name):
    """As the map has it: from the top, or within notices/."""
    found = [ROOT / top / name for top in ("", "notices")]
    return next((path for path in found if path.exists()), None)


def names_in(path):
    """Functions, classes and methods: `send`, `Twilio.send`."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (
                f"{node.name}.{inner.name}" for inner in node.body if hasattr(inner, "name")
            )


def test_the_map_is_read():
    assert len(FOUND) > 50
    assert ("jobs.py", "send_code") in FOUND


@pytest.mark.parametrize(("file", "name"), FOUND)
def test_what_the_map_names_exists(file, name):
    path = path_of(file)
    assert path, f"there is no {file}"
    assert not name or name in set(names_in(path)), f"{file} has no {name}"


def test_the_map_names_every_transition():
    told = {name for file, name in FOUND if file == "delivery/states.py"}
    writers = {
        node.name
        for node in ast.parse((ROOT / "notices/delivery/states.py").read_text()).body
        if isinstance(node, ast.FunctionDef) and ".update(" in ast.unparse(node)
    }
    assert not writers - told


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/**/*.md")), ids=lambda page: page.name)
def test_every_page_names_files_that_exist(page):
    named = {name for name, _ in re.findall(r"((?:[a-z]\w*/)+\w+\.py)(\b)", page.read_text())}
    made_up = ("NAME.py", "__init__.py")
    assert not [name for name in named if not path_of(name) and not name.endswith(made_up)]


def test_the_readme_leads_to_it():
    links = re.findall(r"(?<!!)\[[^]]*\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    assert links[1] == "docs/architecture.md"
