"""Passwords that are guessed first, however they look. No rule about kinds of characters: those
lead to P@ssw0rd2026! (NIST SP 800-63B-4, 3.1.1.2; OWASP ASVS 5.0, 6.2.5 and 6.2.11)."""

import re
from functools import cache
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from signup.models import User

ADDED = 6  # characters before and after a word that do not make it a good one
FOUR = 4  # letters that a word has at least
LOOK_ALIKE = str.maketrans("@4031!$57", "aaoeiisst")
DATE = re.compile(r"(19|20)\d\d(0\d|1[0-2])[0-3]\d|[0-3]\d[0-3]\d(19|20)\d\d")
ENDS = re.compile(r"^[\W\d_]{1,6}|[\W\d_]{1,6}$")  # no more, or a long text would take long


class GuessableValidator:
    """Refuses a common password or a word of this site with a little around it, a date, and one's
    own number."""

    def validate(self, password: str, user: User | None = None) -> None:
        found = cores(password)
        if found & common() or found & own_words(user) or is_number(password, user):
            raise ValidationError(
                _("This password is among the first that are tried. Take a few words instead."),
                code="password_guessable",
            )

    def get_help_text(self) -> str:
        return _("A few words that do not belong together make a good password.")


def cores(password: str) -> set[str]:
    """What is left of it without what was put around a word, and without look-alikes."""
    found = set()
    for text in (password.lower(), password.lower().translate(LOOK_ALIKE)):
        core = ENDS.sub("", text)
        if len(core) >= FOUR and len(password) - len(core) <= ADDED:
            found |= {core, core.translate(LOOK_ALIKE)}
    return found


def is_number(password: str, user: User | None) -> bool:
    digits = re.sub(r"\W", "", password)
    if not digits.isdecimal():
        return False
    mobile = str(user.mobile or "") if user else ""
    return bool(DATE.fullmatch(digits)) or (mobile != "" and mobile[-8:] in digits)


@cache
def common() -> set[str]:
    return set(CommonPasswordValidator().passwords)


def own_words(user: User | None) -> set[str]:
    """The names of the product, of its hosts and of the user."""
    hosts = [*settings.ALLOWED_HOSTS, urlsplit(settings.PUBLIC_URL).hostname or ""]
    names = [user.username, user.email.partition("@")[0]] if user else []
    names += [part for part in user.name.split() if len(part) > 3] if user else []
    parts = [part for host in hosts for part in host.split(".")]
    return {word.lower() for word in ("bellhop", *parts, *names)}
