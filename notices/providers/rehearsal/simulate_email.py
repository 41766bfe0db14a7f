"""Email that only seems to go: `EMAIL_URL=simulate:`. The same fates as simulate.py's,
told as a mail server tells them.
"""

import re
from collections.abc import Sequence
from email.utils import parseaddr
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from notices.channels import EMAIL
from notices.models import Delivery, State
from notices.providers.rehearsal import simulate

__all__ = ["EmailBackend"]

OWN_MESSAGE_ID = re.compile(r"<bellhop-(\d+)@")


class EmailBackend(BaseEmailBackend):
    reports = True

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            for person in message.to:
                self.carry(parseaddr(person)[1], sending(message))
        return len(email_messages)

    def carry(self, address: str, delivery: Delivery | None) -> None:
        what = simulate.fate(address)
        tries = delivery.tries if delivery else 0
        if what == simulate.REFUSED:
            raise SMTPRecipientsRefused({address: (550, b"5.1.1 No such user")})
        if what == simulate.AWAY or (what == simulate.BUSY and tries <= simulate.TURNS_BUSY):
            raise SMTPRecipientsRefused({address: (450, b"4.2.1 Try again later")})
        if what == simulate.IN_DOUBT:
            raise SMTPServerDisconnected  # Email takes it that the text had left
        if delivery:
            simulate.tell(delivery, "simulate_email", f"sim-{delivery.pk}-{delivery.tries}")


def sending(message: EmailMessage) -> Delivery | None:
    """The delivery whose email it is."""
    number = OWN_MESSAGE_ID.match(message.extra_headers.get("Message-ID", ""))
    rows = Delivery.objects.filter(channel=EMAIL, state=State.SENDING)
    return rows.filter(pk=number[1]).first() if number else None
