"""For the benchmark of preparing, in a process of its own.

python -m bench.processes.prepare session: prints the key of a session of staff.
python -m bench.processes.prepare rows: makes a delivery for everybody by bulk_create, and prints
the seconds that took.
"""

import sys
import time
from collections.abc import Iterator

import django

django.setup()

from django.test import Client  # noqa: E402

from bench.guests import SUBJECT, TEXT  # noqa: E402
from notices.models import Channel, Delivery, Notice  # noqa: E402
from signup.models import User  # noqa: E402


def session() -> None:
    staff = User.objects.create_user("reception", is_staff=True)
    client = Client()
    client.force_login(staff)
    print(client.cookies["sessionid"].value)


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
            message="notice", notice=notice, user=user, channel=Channel.EMAIL,
            address=user.email, name=user.username, language=user.language,
        )  # fmt: skip


if __name__ == "__main__":
    {"session": session, "rows": rows}[sys.argv[1]]()
