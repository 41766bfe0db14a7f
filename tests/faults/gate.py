"""Stands before a server on loopback: python gate.py PORT TARGET_HOST TARGET_PORT. After SIGUSR1
nobody listens and every connection is reset; after SIGUSR2 all is well again."""

import asyncio
import signal
import socket
import struct
import sys


class Gate:
    def __init__(self, port: int, target: tuple[str, int]) -> None:
        self.port, self.target = port, target
        self.passing: set[asyncio.StreamWriter] = set()
        self.server: asyncio.Server | None = None

    async def open(self) -> None:
        self.server = await asyncio.start_server(self.let_through, "127.0.0.1", self.port)

    def shut(self) -> None:
        if self.server:
            self.server.close()
        for writer in self.passing:
            # Reset, not closed: what is under way in either direction is gone.
            line = writer.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self.passing.clear()

    async def let_through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.passing.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.close()
            return
        self.passing.add(far_writer)
        await asyncio.gather(self.pass_on(reader, far_writer), self.pass_on(far_reader, writer))

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(2**16):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            self.passing.discard(writer)
            writer.close()


async def main(port: str, host: str, target: str) -> None:
    gate = Gate(int(port), (host, int(target)))
    loop = asyncio.get_running_loop()
    again = asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, gate.shut)
    loop.add_signal_handler(signal.SIGUSR2, again.set)
    while True:
        await gate.open()
        print("Gate is open", flush=True)
        await again.wait()
        again.clear()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
