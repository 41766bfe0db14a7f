"""The floor: what the wire allows, with nothing kept, nothing tried again and nothing recorded.

python -m bench.processes.floor CHANNEL PORT PEOPLE CONNECTIONS: over that many bare connections,
each with a thread of its own, in two processes. It prints the time.monotonic() at which they
started. CHANNEL is
`email`, `django`, `mailgun` in calls as large as Bellhop's, `sms`, or `sms-asyncio`, which has one
event loop in each process in place of the threads.
"""

import asyncio
import json
import smtplib
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from email.policy import SMTP
from functools import partial
from http.client import HTTPConnection
from multiprocessing import Barrier, Process
from multiprocessing.synchronize import Barrier as Waiting
from urllib.parse import urlencode

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

from bench.guests import SMS, SUBJECT, guest, html, plain

TOGETHER = 100  # people in a call, as Bellhop has it
NAME, ADDRESS, FROM = "NAMENAME", "nobody@example.org", "bellhop@example.com"


def email(port: int, numbers: Sequence[int]) -> None:
    """The message is put together once; a person's name and address are filled in by replacing."""
    letter = EmailMessage(policy=SMTP)
    letter["Subject"], letter["From"], letter["To"] = SUBJECT, f"Bellhop <{FROM}>", ADDRESS
    letter.set_content(plain(NAME))
    letter.add_alternative(html(NAME), subtype="html")
    written = letter.as_bytes()
    with smtplib.SMTP("127.0.0.1", port) as line:
        for number in numbers:
            one = guest(number)
            message = written.replace(NAME.encode(), one.username.encode())
            line.sendmail(FROM, one.email, message.replace(ADDRESS.encode(), one.email.encode()))


def django(port: int, numbers: Sequence[int]) -> None:
    """The same with Django's own messages and its backend, over one connection."""
    settings.configure(EMAIL_HOST="127.0.0.1", EMAIL_PORT=port, DEFAULT_FROM_EMAIL=FROM)
    with get_connection("django.core.mail.backends.smtp.EmailBackend") as line:
        for number in numbers:
            one = guest(number)
            mail = EmailMultiAlternatives(SUBJECT, plain(one.username), to=[one.email])
            mail.attach_alternative(html(one.username), "text/html")
            line.send_messages([mail])


def mailgun(port: int, numbers: Sequence[int]) -> None:
    fields = {
        "from": FROM, "subject": SUBJECT,
        "text": plain("%recipient.name%"), "html": html("%recipient.name%"),
    }  # fmt: skip
    line = HTTPConnection("127.0.0.1", port)
    for first in range(0, len(numbers), TOGETHER):
        people = [guest(number) for number in numbers[first : first + TOGETHER]]
        own = {one.email: {"name": one.username} for one in people}
        form = fields | {"to": [*own], "recipient-variables": json.dumps(own)}
        ask(line, "/v3/example.com/messages", urlencode(form, doseq=True).encode())


def sms(port: int, numbers: Sequence[int]) -> None:
    line = HTTPConnection("127.0.0.1", port)
    for number in numbers:
        one = guest(number)
        facts = {"to": one.mobile, "body": SMS.replace("((name))", one.username)}
        ask(line, "/", json.dumps(facts).encode())


async def sms_side_by_side(port: int, shares: Sequence[Sequence[int]]) -> None:
    await asyncio.gather(*(sms_in_turn(port, share) for share in shares))


async def sms_in_turn(port: int, numbers: Sequence[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in numbers:
        one = guest(number)
        facts = {"to": one.mobile, "body": SMS.replace("((name))", one.username)}
        body = json.dumps(facts).encode()
        head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200")
        await reader.readexactly(int(answer.rpartition(b"Content-Length: ")[2]))
    writer.close()


def ask(line: HTTPConnection, path: str, body: bytes) -> None:
    line.request("POST", path, body)
    answer = line.getresponse()
    answer.read()
    assert answer.status == 200


def send(channel: str, port: int, shares: Sequence[Sequence[int]], ready: Waiting) -> None:
    """Each share over a connection of its own, when all processes are there."""
    ready.wait()
    if channel == "sms-asyncio":
        asyncio.run(sms_side_by_side(port, shares))
        return
    with ThreadPoolExecutor(len(shares)) as threads:
        list(threads.map(partial(CHANNELS[channel], port), shares))


def main(channel: str, port: str, people: str, connections: str) -> None:
    shares = [range(first, int(people), int(connections)) for first in range(int(connections))]
    halves = [half for half in (shares[::2], shares[1::2]) if half]
    ready = Barrier(len(halves))
    senders = [Process(target=send, args=(channel, int(port), half, ready)) for half in halves]
    started = time.monotonic()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    print(started)


CHANNELS = {"email": email, "django": django, "mailgun": mailgun, "sms": sms}

if __name__ == "__main__":
    main(*sys.argv[1:])
