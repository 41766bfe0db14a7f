"""Usernames: what may be one, and when two of them are one name to a reader."""

import re
import unicodedata
from secrets import randbelow

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from signup.lookalikes import LOOK_LIKE
from web import characters

LONGEST_NUMBER = 6  # digits that no phone number has; a staff number may be so long
PRETEND = str.maketrans({each: latin for latin, others in LOOK_LIKE.items() for each in others})
DOT_ABOVE = str.maketrans({"\u0307": None})  # of a Turkish capital İ in lower case
# Whoever has one of these speaks for the house. Only staff and commands give them away.
RESERVED = frozenset(
    [
        "admin",
        "administrator",
        "bellhop",
        "helpdesk",
        "moderator",
        "official",
        "postmaster",
        "security",
        "staff",
        "support",
        "system",
        "webmaster",
    ]
)


def typed(text: str) -> str:
    """As it is kept: wide letters are the ordinary ones, blanks around it do not count."""
    return unicodedata.normalize("NFKC", characters.trim(text))


def made_up() -> str:
    """For one of many whom a file names without: so long that no two get the same."""
    return f"person_{randbelow(10**13):013}"


def key(username: str) -> str:
    """The same for names that differ by case, or by letters that look alike, such as a Latin and a
    Cyrillic a; unique among users. Digits of any script count as what they mean."""
    digits = "".join(str(int(each)) if each.isdecimal() else each for each in username)
    return digits.casefold().translate(DOT_ABOVE).translate(PRETEND)


def check_new(username: str) -> None:
    """Raises ValidationError for one that nobody may take any more; who has such a one keeps it."""
    if any(map(characters.is_unseen, username)):
        raise ValidationError(_("Leave out characters that cannot be seen. Type this again."))
    digits = re.sub(r"\D", "", username)
    if len(digits) > LONGEST_NUMBER and not any(map(str.isalpha, username)):
        raise ValidationError(_("This could be a phone number. Add a letter to it."))
