"""No stranger's request costs much: the real gunicorn, under each attack of the list. With -s each
tells what it cost."""

import pytest

from tests.support import attacks

pytestmark = pytest.mark.once

SECONDS = 3  # that /healthz may take, on two loaded cores; alone it takes less than one
MEGABYTES = 150
ALWAYS = (
    "30 sign-ins at once",
    "40 sounds at once, from 40 origins",
    "form of 9.9 MB to /login/, 3 at once",
    "JSON of 9.9 MB to /notices/new/, 8 at once",
    "file of 120 MB to /login/",
    "headers that trickle, 200",
    "a body that trickles, 200",
    "a body that nobody reads, 200",
    "opened and silent, 200",
    "8 answers that are not read, 200",
    "answered, to be closed, and kept open, 200",
)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in ALWAYS else pytest.mark.faults)
        for name in attacks.ATTACKS
    ],
)
def test_nobody_else_waits_and_memory_stays(site, name):
    cost = site.under(attacks.ATTACKS[name])
    print(f"| {name} | {cost.seconds:.2f} s | {cost.megabytes:.0f} MB | {cost.statuses} |")
    hashes = name == "30 sign-ins at once"  # which the cores have to do, after all
    done, asked = cost.statuses.get("200", 0), sum(cost.statuses.values())
    assert cost.seconds < (attacks.PATIENCE if hashes else SECONDS)
    assert cost.megabytes < MEGABYTES
    assert "500" not in cost.statuses
    if hashes or "sounds" in name:  # how many get through is a matter of the cores
        assert 0 < done < asked
    else:
        assert done == 0
