"""Django's SMTP backend. It knows whether the text of a message had left when the line broke, and
where the server allows it does not wait for answers that it does not need yet (RFC 2920).

Before the text left the server cannot have accepted the message, after it nobody knows.
"""

import math
import re
import smtplib
import time
from collections.abc import Callable, Iterator, Sequence
from email import message_from_bytes
from email.policy import compat32
from io import BufferedReader, RawIOBase
from socket import socket
from typing import Any, NamedTuple

from django.core.mail.backends import smtp

__all__ = [
    "ANSWER_SECONDS", "ENVELOPE_SECONDS", "LOOK_SECONDS", "PATIENT_SECONDS", "SMTP",
    "EmailBackend", "Mail",
]  # fmt: skip

SEVEN_BIT = compat32.clone(cte_type="7bit", linesep="\r\n")
PLAIN = re.compile(r"[\w.+-]+@[\w.-]+", re.ASCII)


class Mail(NamedTuple):
    sender: str
    recipient: str
    content: bytes
    options: Sequence[str] = ()


Refusal = smtplib.SMTPException | None

# For the whole of each, however it comes: a server that drips is one that does not answer.
OPEN_SECONDS = 20  # to connect, its banner, TLS, the login
ENVELOPE_SECONDS = 10  # the answers to an envelope
ANSWER_SECONDS = 18  # the answer to a text that one person waits for, less than a lease with others
PATIENT_SECONDS = 600  # to one of a notice (RFC 5321, 4.5.3.2.6)
LOOK_SECONDS = 5  # between two signs of life meanwhile


class Answers(RawIOBase):
    """What a server says, until the connection's deadline."""

    def __init__(self, sock: socket, connection: "SMTP") -> None:
        self.sock, self.connection = sock, connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        usual = self.sock.gettimeout()
        try:
            while (left := self.connection.until - time.monotonic()) > 0:
                self.sock.settimeout(min(left, LOOK_SECONDS))
                try:
                    return self.sock.recv_into(buffer)
                except TimeoutError:
                    self.connection.waiting()
            raise TimeoutError
        finally:
            self.sock.settimeout(usual)


