"""How a reason that is kept on a delivery is shown."""

import re

from django import template
from django.utils.translation import gettext

register = template.Library()
WITH_CODE = re.compile(r"(?P<words>.+) \((?P<code>[^()]+)\)\.")


@register.filter
def in_words(reason: str) -> str:
    """In the reader's language; the provider's code behind it stays as it is."""
    if found := WITH_CODE.fullmatch(reason):
        kept = found["words"] + "."
        sentence = gettext(kept)
        return f"{sentence[:-1]} ({found['code']}){sentence[-1]}"
    return gettext(reason) if reason else ""
