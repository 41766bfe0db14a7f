"""The textbook's way to send many emails, for the control: a job of stock RQ for each person.

A program of its own, with nothing of ours in it (our serializer would be, in the test's process):
python textbook.py REDIS_URL work, or python textbook.py REDIS_URL PORT_OF_THE_MAIL_SERVER with the
recipients as its input, one a line.
"""

import smtplib
import sys

from redis import Redis
from rq import Queue, Retry, Worker

QUEUE = "textbook"


def send(recipient: str, port: int) -> None:
    """The job: one email over its own connection."""
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as server:
        text = f"From: bellhop@example.com\r\nTo: {recipient}\r\nSubject: Hello\r\n\r\nHello.\r\n"
        server.sendmail("bellhop@example.com", [recipient], text)


def main(url: str, what: str) -> None:
    redis = Redis.from_url(url)
    queue = Queue(QUEUE, connection=redis)
    if what == "work":
        Worker([queue], connection=redis).work(logging_level="WARNING")
        return
    for line in sys.stdin:
        queue.enqueue("textbook.send", line.strip(), int(what), retry=Retry(max=3))


if __name__ == "__main__":
    main(*sys.argv[1:])
