"""What the shape of the code is measured by: `python -m tests.support.house`.

A row for each figure, so that the next hand can count again and compare.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.processes import ROOT

ENGINE = [
    *sorted((ROOT / "notices" / "delivery").glob("*.py")),
    *(ROOT / "notices" / "providers" / f"{name}.py" for name in ("base", "errors", "router")),
    ROOT / "jobs.py",
]
PATCHED = re.compile(r"monkeypatch\.(setattr|setitem|delattr)\(")


def product() -> Iterator[Path]:
    """All Python that is neither a test, a benchmark nor a migration."""
    for top in ("notices", "signup", "site"):
        yield from (path for path in (ROOT / top).rglob("*.py") if "migrations" not in path.parts)
    yield ROOT / "jobs.py"


def writes_a_state(node: ast.AST) -> bool:
    """Whether it is an `update(state=…)`, an assignment to `.state`, or a save of that column."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr == "update" and "state" in {word.arg for word in node.keywords}
    if isinstance(node, ast.keyword) and node.arg == "update_fields":
        return "'state'" in ast.unparse(node.value)
    if not isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        return False
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    leaves = [leaf for target in targets for leaf in ast.walk(target)]
    return any(isinstance(leaf, ast.Attribute) and leaf.attr == "state" for leaf in leaves)


def state_writers() -> dict[Path, list[str]]:
    """Module -> its statements that write the state of a delivery or a notice. Those of a schedule
    and its occurrences, and of a file with people, are their own packages'."""
    theirs = (
        ROOT / "notices" / "schedules",
        ROOT / "notices" / "models" / "schedule.py",
        ROOT / "notices" / "pages" / "uploads.py",
        ROOT / "signup" / "uploads",
    )
    found: dict[Path, list[str]] = {}
    for path in product():
        if not any(path.is_relative_to(each) for each in theirs):
            nodes = filter(writes_a_state, ast.walk(ast.parse(path.read_text())))
            if said := [ast.unparse(node) for node in nodes]:
                found[path] = said
    return found


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def figures() -> Iterator[tuple[str, int]]:
    files = {path: lines(path) for path in product()}
    rooms = [each for each in (ROOT / "notices").iterdir() if each.name[0] not in "_."]
    tests = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "bench" / "tests").rglob("*.py")]
    yield "rooms at the top of notices/", len(rooms)
    yield "modules that write the state of a delivery or a notice", len(state_writers())
    yield "files of the engine", len([path for path in ENGINE if lines(path)])
    yield "lines of the engine", sum(map(lines, ENGINE))
    yield "lines of Python in the product", sum(files.values())
    yield "lines of the largest file", max(files.values())
    yield (
        "monkeypatches in the tests",
        sum(len(PATCHED.findall(path.read_text())) for path in tests if path != Path(__file__)),
    )


if __name__ == "__main__":
    for name, number in figures():
        print(f"{number:>8,}  {name}")
