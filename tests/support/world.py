"""Short ways to what the tests of notices need."""

from zoneinfo import ZoneInfo

from django.contrib.auth.models import Permission
from django.db import OperationalError, connection
from django.utils import timezone

import jobs
from notices import rights
from notices.audience import recipients
from notices.delivery import lifecycle, recovery, single, states
from notices.models import CONTENT_FIELDS, Delivery, Notice, Schedule
from notices.schedules import actions
from signup.models import User


def with_rights(user: User, *names: str) -> User:
    """A user who may do these, or all that staff may."""
    names = names or tuple(rights.WORDS)
    codenames = [name.partition(".")[2] for name in names]
    ours = Permission.objects.filter(content_type__app_label__in=["notices", "signup"])
    user.user_permissions.set(ours.filter(codename__in=codenames))
    return user


CONTENT = (*CONTENT_FIELDS, "pasted")


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
        facts["addresses"] = str(recipients.read(pasted, facts["channels"]))
    return Notice(**facts)


def sent_now(staff=None, **changes):
    """A notice accepted without the time to undo."""
    new = notice(staff, **changes)
    lifecycle.accept(new, timezone.now())
    return new


def states_of(notice):
    """Address -> state of each delivery."""
    rows = Delivery.objects.filter(notice=notice).values_list("address", "state")
    return dict(rows)


def send_single(delivery):
    """As its job does; when to try again, if ever."""
    return single.send(delivery.pk, delivery.channel).get(delivery.pk)


def swept():
    """A sweep, and what it rings for: (job's name, arguments)."""
    return [(job.__name__, args) for job, args in recovery.run(jobs.bells())]


def woken():
    """What a sweep has woken soon: (when, job's name, number)."""
    return [(when, job.__name__, number) for when, job, number in recovery.wake_ups(jobs.bells())]


def database_url() -> str:
    """The test database, for processes."""
    facts = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{facts['NAME']}"
    host = f"{facts['USER']}:{facts['PASSWORD']}@{facts['HOST']}:{facts['PORT']}"
    return f"postgres://{host}/{facts['NAME']}"


def repeated(rule="FREQ=HOURLY", zone="Asia/Shanghai", start=None, **changes):
    """A saved schedule to everyone by email that plans from this moment on."""
    written = notice(None, **{key: changes.pop(key) for key in list(changes) if key in CONTENT})
    facts = {name: getattr(written, name) for name in CONTENT_FIELDS}
    local = timezone.now().astimezone(ZoneInfo(zone)).replace(minute=0, second=0)
    new = Schedule(
        **facts, rule=rule, zone=zone, start=start or f"{local:%Y-%m-%dT%H:%M}", **changes
    )
    actions.add(new)
    return new


def record_fails_once(monkeypatch, address=""):
    """The database is away when outcomes, or that of this address, are first recorded."""
    kept, trouble = states.record_all, [OperationalError("away")]

    def record_with_trouble(outcomes, token):
        if trouble and outcomes and address in ("", *(one.delivery.address for one in outcomes)):
            raise trouble.pop()
        kept(outcomes, token)

    monkeypatch.setattr(states, "record_all", record_with_trouble)
