"""What a mail server's answer says of the address itself (RFC 3463, RFC 5321, RFC 7505)."""

import re

__all__ = ["is_dead"]

# An enhanced status stands at the start, behind the three digits of the answer, behind "said:", or
# behind a # (qmail's way). What looks like one elsewhere is a piece of an IP address, or a version.
STATUS = re.compile(
    r"(?:^\s*(?:smtp;\s*)?|\bsaid:\s*|(?<![\d.])(?P<code>[45])\d\d[ -]\s*|#)[\[(#]?"
    r"(?P<status>[45]\.\d{1,3}\.\d{1,3})(?!\d|\.\d)",
    re.IGNORECASE,
)
# Without one, the three digits: for the moment only, or the mailbox is full.
CODE = re.compile(r"(?:^\s*(?:smtp;\s*)?|\bsaid:\s*)(?:4\d\d|552)\b", re.IGNORECASE)
# No such mailbox or domain, a mailbox that was given up.
DEAD = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")
# About something else: this moment, the sender, a full mailbox or a message too large for it, the
# mail server, the way there, the text, a rule or a filter.
ELSEWHERE = re.compile(r"4\.|5\.1\.[78]$|5\.2\.[234]$|5\.[3467]\.")


def is_dead(answer: str) -> bool | None:
    """Whether it says that the address is at fault; None when it says neither this nor that it is
    something else."""
    found = STATUS.search(answer)
    if found is None:
        return False if CODE.search(answer) else None
    if found["code"] == "4" or ELSEWHERE.match(found["status"]):
        return False
    return True if found["status"] in DEAD else None
