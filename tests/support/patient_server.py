"""A provider that keeps everybody waiting: python patient_server.py MANY SECONDS. It answers when
so many requests are open at once, or after so many seconds; how many there were is the id that it
gives. It prints its port."""

import asyncio
import json
import sys


class Patient:
    def __init__(self, many: int, seconds: float) -> None:
        self.many, self.seconds = many, seconds
        self.open = self.most = 0
        self.full = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
        self.open += 1
        self.most = max(self.most, self.open)
        if self.open >= self.many:
            self.full.set()
        try:
            await asyncio.wait_for(self.full.wait(), self.seconds)
        except TimeoutError:
            self.many = 0
        body = json.dumps({"id": str(self.most)}).encode()
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        writer.write(head + body)
        self.open -= 1
        writer.close()


async def main(many: int, seconds: float) -> None:
    server = await asyncio.start_server(Patient(many, seconds).serve, "127.0.0.1", 0, backlog=many)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
