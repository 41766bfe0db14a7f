"""How a table is shown: where it is too wide it scrolls, also by the keyboard; on a phone each row
is a card, in which each cell says what it is."""

import re
from html import unescape

from django import template
from django.utils.html import format_html, strip_tags
from django.utils.safestring import SafeString, mark_safe

register = template.Library()
HEADING = re.compile(r"<th\b[^>]*>(.*?)</th>", re.DOTALL)
CELL = re.compile(r"<t[dh]\b")


@register.simple_block_tag
def table(content: str, label: str) -> SafeString:
    """`label`: what a screen reader calls it."""
    head, ends, body = content.partition("</thead>")
    return format_html(
        '<div class="scroll" tabindex="0" role="region" aria-label="{}"><table>{}</table></div>',
        label,
        mark_safe(head + ends + labelled(body, HEADING.findall(head))),  # noqa: S308  a template's own
    )


def labelled(body: str, headings: list[str]) -> str:
    """Each cell with the words above it."""
    texts = (unescape(strip_tags(each)).strip() for each in headings)
    words = [format_html('data-label="{}"', text) if text else "" for text in texts]
    before, *rows = body.split("<tr")
    return "<tr".join([before, *(with_words(row, words) for row in rows)])


def with_words(row: str, words: list[str]) -> str:
    left = iter(words)
    return CELL.sub(lambda cell: f"{cell[0]} {next(left, '')}".rstrip(), row)
