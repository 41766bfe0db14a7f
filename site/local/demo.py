"""bin/up --demo: a house full of people and what was told them, to look at. All of it is invented;
nothing of it can reach anybody, and a second time it adds nothing."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import cycle, islice
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.management import CommandError
from django.db import transaction

from config import clock
from notices.models import Delivery, FailedAttempt, Notice, Receipt, Schedule, State, Suppression
from notices.schedules import actions
from signup import groups, usernames
from signup.models import User

PEOPLE = 2000
HARMLESS = ("console:", "file:", "simulate:", "memory:")  # nothing leaves this machine
BUILDINGS = ("Building A", "Building B", "Building C", "Night shift")
FIRST = ("Anna", "Ben", "Chen", "Dana", "Emil", "Fang", "Grace", "Hugo", "Ines", "Jun")
LAST = ("Moreau", "Okafor", "Silva", "Novak", "Wang", "Berg", "Costa", "Ito")
CHINESE = ("王小明", "李秀英", "张伟", "陈静", "刘洋", "黄丽", "周杰", "吴敏")
NOBODY_KNOWS = "The provider did not answer within 15 s."
# Of a hundred deliveries of a notice, how many are in which state, and why.
FINE = ((State.DELIVERED, 90, ""), (State.SENT, 8, ""), (State.FAILED, 2, "550 5.1.1 no such user"))
MIXED = (
    (State.DELIVERED, 74, ""),
    (State.SENT, 12, ""),
    (State.BOUNCED, 4, "550 5.1.1 no such user"),
    (State.FAILED, 2, "The number is not in service."),
    (State.SUPPRESSED, 3, "Unsubscribed."),
    (State.NO_ADDRESS, 3, "No email address is known."),
    (State.UNCERTAIN, 2, NOBODY_KNOWS),
)
PAUSED = ((State.SENT, 40, ""), (State.UNCERTAIN, 5, NOBODY_KNOWS), (State.QUEUED, 55, ""))
CANCELLED = ((State.SENT, 35, ""), (State.CANCELLED, 65, "The notice was cancelled."))
LIFT = "Dear ((name)),\n\nthe lift is **out of order** until Friday. Please take the stairs."
WATER = "Dear ((name)),\n\nthere is **no cold water** on Thursday from 9 to 12. Please store some."


def make() -> bool:
    """Whether anything was made. Raises CommandError where people could be reached."""
    check()
    if User.objects.filter(username=username(0)).exists():
        return False
    chance = random.Random(22)  # noqa: S311  the same people on every machine
    with transaction.atomic():
        people = make_people(chance)
        author = User.objects.filter(username="staff").first()
        for notice, outcomes in notices(author):
            notice.save()
            deliver(notice, people, outcomes, chance)
        add_receipts()
        add_schedules(author)
    return True


def check() -> None:
    if not settings.DEBUG:
        raise CommandError("DEBUG is 0: the demo is for this machine alone.")
    urls = [("EMAIL_URL", settings.EMAIL_URL), *(("SMS_URLS", url) for url in settings.SMS_URLS)]
    for name, url in urls:
        if url and not url.startswith(HARMLESS):
            raise CommandError(
                f"{name} names a provider, who could reach people. The demo goes with file:,"
                " console: and simulate: alone. Nothing was made."
            )


def username(number: int) -> str:
    return f"demo_{number:04}"


def make_people(chance: random.Random) -> list[User]:
    groups.Attribute.objects.get_or_create(name="room")
    people = []
    for number in range(PEOPLE):
        reach = number % 20  # one in twenty has no address, one no number
        people.append(
            User(
                username=username(number),
                name_key=usernames.key(username(number)),
                name=chance.choice(CHINESE)
                if number % 3 == 0
                else f"{chance.choice(FIRST)} {chance.choice(LAST)}",
                email="" if reach == 7 else f"{username(number)}@example.com",
                mobile=None if reach == 13 else f"+86139{number:08}",
                language="zh-hans" if number % 3 == 0 else "en",
                attributes={"room": f"{chance.randint(1, 9)}{chance.randint(1, 40):02}"},
                password=make_password(None),  # nobody signs in by it
            )
        )
    User.objects.bulk_create(people, batch_size=500)
    made = [groups.make(name)[0] for name in BUILDINGS]
    for number, group in enumerate(made[:3]):
        groups.add(group, [each.pk for each in people[number::3]])
    groups.add(made[3], [each.pk for each in people[::40]])
    return people


Outcomes = tuple[tuple[State, int, str], ...]


def notices(author: User | None) -> Iterator[tuple[Notice, Outcomes]]:
    """Six, none of which a worker goes on with today."""
    now, states = clock.now(), Notice.State
    over = {"state": states.FINISHED}

    def written(
        subject: str, text: str, channels: list[str], ago: timedelta, **facts: Any
    ) -> Notice:
        begun = now - ago
        times: dict[str, Any] = {"created_at": begun, "start_at": begun}
        if facts["state"] in (states.FINISHED, states.CANCELLED, states.PAUSED):
            times["started_at"] = begun + timedelta(seconds=10)
        if facts["state"] in (states.FINISHED, states.CANCELLED, states.EXPIRED):
            times["finished_at"] = begun + timedelta(minutes=4)
        facts = {"audience": Notice.Audience.EVERYONE, **times, **facts}
        return Notice(subject=subject, text=text, channels=channels, author=author, **facts)

    day = timedelta(days=1)
    yield written("Welcome to the house", WATER, ["email"], 30 * day, **over), FINE
    yield written("No cold water on Thursday", WATER, ["email", "sms"], 6 * day, **over), MIXED
    paused: dict[str, Any] = {
        "state": states.PAUSED,
        "paused_from": states.SENDING,
        "paused_at": now - day,
    }
    paused |= {"pause_reason": NOBODY_KNOWS}
    yield written("Fire drill on Monday", LIFT, ["sms"], day, **paused), PAUSED
    yield written("Summer party", LIFT, ["email"], 3 * day, state=states.CANCELLED), CANCELLED
    late = {"state": states.EXPIRED, "not_after": now - 2 * day}
    yield written("The car park is closed today", LIFT, ["sms"], 2 * day, **late), ()
    tomorrow = (now + day).replace(hour=1, minute=0, second=0, microsecond=0)
    waiting = {"state": states.WAITING, "start_at": tomorrow, "planned_for": tomorrow}
    yield written("The lift is out of order", LIFT, ["email", "sms"], timedelta(0), **waiting), ()


def deliver(notice: Notice, people: list[User], outcomes: Outcomes, chance: random.Random) -> None:
    states = [(state, why) for state, share, why in outcomes for _ in range(share)]
    chance.shuffle(states)
    if notice.state in (Notice.State.PAUSED, Notice.State.CANCELLED):
        states.sort(key=lambda each: each[0] in (State.QUEUED, State.CANCELLED))  # as it went
        states = [each for each in states for _ in range(PEOPLE // 100)]
    begun = notice.started_at
    if not states or not begun:
        return
    rows = []
    for channel in notice.channels:
        for person, (state, why) in zip(people, cycle(states), strict=False):
            rows.append(delivery(notice, person, channel, state, why, begun))
    Delivery.objects.bulk_create(rows, batch_size=500)


def delivery(
    notice: Notice, person: User, channel: str, state: State, why: str, at: datetime
) -> Delivery:
    address = person.email if channel == "email" else str(person.mobile or "")
    if not address:
        state, why = State.NO_ADDRESS, ""
    elif state == State.NO_ADDRESS:
        state, why = State.DELIVERED, ""
    went = state not in (State.QUEUED, State.SUPPRESSED, State.NO_ADDRESS, State.CANCELLED)
    return Delivery(
        message="notice", notice=notice, user=person, channel=channel, address=address,
        name=person.name, language=person.language, state=state, reason=why, tries=int(went),
        provider="file" if went else "",
        provider_ref=f"demo-{notice.pk}-{channel}-{person.pk}" if went else "",
        created_at=at, changed_at=at + timedelta(seconds=person.pk % 200),
    )  # fmt: skip


def add_receipts() -> None:
    """What brought some of the outcomes, and the opt-outs and dead addresses that came of it."""
    reported = Delivery.objects.filter(user__username__startswith="demo_", notice__isnull=False)
    kinds = {State.DELIVERED: Receipt.Kind.DELIVERED, State.BOUNCED: Receipt.Kind.BOUNCED}
    rows = []
    for state, kind in kinds.items():
        for each in islice(reported.filter(state=state).order_by("-pk"), 200):
            rows.append(
                Receipt(
                    provider=each.provider, ref=each.provider_ref, delivery_number=each.pk,
                    channel=each.channel, address=each.address, kind=kind, reason=each.reason,
                    at=each.changed_at, handled_at=each.changed_at,
                )
            )  # fmt: skip
    Receipt.objects.bulk_create(rows, batch_size=500)
    why: dict[tuple[str, str], Suppression.Kind] = {
        ("email", State.BOUNCED): Suppression.Kind.BOUNCED,
        ("email", State.SUPPRESSED): Suppression.Kind.UNSUBSCRIBED,
        ("sms", State.SUPPRESSED): Suppression.Kind.STOP,
        ("sms", State.BOUNCED): Suppression.Kind.DEAD,
    }
    told = reported.filter(state__in=(State.BOUNCED, State.SUPPRESSED))
    found = {
        (channel, address, why[channel, State(state)])
        for channel, address, state in told.values_list("channel", "address", "state")
    }
    Suppression.objects.bulk_create(
        Suppression(channel=channel, address=address, kind=kind)
        for channel, address, kind in sorted(found)
    )
    failed = reported.filter(state__in=(State.FAILED, State.UNCERTAIN))
    FailedAttempt.objects.bulk_create(
        (
            FailedAttempt(delivery=each, at=each.changed_at, provider="file", reason=each.reason)
            for each in failed
        ),
        batch_size=500,
    )


def add_schedules(author: User | None) -> None:
    """Two, of which each next time is some days ahead."""
    zone = settings.TIME_ZONE_DEFAULT
    start = (clock.now().astimezone(ZoneInfo(zone)) + timedelta(days=3)).replace(hour=9, minute=0)
    for subject, rule, group in (
        ("Bins go out tonight", "FREQ=WEEKLY", "Building A"),
        ("The monthly test of the alarm", "FREQ=MONTHLY", "Night shift"),
    ):
        actions.add(
            Schedule(
                subject=subject, text=f"Dear ((name)),\n\n{subject.lower()}.", channels=["email"],
                audience=Notice.Audience.GROUP, group=groups.find(group), author=author,
                rule=rule, zone=zone, start=f"{start:%Y-%m-%dT%H:%M}", late_minutes=60,
            )
        )  # fmt: skip
