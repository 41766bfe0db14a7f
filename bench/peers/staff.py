"""What staff do in the peers' project, in a process of its own.

python -m bench.peers.staff people N: fills the database with that many guests.
python -m bench.peers.staff PEER CHANNEL: has everybody written to, and prints the time.monotonic()
at which that began.
"""

import sys
import time

import django

django.setup()

import django_rq  # noqa: E402
from django.core.management import call_command  # noqa: E402
from post_office import mail  # noqa: E402

from bench.guests import SUBJECT, guest, html, plain  # noqa: E402
from bench.peers import sending, tasks  # noqa: E402
from bench.peers.models import User  # noqa: E402


def people(number: str) -> None:
    everyone = (User(**guest(n)._asdict()) for n in range(int(number)))
    User.objects.bulk_create(everyone, batch_size=5000)


def celery(channel: str) -> None:
    task = getattr(tasks, channel)
    for pk in User.objects.filter(is_active=True).values_list("pk", flat=True):
        task.delay(pk)


def rq(channel: str) -> None:
    queue, function = django_rq.get_queue("default"), getattr(sending, channel)
    for pk in User.objects.filter(is_active=True).values_list("pk", flat=True):
        queue.enqueue(function, pk)


def post_office(channel: str) -> None:
    """Queued in one go and sent by its own command, which need not wait for its minute."""
    everyone = User.objects.filter(is_active=True).values_list("username", "email")
    mail.send_many(
        [
            {
                "recipients": [address], "subject": SUBJECT,
                "message": plain(name), "html_message": html(name),
            }
            for name, address in everyone
        ]
    )  # fmt: skip
    call_command("send_queued_mail", processes=2)


if __name__ == "__main__":
    what, argument = sys.argv[1:]
    began = time.monotonic()
    globals()[what](argument)
    print(began)
