"""Email by a mail server; for rehearsals, to the terminal or into files."""

import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from smtplib import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPNotSupportedError,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)
from ssl import SSLError

from django.conf import settings
from django.core.mail import get_connection
from django.utils.translation import gettext_noop as _

from notices.audience import bounces
from notices.content.messages import Templated, Wording
from notices.models import Delivery
from notices.providers import mime_template, registry
from notices.providers.base import Streaming
from notices.providers.errors import Away, NotSent, Refused, TryLater, Unknown
from notices.providers.mime import message, reachable, sender
from notices.providers.smtp_client import SMTP, Mail

__all__ = ["Email"]


def said(answer: bytes | str) -> str:
    """A server's answer as one short line."""
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())[:150]


def quoted(sentence: str, code: int, answer: bytes | str = "") -> str:
    """The sentence with what the server said behind it."""
    words = f"{code} {said(answer)}".strip().translate(BRACKETS)
    return f"{sentence.removesuffix('.')} ({words})."


UNREACHABLE = _("The mail server cannot be reached.")
SILENT = _("The mail server does not answer.")
CERTIFICATE = _("The mail server's certificate is not valid, or it speaks no TLS.")
NO_TLS = _("The mail server offers no TLS, which EMAIL_URL asks for.")
# What it said follows in brackets.
LOGIN = _("The mail server refuses our name or password.")
CLOSED = _("The mail server refuses our connection.")
NOT_OUR_SENDER = _("The mail server refuses our sender.")
NO_MORE = _("The mail server takes no more from us.")
BUSY = _("The mail server is busy.")
REFUSED = _("The mail server refused it.")

# What is about our account or the server as a whole, by the enhanced code (RFC 3463) or, where a
# server gives none, by its words; x.2.2 is the mailbox of the one to whom it goes.
OF_THE_ACCOUNT = re.compile(r"[45]\.(4\.5|3\.[12]|7\.(8|9|57))\b")
QUOTA = re.compile(
    r"(sending|daily|hourly|message|mail|rate) (\w+ )?(quota|limit|rate)"
    r"|(quota|limit) (\w+ )?(for the day|per (day|hour|minute))"
    r"|too many (messages|connections)|rate.?limit",
    re.IGNORECASE,
)
BRACKETS = str.maketrans("()", "[]")
OF_THE_MAILBOX = re.compile(r"\b[45]\.2\.\d|mailbox|recipient", re.IGNORECASE)


def is_of_the_account(code: int, answer: str) -> bool:
    """Whether an answer to a message holds for every other as well."""
    if code == 421 or OF_THE_ACCOUNT.match(answer):
        return True
    return bool(QUOTA.search(answer)) and not OF_THE_MAILBOX.search(answer)


def why_closed(problem: Exception) -> str:
    """Why no connection to it stands."""
    match problem:
        case SMTPAuthenticationError():
            return quoted(LOGIN, problem.smtp_code)
        case SMTPResponseException():
            return quoted(CLOSED, problem.smtp_code)
        case SMTPNotSupportedError():
            return NO_TLS
        case SSLError():
            return CERTIFICATE
        case TimeoutError():
            return SILENT
    return UNREACHABLE


class Email(Streaming):
    guarded = True

    def __init__(self, url: str = "", backend: str = "") -> None:
        super().__init__(url)
        self.backend = get_connection(backend or None)
        self.streams = not getattr(self.backend, "reports", False)
        self.name = registry.email_name(backend or settings.EMAIL_BACKEND)

    def open(self) -> None:
        try:
            self.backend.open()
        except (OSError, SMTPException) as problem:
            self.close()
            raise Away(why_closed(problem)) from problem

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
        self,
        messages: Iterator[Templated],
        may_leave: Callable[[Delivery], bool],
        waiting: Callable[[], None] = lambda: None,
    ) -> Iterator[tuple[Delivery, NotSent | None]]:
        connection = getattr(self.backend, "connection", None)
        if isinstance(connection, SMTP):
            connection.be_patient(waiting)
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
        if isinstance(problem, SMTPSenderRefused):
            self.close()
            return Away(quoted(NOT_OUR_SENDER, problem.smtp_code, problem.smtp_error))
        if isinstance(problem, SMTPResponseException):
            return self.answered(problem.smtp_code, problem.smtp_error)
        return self.connection_broke()

    def answered(self, code: int, answer: bytes | str) -> NotSent:
        if is_of_the_account(code, said(answer)):
            self.close()
            return Away(quoted(NO_MORE, code, answer))
        if 400 <= code < 500:
            return TryLater(quoted(BUSY, code, answer))
        dead = "dead" if bounces.is_dead(said(answer)) else ""
        return Refused(quoted(REFUSED, code, answer), suppress=dead)

    def connection_broke(self) -> NotSent:
        text_left = getattr(getattr(self.backend, "connection", None), "text_left", True)
        self.close()
        if text_left:
            return Unknown(_("The connection broke before the mail server answered."))
        return TryLater(_("The connection broke before the message left."))
