"""Requests as a web process handles them: python visits.py FIRST LAST SEED DYING. Of the visits
FIRST to LAST every second one is rolled back; of the share DYING the process dies after the commit
and before anything is queued. Even pairs of visits write a notice, odd ones sign somebody up."""

import os
import sys
import zlib
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parent.parent.parent


class RolledBack(Exception):  # noqa: N818
    pass


def fate(number: int, seed: str, dying: float) -> str:
    """What becomes of a visit: the same in every run of a seed."""
    if number % 2:
        return "rolled back"
    chance = Random(zlib.crc32(f"{seed}:{number}".encode())).random()
    return "dies" if chance < dying * 2 else "committed"  # of all visits, half are rolled back


def address(number: int) -> str:
    return f"visit{number}@example.com"


def write_notice(number: int) -> None:
    from django.utils import timezone

    from notices.delivery import lifecycle
    from notices.models import Notice

    notice = Notice(
        subject=f"Visit {number}", text="Dear ((name)), hello.", channels=["email"],
        audience=Notice.Audience.ADDRESSES, addresses=address(number),
    )  # fmt: skip
    lifecycle.accept(notice, timezone.now())


def sign_up(number: int) -> None:
    from signup import flow
    from signup.models import Verification

    mobile = f"+86139{number:08d}"
    verification = Verification.objects.create(mobile=mobile, salt=f"{number:032d}")
    person = {
        "username": f"visitor_{number}", "name": "", "email": address(number),
        "password": "right horse 22",
    }  # fmt: skip
    flow.register(person, "https://bellhop.example.com", verification)


def interrupt(what: str) -> None:
    """Every notice and every delivery that is stored from now on meets this fate."""
    from django.db import transaction
    from django.db.models.signals import post_save

    from notices.models import Delivery, Notice

    def meet(**_: object) -> None:
        if what == "rolled back":
            raise RolledBack
        transaction.on_commit(lambda: os._exit(1))  # after the commit, before the bell

    for model in (Notice, Delivery):
        post_save.connect(meet, model, weak=False, dispatch_uid="visits")


def go_on() -> None:
    from django.db.models.signals import post_save

    from notices.models import Delivery, Notice

    for model in (Notice, Delivery):
        post_save.disconnect(sender=model, dispatch_uid="visits")


def visit(number: int, what: str) -> None:
    if what != "committed":
        interrupt(what)
    try:
        (sign_up if number // 2 % 2 else write_notice)(number)
    except RolledBack:
        pass
    else:
        assert what == "committed", f"visit {number} was not {what}"
    finally:
        go_on()


def main(first: str, last: str, seed: str, dying: str) -> None:
    sys.path[:0] = [str(ROOT), str(ROOT / "site")]
    import django

    django.setup()
    from django.conf import settings
    from django.db import connections

    # Hashing a password is slow on purpose; here it would only lengthen the test.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    for number in range(int(first), int(last)):
        what = fate(number, seed, float(dying))
        if what == "dies":
            connections.close_all()
            child = os.fork()
            if child:
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
                continue
            try:
                visit(number, what)
            finally:
                os._exit(2)  # not reached: the hook ended this child
        visit(number, what)


if __name__ == "__main__":
    main(*sys.argv[1:])
