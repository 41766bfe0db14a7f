"""Nothing on a page or in a message is left in English for those who read Chinese."""

import os
import re
import shutil
import subprocess
import sys

import polib
import pytest

from tests.support.processes import ROOT

pytestmark = pytest.mark.once

CATALOGUE = ROOT / "site/locale/zh_Hans/LC_MESSAGES/django.po"
PLACES = re.compile(r"%\(\w+\)[sdf]|%[sd]")


@pytest.fixture(scope="module")
def catalogue():
    return polib.pofile(CATALOGUE)


def test_every_text_is_translated(catalogue):
    assert [entry.msgid for entry in catalogue if not entry.translated() or entry.fuzzy] == []


def test_translations_keep_the_places_that_are_filled_in(catalogue):
    for entry in catalogue:
        for text in entry.msgstr_plural.values() or [entry.msgstr]:
            wanted = entry.msgid_plural or entry.msgid
            assert sorted(PLACES.findall(text)) == sorted(PLACES.findall(wanted)), entry.msgid


def test_compiled_catalogue_is_up_to_date(catalogue):
    compiled = polib.mofile(CATALOGUE.with_suffix(".mo"))
    assert {(entry.msgctxt, entry.msgid): entry.msgstr for entry in compiled} == {
        (entry.msgctxt, entry.msgid): entry.msgstr for entry in catalogue
    }


@pytest.mark.skipif(not shutil.which("xgettext"), reason="gettext is missing: apt install gettext")
def test_catalogue_holds_every_text_of_the_source(catalogue, tmp_path):
    for name in ("manage.py", "jobs.py", "site", "signup", "notices"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    subprocess.run(
        [sys.executable, "manage.py", "makemessages", "-l", "zh_Hans", "--no-obsolete"],
        cwd=tmp_path, env=os.environ, check=True, capture_output=True,
    )  # fmt: skip
    found = polib.pofile(tmp_path / CATALOGUE.relative_to(ROOT))
    assert {entry.msgid for entry in found} == {entry.msgid for entry in catalogue}
