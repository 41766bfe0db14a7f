"""Email by a mail server; for rehearsals, to the terminal or into files."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException

from django.conf import settings
from django.core.mail import get_connection
from django.utils.translation import gettext_noop as _

from notices.audience import suppression
from notices.content.messages import Templated, Wording
from notices.models import Delivery
from notices.providers import mime_template, registry
from notices.providers.base import Streaming
from notices.providers.errors import NotSent, Refused, TryLater, Unknown
from notices.providers.mime import message, reachable, sender
from notices.providers.smtp_client import SMTP, Mail

__all__ = ["Email"]


def said(answer: bytes | str) -> str:
    """A server's answer as one short line."""
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())[:150]


class Email(Streaming):
    def __init__(self, url: str = "") -> None:
        super().__init__(url)
        self.backend = get_connection()
        self.streams = not getattr(self.backend, "reports", False)
        self.name = registry.email_name(settings.EMAIL_BACKEND)

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
        try:
            self.backend.send_messages([message(delivery, wording)])
        except (OSError, SMTPException) as problem:
            raise self.explained(problem) from problem
        return ""

    def check(self, delivery: Delivery) -> None:
        reachable(delivery.address)

    def send_stream(
        self, messages: Iterator[Templated], may_leave: Callable[[Delivery], bool]
    ) -> Iterator[tuple[Delivery, NotSent | None]]:
        connection = getattr(self.backend, "connection", None)
        if not isinstance(connection, SMTP) or not connection.pipelines():
            yield from super().send_stream(messages, may_leave)
            return
        under_way: deque[Delivery] = deque()

        def mails() -> Iterator[Mail]:
            by = sender(settings.DEFAULT_FROM_EMAIL)
            for each in messages:
                under_way.append(each.delivery)
                mail = mime_template.filled(each)
                yield Mail(by, reachable(each.delivery.address), mail)

        try:
            for _mail, refusal in connection.sendmails(mails(), lambda: may_leave(under_way[0])):
                yield under_way.popleft(), self.explained(refusal) if refusal else None
        except (OSError, SMTPException) as problem:
            yield under_way.popleft(), self.explained(problem)
        finally:
            if not connection.sock:
                self.close()

    def explained(self, problem: Exception) -> NotSent:
        if isinstance(problem, SMTPRecipientsRefused):
            return self.answered(*next(iter(problem.recipients.values())))
        if isinstance(problem, SMTPResponseException):
            return self.answered(problem.smtp_code, problem.smtp_error)
        return self.connection_broke()

    def answered(self, code: int, answer: bytes | str) -> NotSent:
        if 400 <= code < 500:
            if code == 421:
                self.close()
            return TryLater(f"The mail server is busy ({code} {said(answer)}).")
        dead = "dead" if suppression.is_dead(said(answer)) else ""
        return Refused(f"The mail server refused it ({code} {said(answer)}).", suppress=dead)

    def connection_broke(self) -> NotSent:
        text_left = getattr(getattr(self.backend, "connection", None), "text_left", True)
        self.close()
        if text_left:
            return Unknown(_("The connection broke before the mail server answered."))
        return TryLater(_("The connection broke before the message left."))
