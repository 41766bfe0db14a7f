"""How a worker keeps its place among the rows that it has in hand (mailing.py).

It is said before each message, and so by a bare statement: the ORM takes ten times as long.
"""

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db import connection

from notices.delivery.states import LEASE
from notices.models import Delivery, Notice
from notices.providers.base import Provider

SENDING = Notice.State.SENDING.value
STAND_AT = (
    "UPDATE notices_slice SET at = %s, provider = %s, lease_until = %s WHERE token = %s AND"
    " EXISTS (SELECT 1 FROM notices_notice WHERE id = notice_id AND state = %s)"
)


def stand_at(delivery: Delivery, carrier: Provider, token: str) -> bool:
    """Says that the request for this row is about to leave; False when the notice was
    cancelled, or the sweep took the worker for dead."""
    until = lease_from(int(time.time()))
    with connection.cursor() as cursor:
        cursor.execute(STAND_AT, [delivery.pk, carrier.name, until, token, SENDING])
        return bool(cursor.rowcount)


@lru_cache(maxsize=1)
def lease_from(second: int) -> Any:
    """Until when the rows are ours, as the database takes it. `second`: unix time."""
    return connection.ops.adapt_datetimefield_value(datetime.fromtimestamp(second, UTC) + LEASE)
