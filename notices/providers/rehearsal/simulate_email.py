"""Email that only seems to go: `EMAIL_URL=simulate:`. The same fates as simulate.py's,
told as a mail server tells them.
"""

from collections.abc import Sequence
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from notices.channels import EMAIL
from notices.models import Delivery, State
from notices.providers.rehearsal import simulate

__all__ = ["EmailBackend"]


class EmailBackend(BaseEmailBackend):
    reports = True

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            for address in message.to:
                self.carry(address)
        return len(email_messages)

    def carry(self, address: str) -> None:
        what, delivery = simulate.fate(address), sending(address)
        tries = delivery.tries if delivery else 0
        if what == simulate.REFUSED:
            raise SMTPRecipientsRefused({address: (550, b"5.1.1 No such user")})
        if what == simulate.AWAY or (what == simulate.BUSY and tries <= simulate.TURNS_BUSY):
            raise SMTPRecipientsRefused({address: (450, b"4.2.1 Try again later")})
        if what == simulate.IN_DOUBT:
            raise SMTPServerDisconnected  # Email takes it that the text had left
        if delivery:
            simulate.tell(delivery, "simulate_email", f"sim-{delivery.pk}-{delivery.tries}")


def sending(address: str) -> Delivery | None:
    """The delivery that is being sent there now."""
    rows = Delivery.objects.filter(channel=EMAIL, address=address, state=State.SENDING)
    return rows.order_by("-changed_at").first()
