"""What staff do in the peers' project, in a process of its own.

python -m bench.peers.staff people N: fills the database with that many guests.
python -m bench.peers.staff codes N: stores and queues that many codes.
python -m bench.peers.staff notice N: that many guests, and an email to each on a queue `notice`,
which nobody reads until it is renamed.
python -m bench.peers.staff PEER CHANNEL: has everybody written to, and prints the time.monotonic()
at which that began.
"""

import sys
import time

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from bench.guests import SUBJECT, guest, html, plain  # noqa: E402
from bench.peers import sending, tasks  # noqa: E402
from bench.peers.models import Code, User  # noqa: E402


def people(number: str) -> None:
    everyone = (User(**guest(n)._asdict()) for n in range(int(number)))
    User.objects.bulk_create(everyone, batch_size=5000)


def codes(number: str) -> None:
    made = Code.objects.bulk_create(
        Code(mobile=guest(n).mobile, salt=f"{n:032d}") for n in range(int(number))
    )
    for code in made:
        tasks.code.delay(code.pk)


def notice(number: str) -> None:
    people(number)
    for pk in User.objects.values_list("pk", flat=True):
        tasks.email.apply_async((pk,), queue="notice")


def celery(channel: str) -> None:
    task = getattr(tasks, channel)
    for pk in User.objects.filter(is_active=True).values_list("pk", flat=True):
        task.delay(pk)


def rq(channel: str) -> None:
    import django_rq  # only its own turn has it among its apps

    queue, function = django_rq.get_queue("default"), getattr(sending, channel)
    for pk in User.objects.filter(is_active=True).values_list("pk", flat=True):
        queue.enqueue(function, pk)


def post_office(_channel: str) -> None:
    """Queued in one go and sent by its own command, which need not wait for its minute."""
    from post_office import mail  # as above

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
