"""((placeholders)) as staff write them: ((room)); ((room|your room)), with what stands there for
who has none; and a sentence for those alone who have one, ((debt??Please pay ((debt)).)).

What is none stays the text that was typed. Before Markdown is read each becomes ((its key)), which
means nothing there.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from types import MappingProxyType

from django.utils.translation import gettext as _

__all__ = ["NAME", "PLACEHOLDERS", "Placeholder", "keyed", "needed", "own", "problem", "unknown"]

NAME = "name"
PLACEHOLDERS = (NAME, "groups")  # the others are attributes of people

BRACKET = re.compile(r"\(\((?!\()|[()]|\n[ \t]*\n")
IF, ELSE = "??", "|"


@dataclass(frozen=True)
class Placeholder:
    """`sentence`: what who has a value reads in its place, with the keys of `within` in it."""

    key: str
    name: str
    default: str = ""
    sentence: str = ""
    within: Mapping[str, "Placeholder"] = field(default_factory=lambda: MappingProxyType({}))


@dataclass
class Span:
    """What stands between (( and )), and what in it does."""

    start: int
    end: int
    within: "list[Span]"

    def inner(self, text: str) -> str:
        return text[self.start + 2 : self.end - 2]


def spans(text: str) -> tuple[list[Span], list[int]]:
    """The outermost ones; and where one opens that nothing closes in its paragraph."""
    found: list[Span] = []
    unclosed: list[int] = []
    opened: list[tuple[bool, int]] = []  # whether it is ((, and where
    after = 0
    for bracket in BRACKET.finditer(text):
        at = bracket.start()
        if at < after:
            continue
        if bracket[0][0] == "\n":
            unclosed += [start for double, start in opened if double]
            opened = []
        elif bracket[0][0] == "(":
            opened.append((bracket[0] == "((", at))
        elif opened and not opened[-1][0]:
            opened.pop()
        elif opened and text.startswith("))", at):
            start, after, within = opened.pop()[1], at + 2, []
            while found and found[-1].start > start:
                within.append(found.pop())
            found.append(Span(start, after, within[::-1]))
    return found, unclosed + [start for double, start in opened if double]


class Bad(Exception):  # noqa: N818  a sentence for who writes it
    pass


def read(text: str, span: Span, *, nested: bool = False) -> Placeholder | None:
    """None for what only looks like one. Raises Bad."""
    inner = span.inner(text)
    name, condition, sentence = inner.partition(IF)
    default = ""
    if not condition:
        name, has_default, default = inner.partition(ELSE)
        if not has_default and not span.within and ("(" in name or ")" in name):
            return None
    name = name.strip()
    behind = span.start + 2 + inner.find(IF) if condition else span.end
    if (nested and (condition or span.within)) or any(one.start < behind for one in span.within):
        raise Bad(
            _("((%s… has another inside. Only a sentence may have placeholders, and no sentence.")
            % name[:30]
        )
    if not name or (condition and not sentence.strip()):
        shown = inner[:30]
        raise Bad(
            _("((%s)) lacks a part. Write ((room)), ((room|none)) or ((debt??Pay.)).") % shown
        )
    key = (
        "k"
        + sha256(f"{name}{condition}{sentence or default}{bool(default)}".encode()).hexdigest()[:16]
    )
    if not condition:
        return Placeholder(key, name, " ".join(default.split()))
    inside, places = replaced(text, span.within, behind + len(IF), span.end - 2, nested=True)
    return Placeholder(key, name, sentence=" ".join(inside.split()), within=places)


def replaced(
    text: str, among: Collection[Span], start: int, end: int, *, nested: bool = False
) -> tuple[str, Mapping[str, Placeholder]]:
    """With keys in place of these; what is wrong stays as it is unless it is `nested`."""
    pieces, places = [], {}
    for span in among:
        try:
            each = read(text, span, nested=nested)
        except Bad:
            if nested:
                raise
            each = None
        if each:
            pieces += [text[start : span.start], f"(({each.key}))"]
            places[each.key], start = each, span.end
    return "".join([*pieces, text[start:end]]), MappingProxyType(places)


@lru_cache(maxsize=64)
def keyed(text: str) -> tuple[str, Mapping[str, Placeholder]]:
    """The text with keys in place of its placeholders, and these by their keys."""
    return replaced(text, spans(text)[0], 0, len(text))


def problem(text: str) -> str:
    """What is wrong with the first that is not well written; empty when all are."""
    found, unclosed = spans(text)
    if unclosed:
        begins = text[min(unclosed) :][:30].partition("\n")[0]
        sentence = _(
            "“%s…” is never closed. Write )) behind it, or a space between (( if none is meant."
        )
        return sentence % begins
    for span in found:
        try:
            read(text, span)
        except Bad as bad:
            return str(bad)
    return ""


def every(text: str) -> Iterator[Placeholder]:
    for each in keyed(text)[1].values():
        yield each
        yield from each.within.values()


@lru_cache(maxsize=64)
def own(*texts: str) -> tuple[str, ...]:
    """The names for which a delivery keeps values, each once: all but the person's."""
    names = (each.name for text in texts for each in every(text))
    return tuple(dict.fromkeys(name for name in names if name != NAME))


@lru_cache(maxsize=64)
def needed(*texts: str) -> tuple[str, ...]:
    """Those of them that leave a hole where there is no value."""
    bare: dict[str, None] = {}
    for text in texts:
        for each in keyed(text)[1].values():
            inside = (one for one in each.within.values() if one.name != each.name)
            holes = inside if each.sentence else [each]
            bare |= {one.name: None for one in holes if not one.default}
    return tuple(name for name in bare if name != NAME)


def unknown(text: str, known: Collection[str] = ()) -> list[str]:
    """Those that are neither everybody's nor among these."""
    return [name for name in own(text) if name not in (*PLACEHOLDERS, *known)]
