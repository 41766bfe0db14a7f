"""docs/limits.md tells every limit as it is."""

import re
import runpy

import pytest
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders

from notices.receipts import anymail
from signup import budget, rates
from tests.support.processes import ROOT
from web import bodies, connection, server

pytestmark = pytest.mark.once

PAGE = (ROOT / "docs" / "limits.md").read_text()
ROWS = re.findall(r"\(`([A-Z_]+)`\) \| (\S+) \|$", PAGE, re.MULTILINE)
RATE = re.compile(r"\d+/(minute|hour|day)(;\d+/(minute|hour|day))*")


def test_every_limit_stands_there_as_it_is():
    known = {
        name: value
        for name, value in vars(rates).items()
        if isinstance(value, str) and RATE.fullmatch(value)
    }
    known |= {name: getattr(settings, name) for name in dir(settings) if "CODE_LIMIT" in name}
    assert dict(ROWS) == known
    assert len(ROWS) == len(known)


def test_sizes_and_times_stand_there_as_they_are():
    gunicorn = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    for sentence in (
        *(
            f"{few.at_once} at once, {few.places - few.at_once} more {waits}, "
            f"for {rates.TURN_SECONDS} s"
            for few, waits in ((rates.HASHES, "wait"), (rates.SOUNDS, "waits"))
        ),
        f"{bodies.SMALL // 1024} KB, told by its",
        f"{settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024**2} MB | 413",
        f"{anymail.LARGE // 1024**2} MB | 403",
        f"{settings.DATA_UPLOAD_MAX_NUMBER_FIELDS} | 400",
        f"{server.HEAD_BYTES // 1024} KB, 100 fields",
        f"{server.REQUEST_SECONDS} seconds to arrive",
        f"one, {server.LARGE_SECONDS}.",
        f"waits {connection.ANSWER_SECONDS} seconds",
        f"{gunicorn['worker_connections']} connections",
        f"hold {server.HELD_BYTES // 1024**2} MB",
    ):
        assert sentence in " ".join(PAGE.split()), sentence


def test_the_kernel_takes_the_largest_static_file_at_once():
    """Or a client that reads nothing would hold a thread for some seconds."""
    sizes = [store.size(name) for finder in get_finders() for name, store in finder.list(["*.map"])]
    assert max(sizes) < 0.8 * 2 * 212_992, "what Linux allows (net.core.wmem_max)"
    assert max(sizes) < server.ANSWER_BYTES


def test_the_budget_of_codes_stands_there_as_it_is():
    for row in (
        f"| to a prefix in 24 hours | {budget.DAY_OF_PREFIX};",
        f"| to a prefix in an hour | {budget.HOUR_OF_PREFIX};",
        f"| from a network in 24 hours | {budget.DAY_OF_NETWORK};",
        f"| from a network in an hour | {budget.HOUR_OF_NETWORK};",
    ):
        assert row in PAGE, row
