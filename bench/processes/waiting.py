"""Codes that wait: python -m bench.processes.waiting N stores that many at Bellhop and rings."""

import sys
from datetime import timedelta

import django

django.setup()

from django.utils import timezone  # noqa: E402

import jobs  # noqa: E402
from bench.guests import guest  # noqa: E402
from notices.models import Channel, Delivery  # noqa: E402
from signup.models import Verification  # noqa: E402


def main(number: int) -> None:
    until = timezone.now() + timedelta(days=1)  # a copy of them may lie for a while
    verifications = Verification.objects.bulk_create(
        Verification(mobile=guest(n).mobile, salt=f"{n:032d}", expires_at=until)
        for n in range(number)
    )
    deliveries = Delivery.objects.bulk_create(
        Delivery(
            message="code",
            channel=Channel.SMS,
            address=str(verification.mobile),
            verification=verification,
            expires_at=until,
        )
        for verification in verifications
    )
    for delivery in deliveries:
        assert jobs.push(jobs.send_code, delivery.pk)


if __name__ == "__main__":
    main(int(sys.argv[1]))
