"""Puts half of the people into a group, gives each a building, saves an audience of both, and
prints in ms what counting it took, each of five times.

python -m bench.processes.house
"""

import json
import time

import django

django.setup()

from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from notices.audience import conditions  # noqa: E402
from notices.channels import CHANNELS  # noqa: E402
from notices.models import SavedAudience  # noqa: E402
from notices.pages.reach import reach_of_people  # noqa: E402
from signup import groups  # noqa: E402

NAME = "Half"


def house() -> SavedAudience:
    group = groups.make("Tenants")[0]
    groups.make_attribute("building")
    made = "jsonb_build_object" if connection.vendor == "postgresql" else "json_object"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO signup_membership (group_id, user_id)"
            " SELECT %s, id FROM signup_user WHERE id %% 2 = 0",
            [group.pk],
        )
        cursor.execute(f"UPDATE signup_user SET attributes = {made}('building', 'B' || (id % 10))")
        cursor.execute("VACUUM" if connection.vendor == "sqlite" else "VACUUM ANALYZE")
    wanted = [("group", "Tenants", False), ("attribute:building", "B0", True)]
    rows = [[conditions.read(what, value, negated=negated) for what, value, negated in wanted]]
    return SavedAudience.objects.create(
        name=NAME, key=groups.key_of(NAME), conditions=rows, changed_at=timezone.now()
    )


def count(saved: SavedAudience) -> float:
    began = time.monotonic()
    reach_of_people(conditions.fitting(saved.conditions), list(CHANNELS.values()))
    return 1000 * (time.monotonic() - began)


if __name__ == "__main__":
    audience = house()
    print(json.dumps([count(audience) for _each in range(5)]))
