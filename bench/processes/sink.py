"""A mail server that accepts everything, fast: python -m bench.processes.sink prints its port.

Of each message it keeps the recipient, the name after "Dear " and the size, in memory. It is asked
by lines on its standard input and answers each with a line of JSON: `count` → how many, and when
(time.monotonic()) the last was accepted; `list` → [address, name] of each, and the bytes of all;
`forget` → starts anew. It ends with its standard input.

Commands that come in one piece are answered in one piece, so PIPELINING is true.
"""

import asyncio
import json
import os
import sys
import time

END = b"\r\n.\r\n"
HELLO = b"250-sink\r\n250-PIPELINING\r\n250-SIZE 10485760\r\n250 8BITMIME\r\n"
OK = b"250 OK\r\n"
GREETING = b"Dear "


class Accepted:
    def __init__(self) -> None:
        self.messages: list[tuple[bytes, bytes]] = []
        self.size, self.last = 0, 0.0

    def add(self, recipients: list[bytes], message: bytes) -> None:
        first = message.find(GREETING, message.find(b"\r\n\r\n")) + len(GREETING)
        name = message[first : message.find(b",", first, first + 100)]
        for address in recipients:
            self.messages.append((address, name))
        self.size += len(message)
        self.last = time.monotonic()

    def answer(self, question: str) -> object:
        if question == "list":
            pairs = [(address.decode(), name.decode()) for address, name in self.messages]
            return {"messages": pairs, "bytes": self.size}
        if question == "forget":
            self.__init__()  # type: ignore[misc]
        return {"count": len(self.messages), "last": self.last}


class Connection(asyncio.Protocol):
    def __init__(self, accepted: Accepted) -> None:
        self.accepted = accepted
        self.left = b""
        self.recipients: list[bytes] = []
        self.in_message = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(b"220 sink ESMTP\r\n")

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
        self.accepted.add(self.recipients, message)
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


async def main() -> None:
    accepted, loop = Accepted(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(accepted), "127.0.0.1", 0)
    over = loop.create_future()

    def asked() -> None:
        question = sys.stdin.readline()
        if question:
            print(json.dumps(accepted.answer(question.strip())), flush=True)
        else:
            over.set_result(None)

    os.set_blocking(sys.stdin.fileno(), True)
    loop.add_reader(sys.stdin, asked)
    print(server.sockets[0].getsockname()[1], flush=True)
    await over
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
