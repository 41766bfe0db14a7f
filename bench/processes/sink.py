"""A mail server that accepts everything, fast: python -m bench.processes.sink (door.py).

Commands that come in one piece are answered in one piece, so PIPELINING is true.
"""

import asyncio

from bench.processes.door import Accepted, called, serve

END = b"\r\n.\r\n"
HELLO = b"250-sink\r\n250-PIPELINING\r\n250-SIZE 10485760\r\n250 8BITMIME\r\n"
OK = b"250 OK\r\n"


class Connection(asyncio.Protocol):
    def __init__(self, accepted: Accepted) -> None:
        self.accepted = accepted
        self.left = b""
        self.recipients: list[bytes] = []
        self.in_message = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.accepted.opened()
        transport.write(b"220 sink ESMTP\r\n")

    def connection_lost(self, _reason: Exception | None) -> None:
        self.accepted.closed()

    def data_received(self, data: bytes) -> None:
        if self.left:
            data = self.left + data
        answers: list[bytes] = []
        while data:
            stop = END if self.in_message else b"\r\n"
            end = data.find(stop)
            if end < 0:
                break
            piece, data = data[:end], data[end + len(stop) :]
            answers.append(self.take(piece) if self.in_message else self.obey(piece))
        self.left = data
        self.transport.write(b"".join(answers))
        if answers and answers[-1][:3] == b"221":
            self.transport.close()

    def take(self, message: bytes) -> bytes:
        name = called(message, message.find(b"\r\n\r\n"))
        self.accepted.add([(address, name) for address in self.recipients], len(message))
        self.in_message, self.recipients = False, []
        return OK

    def obey(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"RCPT":
            self.recipients.append(line[line.find(b"<") + 1 : line.find(b">")])
        elif verb == b"DATA":
            self.in_message = bool(self.recipients)
            return b"354 Go on\r\n" if self.in_message else b"503 To whom?\r\n"
        elif verb == b"EHLO":
            return HELLO
        elif verb == b"QUIT":
            return b"221 Bye\r\n"
        elif verb in (b"MAIL", b"RSET"):
            self.recipients = []
        return OK


if __name__ == "__main__":
    accepted = Accepted()
    asyncio.run(serve(accepted, lambda: Connection(accepted)))
