"""docs/api.md does what it says, and the document changes on purpose only."""

import json
import re
import shlex
import subprocess
from hashlib import sha256

import pytest

from notices.api import tokens
from notices.api.problems import CODES
from notices.api.v1 import api
from tests.support.processes import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = (ROOT / "docs" / "api.md").read_text()
# A version, what changed, and the digest of the document as it was then.
LINES = re.findall(r"^\| (1\.\d+) \| (.+) \| `?(\w*)`? ?\|$", PAGE, re.MULTILINE)
DOCUMENT = ROOT / "docs" / "openapi.json"


def examples():
    indented = re.findall(r"(?:^    .*\n)+", PAGE, re.MULTILINE)
    return [line for block in indented for line in block.replace("\\\n", " ").splitlines() if line]


def test_every_example_works(live_server):
    secret, trial = (
        tokens.make("crm", list(tokens.SCOPES), is_test=is_test)[1] for is_test in (False, True)
    )
    facts, states = {}, []
    for line in examples():
        said = line.replace("https://bellhop.example.com", live_server.url)
        said = said.replace("$TOKEN", secret).replace("$TEST_TOKEN", trial)
        said = said.replace("$ID", str(facts.get("id"))).replace(
            "$CODE", str(facts.get("test_code"))
        )
        words = shlex.split(said)
        assert words[0] == "curl"
        done = subprocess.run([*words, "-sS", "--fail-with-body"], capture_output=True, text=True)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        facts |= json.loads(done.stdout.splitlines()[-1])
        states.append(facts.get("state"))
    assert {"cancelled", "verified"} <= set(states)


def test_every_code_stands_on_the_page():
    told = set(re.findall(r"`([a-z_]+)`", PAGE.partition("## Problems")[2]))
    assert set(CODES) <= told


@pytest.mark.once
def test_the_document_changes_on_purpose():
    """After a change: manage.py shell -c "from tests.api.test_docs import write; write()", and a
    line at the end of docs/api.md, with the version, what changed, and this digest."""
    assert DOCUMENT.read_text() == document()
    version, _words, digest = LINES[-1]
    assert version == json.loads(document())["info"]["version"]
    assert digest == sha256(document().encode()).hexdigest()[:12]
    assert len({version for version, *_ in LINES}) == len(LINES)


def document():
    return json.dumps(api.get_openapi_schema(), indent=1, ensure_ascii=False) + "\n"


def write():
    DOCUMENT.write_text(document())
