"""What staff do at Bellhop's desk, in a process of its own.

python -m bench.processes.staff people N: fills the database with that many guests.
python -m bench.processes.staff press CHANNEL: sends a notice to everyone, with no time to undo,
and prints the time.monotonic() of pressing.
"""

import sys
import time

import django

django.setup()

from django.utils import timezone  # noqa: E402

from bench.guests import SMS, SUBJECT, TEXT, guest  # noqa: E402
from notices import schedule  # noqa: E402
from notices.models import Notice  # noqa: E402
from signup.models import User  # noqa: E402


def people(number: str) -> None:
    everyone = (User(**guest(n)._asdict()) for n in range(int(number)))
    User.objects.bulk_create(everyone, batch_size=5000)


def press(channel: str) -> None:
    notice = Notice(
        subject=SUBJECT,
        text=SMS if channel == "sms" else TEXT,
        channels=[channel],
        audience=Notice.Audience.EVERYONE,
    )
    pressed = time.monotonic()
    schedule.accept(notice, timezone.now())
    print(pressed)


if __name__ == "__main__":
    {"people": people, "press": press}[sys.argv[1]](sys.argv[2])
