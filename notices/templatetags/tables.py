"""How a table is shown: on a narrow screen it scrolls, also by the keyboard."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.simple_block_tag
def table(content: str, label: str) -> SafeString:
    """`label`: what a screen reader calls it."""
    return format_html(
        '<div class="scroll" tabindex="0" role="region" aria-label="{}"><table>{}</table></div>',
        label,
        mark_safe(content),  # noqa: S308  a template's own
    )
