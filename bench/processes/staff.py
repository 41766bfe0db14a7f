"""What staff do at Bellhop's desk, in a process of its own.

python -m bench.processes.staff press CHANNEL: sends a notice to everyone, with no time to undo,
and prints the time.monotonic() of pressing.
python -m bench.processes.staff session: prints the key of a session of theirs.
python -m bench.processes.staff rows: makes a delivery for everybody by bulk_create, and prints the
seconds that took.
"""

import sys
import time
from collections.abc import Callable, Iterator

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from bench.guests import SMS, SUBJECT, TEXT  # noqa: E402
from notices.delivery import lifecycle  # noqa: E402
from notices.models import Delivery, Notice  # noqa: E402
from signup.models import User  # noqa: E402
from tests.support.world import with_rights  # noqa: E402


def press(channel: str) -> None:
    notice = Notice(
        subject=SUBJECT,
        text=SMS if channel == "sms" else TEXT,
        channels=[channel],
        audience=Notice.Audience.EVERYONE,
    )
    pressed = time.monotonic()
    lifecycle.accept(notice, timezone.now())
    print(pressed)


def session() -> None:
    staff = User.objects.create_user("reception", is_staff=True)
    client = Client()
    client.force_login(with_rights(staff))
    print(client.cookies[settings.SESSION_COOKIE_NAME].value)


def rows() -> None:
    notice = Notice.objects.create(
        subject=SUBJECT, text=TEXT, channels=["email"], audience=Notice.Audience.EVERYONE
    )
    began = time.monotonic()
    Delivery.objects.bulk_create(deliveries(notice), batch_size=1000)
    print(time.monotonic() - began)


def deliveries(notice: Notice) -> Iterator[Delivery]:
    for user in User.objects.filter(is_active=True).iterator():
        yield Delivery(
            message="notice", notice=notice, user=user, channel="email",
            address=user.email, name=user.username, language=user.language,
        )  # fmt: skip


if __name__ == "__main__":
    what: dict[str, Callable[..., None]] = {"press": press, "session": session, "rows": rows}
    what[sys.argv[1]](*sys.argv[2:])
