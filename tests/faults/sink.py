"""An SMTP server that writes one line for each message it accepts: python sink.py PORT FILE
REFUSED LOST SEED. The shares are of addresses: REFUSED are refused at RCPT; of LOST the message is
accepted and written down, but the line breaks before the answer (the first time only). With
SINK_DELAY in the environment it takes that many seconds over each answer to a message."""

import asyncio
import os
import random
import sys
import zlib


def share(address: str, seed: str) -> float:
    """A number from 0 to 1 that is the address's own, the same in every run of a seed."""
    return random.Random(zlib.crc32(f"{seed}:{address}".encode())).random()


class Sink:
    def __init__(self, path: str, refused: float, lost: float, seed: str) -> None:
        self.file = open(path, "a", buffering=1)  # noqa: SIM115  as long as the process
        self.refused, self.lost, self.seed = refused, lost, seed
        self.delay = float(os.environ.get("SINK_DELAY", "0"))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self.talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(line.encode() + b"\r\n")

        address, refuse = "", True
        say("220 sink")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"RCPT":
                address = line.decode().partition("<")[2].partition(">")[0]
                refuse = share(address, self.seed) < self.refused
                say("550 No such user" if refuse else "250 OK")
            elif verb == b"DATA" and refuse:
                say("554 No valid recipients")
            elif verb == b"DATA":
                say("354 Go on")
                await writer.drain()
                await reader.readuntil(b"\r\n.\r\n")
                self.file.write(f"{address}\n")
                if self.refused < share(address, self.seed) < self.refused + self.lost:
                    writer.transport.abort()
                    return
                await asyncio.sleep(self.delay)
                say("250 OK")
            elif verb == b"QUIT":
                say("221 Bye")
                return
            elif verb == b"EHLO":
                say("250-sink\r\n250 PIPELINING")
            else:
                say("250 OK")
            await writer.drain()


async def main(port: str, path: str, refused: str, lost: str, seed: str) -> None:
    sink = Sink(path, float(refused), float(lost), seed)
    server = await asyncio.start_server(sink.serve, "127.0.0.1", int(port), limit=2**20)
    print("Sink listens", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
