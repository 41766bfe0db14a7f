"""What is old enough goes, and nothing else."""

from datetime import datetime, timedelta

from config import clock
from signup.audit.models import MIN_DAYS, Entry

CHUNK = 1000


def forget(before: datetime) -> int:
    """Removes what is older, in short steps; how many that were. Of the last MIN_DAYS the database
    lets nothing go, whatever is asked for."""
    until = min(before, clock.now() - timedelta(days=MIN_DAYS, minutes=1))
    removed = 0
    while chosen := list(
        Entry.objects.filter(at__lt=until).order_by("at").values_list("pk")[:CHUNK]
    ):
        rows = Entry.objects.filter(pk__in=[pk for (pk,) in chosen])
        removed += rows._raw_delete(rows.db)
    return removed
