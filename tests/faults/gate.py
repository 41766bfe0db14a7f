"""Stands before a server on loopback: python gate.py PORT TARGET_HOST TARGET_PORT. A word a line
tells it what to be: open; shut (every connection is reset, and nobody listens); frozen (what is
said arrives when it opens again); half (connections stand, new ones are taken, and what is said is
lost); deaf (what is asked arrives, the answers are lost). What was half or deaf is reset when it
opens again.
"""

import asyncio
import socket
import struct
import sys
from contextlib import suppress


class Server:
    def __init__(self, port: int, target: tuple[str, int]) -> None:
        self.port, self.target, self.state = port, target, "open"
        self.passing: set[asyncio.StreamWriter] = set()
        self.server: asyncio.Server | None = None
        self.flows = asyncio.Event()

    async def turn(self, state: str) -> None:
        if self.state in ("half", "deaf") or state == "shut":
            self.reset()
        self.state = state
        self.flows.clear() if state == "frozen" else self.flows.set()
        if state == "shut" and self.server:
            self.server.close()
            self.server = None
        elif state != "shut" and not self.server:
            self.server = await asyncio.start_server(self.let_in, "127.0.0.1", self.port)
        print(state, flush=True)

    def reset(self) -> None:
        """Reset, not closed: what is under way in either direction is gone."""
        for writer in self.passing:
            line = writer.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self.passing.clear()

    async def let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.passing.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.close()
            return
        self.passing.add(far_writer)
        await asyncio.gather(
            self.pass_on(reader, far_writer, ("half",)),
            self.pass_on(far_reader, writer, ("half", "deaf")),
        )

    async def pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: tuple[str, ...]
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(2**16):
                await self.flows.wait()
                if self.state not in lost:
                    writer.write(data)
                    await writer.drain()
        self.passing.discard(writer)
        writer.close()


async def main(port: str, host: str, target: str) -> None:
    server = Server(int(port), (host, int(target)))
    await server.turn("open")
    loop = asyncio.get_running_loop()
    while state := await loop.run_in_executor(None, sys.stdin.readline):
        await server.turn(state.strip())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
