"""Short ways to what the tests of notices need."""

from django.db import connection
from django.utils import timezone

from notices import audience, schedule
from notices.models import Delivery, Notice


def notice(staff=None, **changes):
    """An unsaved notice to everyone by email."""
    pasted = changes.pop("pasted", None)
    facts = {
        "subject": "Lift out of order",
        "text": "Dear ((name)),\n\nthe lift is **out of order** until Friday.",
        "channels": ["email"],
        "audience": Notice.Audience.EVERYONE,
        "author": staff,
    } | changes
    if pasted is not None:
        facts["audience"] = Notice.Audience.ADDRESSES
        facts["addresses"] = str(audience.read(pasted, facts["channels"]))
    return Notice(**facts)


def sent_now(staff=None, **changes):
    """A notice accepted without the time to undo."""
    new = notice(staff, **changes)
    schedule.accept(new, timezone.now())
    return new


def states(notice):
    """Address -> state of each delivery."""
    rows = Delivery.objects.filter(notice=notice).values_list("address", "state")
    return dict(rows)


def database_url() -> str:
    """The test database, for processes."""
    facts = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{facts['NAME']}"
    host = f"{facts['USER']}:{facts['PASSWORD']}@{facts['HOST']}:{facts['PORT']}"
    return f"postgres://{host}/{facts['NAME']}"
