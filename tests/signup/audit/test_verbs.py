"""What is told is either kept, with a sentence, or only a line of the log; and no sentence is there
that nobody tells."""

import ast

import pytest

from notices.pages import groups, kinds
from signup.audit.verbs import SENTENCES, STEPS
from tests.test_layout import MODULES, calls

pytestmark = pytest.mark.once

# Lines of the log alone: what was refused, and what is seen from other entries.
ONLY_LOGGED = {"refused", "limit", "budget", "sign-out", "second-factor"}
ELSEWHERE = {  # told by a name that is put in
    "approved", "sent-back", "settings-changed", "let-go", "settled", "user-changed",
    "rights-changed",
}  # fmt: skip


def told():
    for name in MODULES:
        for call in calls(name, "security.tell", "tell"):
            yield from (
                (name, leaf.value)
                for leaf in ast.walk(call.args[0] if call.args else call)
                if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)
            )


def test_every_verb_has_a_sentence_or_is_only_logged():
    verbs = {verb for name, verb in told() if not name.startswith("notices.providers")}
    verbs -= {"mobile_changed", "email_changed"}  # messages of account/changes.py
    verbs -= {"approval_asked", "approval_answered"}  # and of delivery/approval.py
    assert verbs - set(SENTENCES) - ONLY_LOGGED == set()
    assert set(SENTENCES) - verbs - ELSEWHERE == set()
    assert all(len(verb) <= 30 for verb in SENTENCES)


def test_every_step_of_groups_and_kinds_has_words():
    by_api = {"members"}
    assert {*groups.STEPS, *kinds.STEPS, *by_api} == set(STEPS)
