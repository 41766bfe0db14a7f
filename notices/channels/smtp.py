"""Django's SMTP backend. It knows whether the text of a message had left when the line broke, and
it does not wait for answers that it does not need yet.

Before the text left the server cannot have accepted the message, after it nobody knows.
"""

import re
import smtplib
from collections.abc import Sequence
from typing import Any

from django.core.mail.backends import smtp

PLAIN = re.compile(r"[\w.+-]+@[\w.-]+", re.ASCII)


def stuffed(msg: bytes) -> bytes:
    """With a second period before each that begins a line (RFC 5321, 4.5.2)."""
    start = b"." if msg.startswith(b".") else b""
    return start + msg.replace(b"\r\n.", b"\r\n..")


def quoted(address: str) -> str:
    # smtplib parses each, which takes longer than to say it.
    return f"<{address}>" if PLAIN.fullmatch(address) else smtplib.quoteaddr(address)


class SMTP(smtplib.SMTP):
    """Says sender, recipient and DATA in one go where the server allows it (RFC 2920): a message
    takes two turns instead of four."""

    text_left = False

    def mail(self, *args: Any, **kwargs: Any) -> Any:
        self.text_left = False
        return super().mail(*args, **kwargs)

    def data(self, *args: Any, **kwargs: Any) -> Any:
        self.text_left = True
        return super().data(*args, **kwargs)

    def sendmail(
        self, from_addr: str, to_addrs: str | Sequence[str], msg: Any, *args: Any, **kwargs: Any
    ) -> Any:
        self.ehlo_or_helo_if_needed()
        if not self.has_extn("pipelining") or len(to_addrs) > 1 or args or kwargs:
            return super().sendmail(from_addr, to_addrs, msg, *args, **kwargs)
        if refusal := self.refusal(from_addr, to_addrs[0], msg):
            self._rset()  # type: ignore[attr-defined]
            raise refusal
        return {}

    def refusal(self, sender: str, recipient: str, msg: bytes) -> smtplib.SMTPException | None:
        """Hands over one message; None when it was accepted."""
        self.text_left = False
        size = f" size={len(msg)}" if self.has_extn("size") else ""
        first = f"MAIL FROM:{quoted(sender)}{size}\r\n"
        self.send(f"{first}RCPT TO:{quoted(recipient)}\r\nDATA\r\n")
        if (mail := self.reply())[0] != 250:
            self.skip(2)
            return smtplib.SMTPSenderRefused(*mail, sender)
        if (rcpt := self.reply())[0] not in (250, 251):
            self.skip(1)
            return smtplib.SMTPRecipientsRefused({recipient: rcpt})
        if (data := self.reply())[0] != 354:
            return smtplib.SMTPDataError(*data)
        self.text_left = True
        end = b".\r\n" if msg.endswith(b"\r\n") else b"\r\n.\r\n"
        self.send(stuffed(msg) + end)
        accepted = self.reply()
        return None if accepted[0] == 250 else smtplib.SMTPDataError(*accepted)

    def reply(self) -> tuple[int, bytes]:
        code, answer = self.getreply()
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


class SMTP_SSL(SMTP, smtplib.SMTP_SSL):  # noqa: N801  smtplib's own name
    pass


class EmailBackend(smtp.EmailBackend):
    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return SMTP_SSL if self.use_ssl else SMTP
