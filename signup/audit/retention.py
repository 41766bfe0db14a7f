"""What is old enough goes, and nothing else."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from config import clock
from signup.audit.models import MIN_DAYS, Entry

CHUNK = 1000


def forget(old: datetime) -> Iterator[None]:
    """Removes what is older; yields after each chunk. Of the last MIN_DAYS the database lets
    nothing go, whatever is asked for."""
    until = min(old, clock.now() - timedelta(days=MIN_DAYS, minutes=1))
    entries = Entry.objects.filter(at__lt=until).order_by("at")
    while chosen := list(entries.values_list("pk", flat=True)[:CHUNK]):
        rows = Entry.objects.filter(pk__in=chosen)
        rows._raw_delete(rows.db)
        yield
