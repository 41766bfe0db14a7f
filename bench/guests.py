"""The people whom every contender writes to, and what they are told."""

from collections import Counter
from typing import NamedTuple

SUBJECT = "The lift is out of order until Friday"
TEXT = """Dear ((name)),

the lift in the east wing is **out of order** until Friday noon. Please take the lift in the west
wing or ask at the desk: somebody carries your luggage up at any hour. Breakfast is served on the
ground floor.

- East wing: stairs only, also to the garage.
- West wing: two lifts, the left one stops at the pool.

We are sorry for the steps that this costs you. The bar gives every guest of the east wing a drink
on the house, today from six o'clock.

Your desk
"""
SMS = "Dear ((name)), the lift in the east wing is out of order until Friday. Your desk"


class Guest(NamedTuple):
    username: str
    email: str
    mobile: str


def guest(number: int) -> Guest:
    return Guest(f"guest_{number}", f"guest{number}@example.com", f"+86138{number:08d}")


LINK = "https://bellhop.example.com/unsubscribe/%s/"
FONT = "font-family:'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:16px;line-height:1.5"
HEAD = (
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    '<meta name="color-scheme" content="light dark">'
    f'<meta name="supported-color-schemes" content="light dark"><title>{SUBJECT}</title>'
)


def plain(name: str) -> str:
    """The text as the peers send it."""
    text = TEXT.replace("((name))", name).replace("**", "")
    why = "You get notices of this kind by email. If you do not want them any more:"
    return f"{text}\n-- \n{why}\n{LINK % name}\n"


def html(name: str) -> str:
    """As much HTML as Bellhop makes of the text, put together by hand."""
    bold = "<strong>out of order</strong>"
    text = TEXT.replace("((name))", name).replace("**out of order**", bold)
    link = f'<a href="{LINK % name}">I do not want them any more</a>'
    parts = [*text.strip().split("\n\n"), f"You get notices of this kind by email. {link}"]
    body = "\n".join(f'<p style="margin:0 0 16px;{FONT}">{part}</p>' for part in parts)
    return (
        f'<!doctype html>\n<html lang="en"><head>{HEAD}</head>\n<body style="margin:0;padding:0">'
        f'<div style="max-width:576px;margin:0 auto;padding:24px 16px;{FONT}">{body}</div>'
        "</body></html>\n"
    )


def check(reached: list[tuple[str, str]], wanted: dict[str, str]) -> None:
    """Raises AssertionError unless each address of `wanted` was reached once, under its name."""
    times = Counter(address for address, _name in reached)
    assert times.keys() == wanted.keys(), f"{len(wanted.keys() - times.keys())} were not reached"
    assert times.total() == len(times), f"{times.total() - len(times)} copies too many"
    wrong = [pair for pair in reached if wanted[pair[0]] != pair[1]]
    assert not wrong, f"{len(wrong)} were called by another name: {wrong[:3]}"
