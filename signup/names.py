"""People's names, and other short lines about them: in any script, on one line."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from web import characters

LONGEST = 150  # characters; of a delivery's column, too


def normalise(text: str, longest: int = LONGEST) -> str:
    """As it is kept: blanks at its ends do not count, those within it are single ones. Raises
    ValidationError with a sentence."""
    if text.isalnum() and text.isascii() and len(text) <= longest:  # most values are
        return text
    text = characters.trim(text)
    if len(text) > longest:
        raise ValidationError(_("Use at most %(number)d characters.") % {"number": longest})
    if characters.has_breaking(text):
        raise ValidationError(_("Leave out characters that cannot be seen. Type this again."))
    return " ".join(text.split())
