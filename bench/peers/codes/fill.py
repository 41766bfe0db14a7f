"""python -m bench.peers.codes.fill codes N: that many codes, stored and queued.
python -m bench.peers.codes.fill notice N: that many users, and for each a task on a queue `notice`
that nobody reads until it is renamed."""

import sys

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402

from bench.guests import guest  # noqa: E402
from bench.peers.codes.models import Message  # noqa: E402
from bench.peers.codes.tasks import send_code, send_notice  # noqa: E402


def codes(number: int) -> None:
    made = Message.objects.bulk_create(
        Message(mobile=guest(n).mobile, salt=f"{n:032d}") for n in range(number)
    )
    for message in made:
        send_code.delay(message.pk)


def notice(number: int) -> None:
    people = (guest(n) for n in range(number))
    made = User.objects.bulk_create(User(username=one.username, email=one.email) for one in people)
    for user in made:
        send_notice.apply_async((user.pk,), queue="notice")


if __name__ == "__main__":
    call_command("migrate", verbosity=0)  # the users, to whom the models of this app point
    call_command("migrate", run_syncdb=True, verbosity=0)
    {"codes": codes, "notice": notice}[sys.argv[1]](int(sys.argv[2]))
