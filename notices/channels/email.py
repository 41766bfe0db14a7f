"""Email by a mail server; for rehearsals, to the terminal or into files."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException
from typing import Any

from django.conf import settings
from django.core.mail import get_connection
from django.utils.translation import gettext_noop as _

from notices import suppression
from notices.channels import mould
from notices.channels.base import Provider
from notices.channels.letter import letter, reachable, sender
from notices.channels.smtp import EmailBackend
from notices.errors import Refused, TryLater, Unknown
from notices.messages import Wording
from notices.models import Delivery


def words(answer: bytes | str) -> str:
    """A server's answer as one short line."""
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())[:150]


class Email(Provider):
    def __init__(self, url: str = "") -> None:
        super().__init__(url)
        self.backend = get_connection()
        self.numbers = getattr(self.backend, "numbers", False)
        self.name = settings.EMAIL_BACKEND.split(".")[-2]

    def open(self) -> None:
        try:
            self.backend.open()
        except SMTPResponseException as answer:
            self.close()
            code = answer.smtp_code
            raise TryLater(f"The mail server refused our connection ({code}).") from answer
        except (OSError, SMTPException) as problem:
            self.close()
            raise TryLater(_("The mail server cannot be reached.")) from problem

    def close(self) -> None:
        with suppress(OSError, SMTPException):  # the goodbye may fail; what was sent is sent
            self.backend.close()

    def send(self, delivery: Delivery, wording: Wording) -> str:
        return self.hand_over(lambda: self.backend.send_messages([letter(delivery, wording)]))

    def send_filled(self, delivery: Delivery, form: Wording, words: Mapping[str, str]) -> str:
        if not isinstance(self.backend, EmailBackend):
            return super().send_filled(delivery, form, words)
        by, to = sender(settings.DEFAULT_FROM_EMAIL), reachable(delivery.address)
        mail, line = mould.filled(delivery, form, words), self.backend.connection
        assert line  # open() came first
        return self.hand_over(lambda: line.sendmail(by, [to], mail))

    def hand_over(self, sending: Callable[[], Any]) -> str:
        try:
            sending()
        except SMTPRecipientsRefused as refusal:
            code, answer = next(iter(refusal.recipients.values()))
            raise self.answered(code, answer) from refusal
        except SMTPResponseException as refusal:
            raise self.answered(refusal.smtp_code, refusal.smtp_error) from refusal
        except (OSError, SMTPException) as problem:
            raise self.line_broke() from problem
        return ""

    def answered(self, code: int, answer: bytes | str) -> Exception:
        if 400 <= code < 500:
            if code == 421:
                self.close()
            return TryLater(f"The mail server is busy ({code} {words(answer)}).")
        dead = "dead" if suppression.is_dead(words(answer)) else ""
        return Refused(f"The mail server refused it ({code} {words(answer)}).", suppress=dead)

    def line_broke(self) -> Exception:
        text_left = getattr(getattr(self.backend, "connection", None), "text_left", True)
        self.close()
        if text_left:
            return Unknown(_("The connection broke before the mail server answered."))
        return TryLater(_("The connection broke before the message left."))
