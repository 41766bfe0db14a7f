"""The floor: what the wire allows, with nothing kept, nothing tried again and nothing recorded.

python -m bench.processes.floor email PORT PEOPLE CONNECTIONS: that many processes with a bare
smtplib connection each. It prints the time.monotonic() at which they started.
"""

import smtplib
import sys
import time
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from multiprocessing import Process

from bench.guests import SUBJECT, guest, html, plain

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


def main(channel: str, port: str, people: str, connections: str) -> None:
    shares = [range(first, int(people), int(connections)) for first in range(int(connections))]
    senders = [Process(target=CHANNELS[channel], args=(int(port), share)) for share in shares]
    started = time.monotonic()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    print(started)


CHANNELS = {"email": email}

if __name__ == "__main__":
    main(*sys.argv[1:])
