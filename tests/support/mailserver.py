"""A real SMTP server on loopback that keeps what it accepts and says no when told to."""

import logging
from collections.abc import Callable
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from local import embedded

logging.getLogger("mail.log").setLevel(logging.WARNING)


class MailServer:
    """`answers` maps the part of an address before the @ to what RCPT is answered; DATA_ANSWERS
    to what follows the text; "hangup" there ends the connection instead of answering. ON_TEXT is
    called when the text is there. PIPELINES: it says that it takes several things in one go;
    EIGHT_BIT: that it takes a text whose bytes have eight bits. `senders` and `contents` are what
    it got, with what was said of it."""

    def __init__(self) -> None:
        self.messages: list[Any] = []  # as accepted, in order
        self.connections = 0
        self.answers: dict[str, str] = {}
        self.data_answers: dict[str, str] = {}
        self.on_text: dict[str, Callable[[], None]] = {}
        self.pipelines = self.eight_bit = True
        self.senders: list[str] = []
        self.options: list[list[str]] = []
        self.contents: list[bytes] = []

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802
        session.host_name = hostname
        self.connections += 1
        if not self.eight_bit:
            responses = [each for each in responses if "8BITMIME" not in each]
        return [*responses[:-1], "250-PIPELINING", *responses[-1:]] if self.pipelines else responses

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        self.senders.append(address)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        answer = self.answers.get(address.partition("@")[0], "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session, envelope):  # noqa: N802
        name = envelope.rcpt_tos[0].partition("@")[0]
        self.on_text.get(name, lambda: None)()
        answer = self.data_answers.get(name, "250 OK")
        if answer == "hangup":
            server.transport.abort()  # type: ignore[union-attr]
            return "451 never read"
        if answer.startswith("250"):
            self.options.append(envelope.mail_options)
            self.contents.append(envelope.content)
            message = message_from_bytes(envelope.content, policy=default)
            self.messages.append((envelope.rcpt_tos[0], message))
        return answer


@contextmanager
def running():
    handler = MailServer()
    handler.port = embedded.free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=handler.port)
    controller.start()
    handler.stop = controller.stop
    try:
        yield handler
    finally:
        if controller.loop.is_running():
            controller.stop()
