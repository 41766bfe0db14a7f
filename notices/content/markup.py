"""What staff write: Markdown with ((placeholders)), made into HTML, plain text and SMS."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from html import escape

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from web.characters import one_line

__all__ = [
    "PLACEHOLDERS",
    "fill",
    "fill_html",
    "for_header",
    "to_email",
    "to_html",
    "to_sms",
    "unknown_placeholders",
]

PLACEHOLDERS = ("name",)
PLACEHOLDER = re.compile(r"\(\(\s*([^()]*?)\s*\)\)")

# Raw HTML stays text. nh3 then drops every tag and link scheme that is not harmless.
markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("strikethrough")


def unknown_placeholders(text: str) -> list[str]:
    found = dict.fromkeys(PLACEHOLDER.findall(text))
    return [name for name in found if name not in PLACEHOLDERS]


def fill(text: str, values: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def fill_html(html: str, values: Mapping[str, str]) -> str:
    return fill(html, {name: escape(value) for name, value in values.items()})


@lru_cache(maxsize=16)
def to_html(text: str) -> str:
    return nh3.clean(markdown.render(text))


# Mail programs drop style sheets, so each tag bears its own style. No colour is named: dark mode
# turns what it finds. Outlook knows px, and gives a paragraph without a font its own.
FONT = "font-family:'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
TEXT = f"{FONT};font-size:16px;line-height:1.5"
STYLES = {
    "p": f"margin:0 0 16px;{TEXT}",
    "h1": f"margin:24px 0 8px;{FONT};font-size:24px;line-height:1.25",
    "h2": f"margin:24px 0 8px;{FONT};font-size:20px;line-height:1.25",
    "h3": f"margin:24px 0 8px;{FONT};font-size:17px;line-height:1.25",
    "ul": "margin:0 0 16px;padding-left:24px",
    "ol": "margin:0 0 16px;padding-left:24px",
    "li": f"margin:0 0 4px;{TEXT}",
    "a": "text-decoration:underline;overflow-wrap:anywhere",
    "blockquote": "margin:0 0 16px;padding-left:12px;border-left:3px solid",
    "code": "font-family:Consolas,Menlo,monospace;font-size:14px;white-space:pre-wrap",
    "hr": "margin:24px 0;border:0;border-top:1px solid",
    "img": "max-width:100%;height:auto",
}
OF_A_KIND = {"h4": "h3", "h5": "h3", "h6": "h3"}
MAY_BE_STYLED = {
    tag: nh3.ALLOWED_ATTRIBUTES.get(tag, set()) | {"style"} for tag in (*STYLES, *OF_A_KIND)
}


@lru_cache(maxsize=16)
def to_email(text: str) -> str:
    """The HTML with a style on each tag. They are all ours: what staff write cannot hold any."""
    tokens = markdown.parse(text)
    inline = [child for block in tokens for child in block.children or ()]
    for token in (*tokens, *inline):
        if style := STYLES.get(OF_A_KIND.get(token.tag, token.tag)):
            token.attrSet("style", style)
    html = markdown.renderer.render(tokens, markdown.options, {})
    return nh3.clean(html, attributes=nh3.ALLOWED_ATTRIBUTES | MAY_BE_STYLED)


def for_header(text: str) -> str:
    """No line ends or control characters, nor what mail programs would decode."""
    return one_line(text).replace("=?", "= ?")


@lru_cache(maxsize=16)
def to_sms(text: str) -> str:
    """The words alone; a link as "words (address)", a list item behind a dash or its number."""
    return re.sub(r"\n{3,}", "\n\n", "".join(plain(markdown.parse(text)))).strip()


BREAKS = {
    "softbreak": "\n",
    "hardbreak": "\n",
    "blockquote_close": "\n",
    "bullet_list_close": "\n",
    "ordered_list_close": "\n",
    "heading_close": "\n\n",
    "hr": "\n\n",
}


def plain(tokens: Iterable[Token]) -> Iterator[str]:
    links: list[tuple[str, list[str]]] = []
    for token in tokens:
        piece = BREAKS.get(token.type, token.content)
        if token.type == "inline":
            piece = "".join(plain(token.children or []))
        elif token.type == "list_item_open":
            piece = f"{token.info}{token.markup} " if token.info else "- "
        elif token.type in ("fence", "code_block"):
            piece = f"{token.content}\n"
        elif token.type == "paragraph_close":
            piece = "\n" if token.level else "\n\n"
        elif token.type == "link_open":
            links.append((str(token.attrs["href"]), []))
        elif token.type == "link_close":
            address, words = links.pop()
            piece = address if words == [address] else f"{''.join(words)} ({address})"
        if piece and links:
            links[-1][1].append(piece)
        elif piece:
            yield piece