class SMTP(smtplib.SMTP):
    text_left = False
    nested = False  # the server still has a sender, of a message that it did not take
    until = math.inf  # time.monotonic(): the answers that are waited for must have come
    answer_seconds = ANSWER_SECONDS

    def waiting(self) -> None:
        """An answer is still waited for."""

    def be_patient(self, waiting: Callable[[], None]) -> None:
        """With the answer to a text. `waiting` is called meanwhile."""
        self.answer_seconds = PATIENT_SECONDS
        self.waiting = waiting  # type: ignore[method-assign]

    def within(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds

    def connect(self, *args: Any, **kwargs: Any) -> Any:
        self.within(OPEN_SECONDS)
        return super().connect(*args, **kwargs)

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock:
            self.file = BufferedReader(Answers(self.sock, self))
        return super().getreply()

    def quit(self) -> Any:
        self.within(ENVELOPE_SECONDS)
        return super().quit()

    def mail(self, *args: Any, **kwargs: Any) -> Any:
        self.text_left = False
        self.within(ENVELOPE_SECONDS)
        return super().mail(*args, **kwargs)

    def data(self, *args: Any, **kwargs: Any) -> Any:
        self.text_left = True
        self.within(self.answer_seconds)
        return super().data(*args, **kwargs)

    def pipelines(self) -> bool:
        return self.has_extn("pipelining")

    def sendmail(
        self, from_addr: str, to_addrs: str | Sequence[str], msg: Any, *args: Any, **kwargs: Any
    ) -> Any:
        if args or kwargs:
            return super().sendmail(from_addr, to_addrs, msg, *args, **kwargs)
        if not self.pipelines() or len(to_addrs) > 1:
            content, options = self.as_it_takes(msg)
            return super().sendmail(from_addr, to_addrs, content, options)
        mail = Mail(from_addr, to_addrs[0], msg)
        [(_mail, refusal)] = list(self.sendmails(iter([mail]), lambda: True))
        if refusal:
            raise refusal
        return {}

    def sendmails(
        self, mails: Iterator[Mail], may_leave: Callable[[], bool]
    ) -> Iterator[tuple[Mail, Refusal]]:
        """Each mail, and None when it was accepted. Just before the text of one leaves `may_leave`
        is asked; the line is closed when it says no, or the server does not want to go on.

        The envelope of the next goes with the text of one: a message takes one turn, and is made
        while the server thinks about the one before."""
        letters = to_the_end(map(self.taken, mails))
        mail, following = next(letters, None), next(letters, None)
        try:
            self.send(self.envelope(mail))
            while mail and self.sock:
                if isinstance(mail, Exception):
                    raise mail
                self.within(ENVELOPE_SECONDS)
                refusal = self.refusal(mail)
                if not refusal and not may_leave():
                    return
                text = b"" if refusal else stuffed(mail.content)
                self.text_left = not refusal
                if self.sock:
                    self.send(text + self.envelope(following))
                further = next(letters, None) if following else None
                if self.text_left:
                    self.within(self.answer_seconds)
                    code, answer = self.reply()
                    self.text_left = False
                    refusal = None if code == 250 else smtplib.SMTPDataError(code, answer)
                yield mail, refusal
                mail, following = following, further
        finally:
            if mail:  # the server waits for its text, or for nobody
                self.close()

    def as_it_takes(self, content: bytes) -> tuple[bytes, list[str]]:
        """A text whose bytes have eight bits is announced, or is written with seven for a server
        that takes no others (RFC 6152, 3)."""
        if content.isascii():
            return content, []
        if self.has_extn("8bitmime"):
            return content, ["body=8bitmime"]
        return message_from_bytes(content).as_bytes(policy=SEVEN_BIT), []

    def taken(self, mail: Mail) -> Mail:
        content, options = self.as_it_takes(mail.content)
        return mail._replace(content=content, options=options)

    def envelope(self, mail: Mail | Exception | None) -> bytes:
        if not isinstance(mail, Mail):
            return b""
        size = f" size={len(mail.content)}" if self.has_extn("size") else ""
        options = "".join(f" {option}" for option in mail.options)
        first = f"MAIL FROM:{quoted(mail.sender)}{size}{options}\r\n"
        reset = "RSET\r\n" if self.nested else ""
        return f"{reset}{first}RCPT TO:{quoted(mail.recipient)}\r\nDATA\r\n".encode()

    def refusal(self, mail: Mail) -> Refusal:
        """What came of an envelope; None when the server waits for the text."""
        if self.nested and (reset := self.reply())[0] != 250:
            self.skip(3)
            return smtplib.SMTPSenderRefused(*reset, mail.sender)
        self.nested = False
        if (sender := self.reply())[0] != 250:
            self.skip(2)
            return smtplib.SMTPSenderRefused(*sender, mail.sender)
        self.nested = True
        if (recipient := self.reply())[0] not in (250, 251):
            self.skip(1)
            return smtplib.SMTPRecipientsRefused({mail.recipient: recipient})
        if (data := self.reply())[0] != 354:
            return smtplib.SMTPDataError(*data)
        self.nested = False
        return None

    def reply(self) -> tuple[int, bytes]:
        """What is no answer says no more than a line that broke."""
        try:
            code, answer = self.getreply()
        except smtplib.SMTPResponseException as problem:  # it is too long
            raise smtplib.SMTPServerDisconnected(str(problem)) from problem
        if code < 0:
            raise smtplib.SMTPServerDisconnected("It does not begin with a number.")
        if code == 421:
            self.close()
        return code, answer

    def skip(self, replies: int) -> None:
        """Reads the answers to what was said in one go with something that was refused. A server
        that wants a text all the same gets an empty one: there is nobody to whom it could go."""
        while self.sock and replies:
            replies -= 1
            if self.reply()[0] == 354:
                self.send(".\r\n")
                self.reply()


def to_the_end(mails: Iterator[Mail]) -> Iterator[Mail | Exception]:
    """An error takes the place of the mail that it is about: those before it go first, and what
    is under way gets its answer."""
    try:
        yield from mails
    except Exception as problem:
        yield problem


def quoted(address: str) -> str:
    # smtplib parses each, which takes longer than to say it.
    return f"<{address}>" if PLAIN.fullmatch(address) else smtplib.quoteaddr(address)


def stuffed(content: bytes) -> bytes:
    """As it leaves: a second period before each that begins a line, and the end (RFC 5321,
    4.5.2)."""
    start = b"." if content.startswith(b".") else b""
    end = b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"
    return start + content.replace(b"\r\n.", b"\r\n..") + end


class SMTP_SSL(SMTP, smtplib.SMTP_SSL):  # noqa: N801  smtplib's own name
    pass


class EmailBackend(smtp.EmailBackend):
    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return SMTP_SSL if self.use_ssl else SMTP

    def open(self) -> bool | None:
        """Also says hello: a server may break off there as well."""
        opened = super().open()
        if self.connection:
            self.connection.ehlo_or_helo_if_needed()
        return opened
