"""The environment variables that the product reads, by its source."""

import ast

from tests.support.processes import ROOT

READERS = ("read_", "env.str", "env.get")
FILES = ("site/config/settings.py", "gunicorn.conf.py")


def in_settings() -> set[str]:
    """NAME of each read_xxx("NAME", …), env.str("NAME", …) and environ.get("NAME")."""
    found = set()
    for file in FILES:
        for node in ast.walk(ast.parse((ROOT / file).read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called, first = ast.unparse(node.func), node.args[0]
            reads = called.startswith(READERS) or called.endswith("environ.get")
            if reads and isinstance(first, ast.Constant) and str(first.value).isupper():
                found.add(str(first.value))
    return found
