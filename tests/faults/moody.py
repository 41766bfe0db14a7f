"""A mail server in a mood: python moody.py PORT FOLDER. FOLDER/mood says which, and may change
meanwhile; what it accepts stands in FOLDER/accepted.txt, its logins in logins.txt."""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

MIDDLE = 25  # messages of a connection, after which it ends it
QUOTA = 100  # messages in all


class Moody:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.accepted = (folder / "accepted.txt").open("a", buffering=1)
        self.logins = (folder / "logins.txt").open("a", buffering=1)
        self.count = 0

    @property
    def mood(self) -> str:
        return (self.folder / "mood").read_text().strip()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self.talk(reader, writer)
        writer.close()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(line: str) -> None:
            writer.write(line.encode() + b"\r\n")
            await writer.drain()

        if self.mood == "away":
            writer.transport.abort()
            return
        await say("421 4.3.2 not now" if self.mood == "banner" else "220 moody")
        here, address = 0, ""
        while line := await reader.readline():
            verb = line[:4].upper().strip()
            here += verb == b"MAIL"
            if verb == b"DATA" and address:
                await say("354 Go on")
                await reader.readuntil(b"\r\n.\r\n")
                await self.take(address, say)
                continue
            answer = self.answer(verb, here)
            if verb == b"RCPT":
                address = line.decode().partition("<")[2].partition(">")[0]
                address = address if answer.startswith("250") else ""
            await say(answer)
            if answer.startswith("421") or verb == b"QUIT":
                return

    def answer(self, verb: bytes, here: int) -> str:
        """`here`: how many messages this connection was asked to carry."""
        match verb, self.mood:
            case b"EHLO", _:
                return "250-moody\r\n250-PIPELINING\r\n250 AUTH PLAIN"
            case b"AUTH", mood:
                self.logins.write("login\n")
                return "535 5.7.8 no" if mood == "login" else "235 welcome"
            case b"MAIL", "middle" if here > MIDDLE:
                return "421 4.7.0 too many messages on this connection"
            case b"MAIL", "sender":
                return "550 5.7.1 sender rejected"
            case b"RCPT", "sender":
                return "503 5.5.1 no sender"
            case b"RCPT", "quota" if self.count >= QUOTA:
                return "550 5.4.5 Daily user sending quota exceeded"
            case b"RCPT", "grey":
                return "451 4.7.1 greylisted, try again later"
            case b"DATA", _:
                return "554 no valid recipients"
            case b"QUIT", _:
                return "221 bye"
        return "250 OK"

    async def take(self, address: str, say) -> None:
        word, _, seconds = self.mood.partition(" ")
        if word == "drip":
            for _each in range(int(seconds)):
                await say("250-wait")
                await asyncio.sleep(1)
        elif word == "slow":
            await asyncio.sleep(float(seconds))
        self.count += 1
        self.accepted.write(f"{address}\n")
        await say("250 OK")


async def main(port: str, folder: str) -> None:
    server = await asyncio.start_server(Moody(Path(folder)).serve, "127.0.0.1", int(port))
    print("Moody listens", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
