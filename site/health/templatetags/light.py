"""How everything is, in one word, for other pages than the health page."""

from django import template

from health import report

register = template.Library()


@register.simple_tag
def troubles() -> int:
    """How many things need attention."""
    return len(report.make().troubles)
