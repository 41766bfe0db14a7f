"""A process that is asked by lines on its standard input and answers each with a line of JSON.
First it prints its port. It ends with its standard input, and so with whoever started it."""

import asyncio
import json
import sys
from collections.abc import Callable


async def serve(protocol: Callable[[], asyncio.Protocol], answer: Callable[[str], object]) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, backlog=1024)
    over = loop.create_future()

    def asked() -> None:
        question = sys.stdin.readline()
        if question:
            print(json.dumps(answer(question.strip())), flush=True)
        else:
            over.set_result(None)

    loop.add_reader(sys.stdin, asked)
    print(server.sockets[0].getsockname()[1], flush=True)
    await over
    server.close()
