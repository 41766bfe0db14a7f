"""Characters that have no place in what people write: control characters, and halves of characters,
which JSON can smuggle in and no database takes. And those that nobody sees: lists, contacts and
chats put blanks and marks of direction around what is copied from them."""

import re
import unicodedata

__all__ = ["CONTROL", "clean", "has_breaking", "is_unseen", "one_line", "trim", "without_unseen"]

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")  # not \t, \n, \r
BREAKING = re.compile(f"{CONTROL.pattern}|[\t\n\r\u2028\u2029]")
FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # letters and marks, to Unicode


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


def is_unseen(char: str) -> bool:
    """A blank, or what takes no place or only tells a direction."""
    if "\u4e00" <= char <= "\u9fff":  # Chinese
        return False
    return char.isspace() or char in FILLERS or unicodedata.category(char) == "Cf"


def trim(text: str) -> str:
    """Without what nobody sees at its ends."""
    if text.isascii():
        return text.strip()
    if not (is_unseen(text[0]) or is_unseen(text[-1])):
        return text
    first, last = 0, len(text)
    while first < last and is_unseen(text[first]):
        first += 1
    while first < last and is_unseen(text[last - 1]):
        last -= 1
    return text[first:last]


def without_unseen(text: str) -> str:
    if text.isascii():
        return "".join(text.split())
    return "".join(char for char in text if not is_unseen(char))
