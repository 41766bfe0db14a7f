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


def plain(name: str) -> str:
    """The text as the peers send it."""
    return TEXT.replace("((name))", name).replace("**", "")


def html(name: str) -> str:
    """About as much HTML as Bellhop makes of the text, put together by hand."""
    style = "font-family:'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:16px"
    parts = plain(name).strip().split("\n\n")
    paragraphs = (
        f'<p style="margin:0 0 16px;{style};line-height:1.5">{part}</p>' for part in parts
    )
    body = "\n".join(paragraphs)
    head = f'<head><meta charset="utf-8"><title>{SUBJECT}</title></head>'
    return f'<!doctype html><html lang="en">{head}<body style="margin:0">{body}</body></html>\n'


def check(reached: list[tuple[str, str]], wanted: dict[str, str]) -> None:
    """Raises AssertionError unless each address of `wanted` was reached once, under its name."""
    times = Counter(address for address, _name in reached)
    assert times.keys() == wanted.keys(), f"{len(wanted.keys() - times.keys())} were not reached"
    assert times.total() == len(times), f"{times.total() - len(times)} copies too many"
    wrong = [pair for pair in reached if wanted[pair[0]] != pair[1]]
    assert not wrong, f"{len(wrong)} were called by another name: {wrong[:3]}"
