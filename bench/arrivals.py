"""People who ask for a code at random moments, whether or not those before them have theirs."""

import asyncio
import json
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from random import Random
from typing import NamedTuple

from bench.place import Asked
from tests.support.processes import eventually

PATIENCE = 2.0  # seconds that the last one waits for a code


class Question(NamedTuple):
    mobile: str
    body: dict[str, str]


def moments(rate: float, seconds: float, seed: int) -> Iterator[float]:
    """A Poisson process: seconds from the start, on average `rate` in each."""
    random = Random(seed)
    gaps = (random.expovariate(rate) for _ in range(int(rate * seconds)))
    return accumulate(gaps)


def waits(
    port: int, questions: Iterable[Question], gateway: Asked, when: Iterable[float]
) -> list[float]:
    """For each question the seconds from the moment it was due at the desk until its message was
    at the gateway. One that is still not there when patience ends counts as long as it was waited
    for. Raises AssertionError when one is refused, or answered twice."""
    with ThreadPoolExecutor(1) as thread:  # whoever calls this may be in a loop of its own
        asked = thread.submit(asyncio.run, ask_all(port, questions, when)).result()
    until = time.monotonic() + PATIENCE
    while missing(gateway, asked) and time.monotonic() < until:
        time.sleep(0.05)
    ended = time.monotonic()
    arrived: dict[str, float] = {}  # of all that were ever asked for
    for at, mobile, *_ in gateway.ask("arrivals"):
        assert mobile not in arrived, f"{mobile} got two"
        arrived[mobile] = at
    return [arrived.get(mobile, ended) - due for mobile, due in asked.items()]


def drain(gateway: Asked, asked: int) -> None:
    """Waits until as many as were ever asked for have arrived; what comes next begins afresh."""
    eventually(lambda: len(gateway.ask("arrivals")) >= asked, 60)


def missing(gateway: Asked, asked: dict[str, float]) -> bool:
    return bool(asked.keys() - {mobile for _at, mobile, *_ in gateway.ask("arrivals")})


async def ask_all(
    port: int, questions: Iterable[Question], when: Iterable[float]
) -> dict[str, float]:
    """Mobile -> when it was due."""
    loop, asked, tasks = asyncio.get_running_loop(), {}, []
    start = time.monotonic() + 0.1
    for question, after in zip(questions, when, strict=False):
        asked[question.mobile] = start + after
        await asyncio.sleep(start + after - time.monotonic())
        tasks.append(loop.create_task(ask(port, question)))
    answers = await asyncio.gather(*tasks)
    refused = [answer for answer in answers if not answer.startswith(b"HTTP/1.1 200")]
    assert not refused, f"{len(refused)} were refused: {refused[0]!r}"
    return asked


async def ask(port: int, question: Question) -> bytes:
    """The answer. Everybody comes from an address of their own, over a new connection."""
    number = int(question.mobile[-8:])
    origin = ".".join(str(number >> shift & 255) for shift in (16, 8, 0))
    content = json.dumps(question.body).encode()
    head = (
        "POST /signup/code/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        f"X-Forwarded-Proto: https\r\nX-Forwarded-For: 10.{origin}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + content)
    answer = await reader.read()
    writer.close()
    return answer
