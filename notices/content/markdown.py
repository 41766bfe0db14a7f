"""Markdown as we read it: CommonMark with ~~strikethrough~~, tables and bare addresses.

A link leads to an address that anybody can open: http, https, mailto or tel, its host written out.
What would be another one stays the text that was typed. A ((placeholder)) in an address becomes
((%placeholder)), whose value is encoded for an address: it can end nothing and start nothing.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

__all__ = ["parse", "parse_line", "render", "same_address"]

PLACEHOLDER = re.compile(r"\(\(\s*([^()]*?)\s*\)\)")
CAN_BE_OPENED = re.compile(r"https?://[^/?#(]+([/?#].*)?|(mailto|tel):.+", re.IGNORECASE)

# A bare address, as it is typed amid words. It ends at a blank, and at what stands behind it in a
# sentence; Chinese is written without blanks, so its letters end one too unless its host has some.
ENDS = r"\s<>\"`|{}“”‘’「」『』《》〈〉【】（），。、；：！？…"
LETTERS = r"\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
WITHOUT = rf"[^{ENDS}{LETTERS}\[\]]"
BARE = re.compile(
    rf"(?P<scheme>https?://|www\.)(?:(?:{WITHOUT}|\[{WITHOUT}*\])+"
    rf"|[^{ENDS}\[\]/?#]+\.[^{ENDS}\[\]]+)",
    re.IGNORECASE,
)
TRAILING = "?!.,:;'"
MARKERS = "*_~"
ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def in_address(text: str) -> str:
    return PLACEHOLDER.sub(r"((%\1))", text)


class Markdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802
        return CAN_BE_OPENED.fullmatch(url) is not None

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        return in_address(super().normalizeLink(url))

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802
        """As it was typed: decoded, it would not always be the same address."""
        return in_address(link)


def bare_address(state: StateInline, silent: bool) -> bool:
    """Reads it before * and _ and ~ in it can mean anything."""
    before = state.src[state.pos - 1] if state.pos else " "
    if before.isascii() and before.isalnum():
        return False
    if not (found := BARE.match(state.src, state.pos, state.posMax)):
        return False
    opened = (marker for marker in MARKERS if state.src.find(marker, 0, state.pos) >= 0)
    typed = without_end(found[0], TRAILING + "".join(opened))
    if len(typed) <= len(found["scheme"]):
        return False
    address = ESCAPED.sub(r"\1", typed)
    url = f"https://{address}" if found["scheme"].lower() == "www." else address
    href = state.md.normalizeLink(url)
    if not silent:
        push(state, address, href if state.md.validateLink(href) and not state.linkLevel else "")
    state.pos += len(typed)
    return True


def without_end(address: str, trailing: str) -> str:
    """Without what belongs to the sentence: its comma, and what closes that was opened before."""
    end, surplus = len(address), address.count(")") - address.count("(")
    while address[end - 1] in trailing or (address[end - 1] == ")" and surplus > 0):
        end -= 1
        surplus -= address[end] == ")"
    return address[:end]


def push(state: StateInline, address: str, href: str) -> None:
    if href:
        state.push("link_open", "a", 1).attrs = {"href": href}
        state.tokens[-1].info = "auto"
    state.push("text", "", 0).content = in_address(address)
    if href:
        state.push("link_close", "a", -1)


# Raw HTML stays text.
markdown = Markdown("commonmark", {"html": False, "breaks": True})
markdown.enable(["strikethrough", "table"])
markdown.inline.ruler.after("text", "bare_address", bare_address)
for letter in "hHwW":  # with which a bare address begins
    markdown.inline.add_terminator_char(letter)


def parse(text: str) -> list[Token]:
    return markdown.parse(PLACEHOLDER.sub(r"((\1))", text))


def parse_line(text: str) -> list[Token]:
    """As the inside of a paragraph."""
    return markdown.parseInline(text)


def render(tokens: list[Token]) -> str:
    return str(markdown.renderer.render(tokens, markdown.options, {}))


def same_address(words: str, address: str) -> bool:
    """Whether the words of a link are its address, as far as a reader sees."""
    return markdown.normalizeLink(words).rstrip("/") == address.rstrip("/")
