"""What staff write, with the keys of its placeholders: Markdown made into HTML, plain text, SMS."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain

import nh3
from markdown_it.token import Token

from notices.content.markdown import parse, parse_line, render, same_address
from web.characters import one_line

__all__ = [
    "PARAGRAPH", "fill", "for_header", "for_text", "greet_nobody", "line_to_email", "line_to_sms",
    "tidy", "to_email", "to_sms",
]  # fmt: skip

# "Dear ((name)),", "尊敬的((name))：", "((name))，您好！" at the beginning of a line.
GREETING = re.compile(
    r"^(?P<marks>[#>*_ ]*)(?P<words>(?:[^\W\d]+[ ]){0,3}[^\W\d]*)[*_]*\(\([ ]*name[ ]*\)\)[*_]*"
    r"(?:[,，]?(?:您好|你好))?[*_]*(?P<end>[,，:：!！]|(?=[ ]*$))[*_]*",
    re.MULTILINE,
)


def greet_nobody(text: str, greeting: str) -> str:
    """For whom we know no name: `greeting` in place of a line's first words and ((name))."""

    def instead(found: re.Match[str]) -> str:
        is_greeting = found["words"] or found["end"]
        return found["marks"].strip("*_") + greeting if is_greeting else found[0]

    return GREETING.sub(instead, text)


KEYED = re.compile(r"\(\(([^()\s]+)\)\)")


def fill(text: str, values: Mapping[str, str]) -> str:
    """`values`: of a key, and of %key where it stands in an address, encoded for that."""
    return KEYED.sub(lambda found: values.get(found[1], found[0]), text)


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
    "table": "margin:0 0 16px;border-collapse:collapse",
    "th": f"padding:4px 8px;border:1px solid;{TEXT}",
    "td": f"padding:4px 8px;border:1px solid;{TEXT}",
}
PARAGRAPH = f'<p style="{STYLES["p"]}">'
OF_A_KIND = {"h4": "h3", "h5": "h3", "h6": "h3"}
MAY_BE_STYLED = {
    tag: nh3.ALLOWED_ATTRIBUTES.get(tag, set()) | {"style"} for tag in (*STYLES, *OF_A_KIND)
}


@lru_cache(maxsize=16)
def to_email(text: str) -> str:
    """The HTML with a style on each tag. They are all ours: what staff write cannot hold any."""
    return styled(parse(text))


@lru_cache(maxsize=16)
def line_to_email(text: str) -> str:
    """The same of what stands within a paragraph."""
    return styled(parse_line(text))


def styled(tokens: list[Token]) -> str:
    inline = (child for block in tokens for child in block.children or ())
    for token in chain(tokens, inline):
        if style := STYLES.get(OF_A_KIND.get(token.tag, token.tag)):
            aligned = token.attrs.get("style")  # of a table's column
            token.attrSet("style", f"{style};{aligned}" if aligned else style)
    # nh3 drops every tag that is not harmless, and what no link of ours can be.
    return nh3.clean(
        render(tokens),
        attributes=nh3.ALLOWED_ATTRIBUTES | MAY_BE_STYLED,
        url_schemes={"http", "https", "mailto", "tel"},
    )


def for_header(text: str) -> str:
    """No line ends or control characters, nor what mail programs would decode."""
    return one_line(text).replace("=?", "= ?")


def for_text(value: str) -> str:
    """A person's own, amid our words: it turns none of them around."""
    return for_header(value if value.isascii() else TURNS.sub("", value))


TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")  # the direction of what follows


@lru_cache(maxsize=16)
def to_sms(text: str) -> str:
    """The words alone; a link as "words (address)", and so an image; a list item behind a dash or
    its number, a table's cells side by side."""
    words = re.sub(f"{CELL}+\n", "\n", "".join(plain(parse(text)))).replace(CELL, " | ")
    return tidy(words)


def tidy(words: str) -> str:
    """Without the hole that a paragraph leaves which is not said."""
    return re.sub(r"\n{3,}", "\n\n", words).strip()


@lru_cache(maxsize=16)
def line_to_sms(text: str) -> str:
    return "".join(plain(parse_line(text)))


CELL = "\x1f"  # behind each cell of a table; nobody can type it
SAID = {
    "softbreak": "\n",
    "hardbreak": "\n",
    "blockquote_close": "\n",
    "bullet_list_close": "\n",
    "ordered_list_close": "\n",
    "heading_close": "\n\n",
    "hr": "\n\n",
    "th_close": CELL,
    "td_close": CELL,
    "tr_close": "\n",
    "table_close": "\n",
    "s_open": "~~",  # without it the words would say the opposite
    "s_close": "~~",
}


def plain(tokens: Iterable[Token]) -> Iterator[str]:
    links: list[tuple[Token, list[str]]] = []
    for token in tokens:
        if token.type == "link_open":
            links.append((token, []))
            continue
        if token.type == "link_close":
            opened, words = links.pop()
            piece = with_address("".join(words), opened)
        else:
            piece = image(token, bool(links)) if token.type == "image" else said(token)
        if piece and links:
            links[-1][1].append(piece)
        elif piece:
            yield piece


def said(token: Token) -> str:
    match token.type:
        case "inline":
            return "".join(plain(token.children or []))
        case "list_item_open":
            return f"{token.info}{token.markup} " if token.info else "- "
        case "fence" | "code_block":
            return f"{token.content}\n"
        case "paragraph_close":
            return "\n" if token.level else "\n\n"
    return SAID.get(token.type, token.content)


def with_address(words: str, link: Token) -> str:
    if link.info == "auto":
        return words
    address = str(link.attrs["href"])
    if same_address(words, address):
        return words
    scheme, _colon, rest = address.partition(":")
    if scheme.lower() in ("mailto", "tel"):
        address = rest.partition("?")[0]
    return f"{words} ({address})" if words not in ("", address) else address


def image(token: Token, linked: bool) -> str:
    """An image without words is there to be looked at; one in a link shows where that leads."""
    words = "".join(plain(token.children or []))
    return f"{words} ({token.attrs['src']})" if words and not linked else words
