"""Characters that have no place in what people write: control characters, and halves of characters,
which JSON can smuggle in and no database takes."""

import re

__all__ = ["CONTROL", "clean", "has_breaking", "one_line"]

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")  # not \t, \n, \r
BREAKING = re.compile(f"{CONTROL.pattern}|[\t\n\r\u2028\u2029]")


def has_breaking(text: str) -> bool:
    """Whether it is not one line of what can be seen."""
    return BREAKING.search(text) is not None


def clean(text: str) -> str:
    """Without them."""
    return CONTROL.sub("", text)


def one_line(text: str) -> str:
    """Without line ends, too; the rest with single spaces."""
    if not (text.isascii() and text.isprintable()):
        text = BREAKING.sub(" ", text)
    return " ".join(text.split())
