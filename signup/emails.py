"""Email addresses as people write them, to the one form in which each is kept."""

import re
import unicodedata
from contextlib import suppress
from functools import lru_cache
from urllib.parse import unquote

import idna
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from web import characters

MOST, MOST_LOCAL = 254, 64  # characters (RFC 5321, 4.5.3.1)
MAILTO = re.compile("mailto:", re.IGNORECASE)
# Most are of this shape, about which nobody else has anything to say.
PLAIN = re.compile(
    r"[a-z0-9_+-]{1,64}(?:\.[a-z0-9_+-]{1,64})*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
)


def typed(text: str) -> str:
    """Without what is around an address: blanks, what cannot be seen, the mailto: of a link; with
    the ordinary letters in place of the wide ones of Chinese keyboards."""
    text = characters.trim(text)
    if MAILTO.match(text):
        text = unquote(text[len("mailto:") :])
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def is_meant(text: str) -> bool:
    """Whether somebody means an email address, right or wrong."""
    return "@" in text or "＠" in text


def canonical(text: str) -> str:
    """By which addresses are compared and kept: in lower case, an international domain in its own
    letters. It leaves as xn--…, and so the provider names it. Whatever is no address stays."""
    local, at, domain = text.lower().rpartition("@")
    if at and ("xn--" in domain or not domain.isascii()):
        domain = own_letters(domain)
    return f"{local}{at}{domain}"


@lru_cache(maxsize=1024)
def own_letters(domain: str) -> str:
    with suppress(ValueError):  # idna's
        domain = idna.decode(domain, uts46=True)
    return domain


def forms(address: str) -> set[str]:
    """Both ways in which a kept address may stand in older rows."""
    return {canonical(address), to_ascii(address)}


def to_ascii(address: str) -> str:
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{domain if domain.isascii() else as_it_leaves(domain)}"


@lru_cache(maxsize=1024)
def as_it_leaves(domain: str) -> str:
    with suppress(ValueError):
        domain = idna.encode(domain, uts46=True).decode()
    return domain


def normalise(text: str) -> str:
    """The canonical form of an address that email can reach. Raises ValidationError.

    A local part in quotes or in letters outside of ASCII, and an IP address for a domain, is valid
    by the book, and carried by next to nobody.
    """
    if is_plain(text) or is_plain(text := typed(text).lower()):
        return text
    plain = to_ascii(text)
    if len(plain) > MOST:
        raise ValidationError(_("Use at most %(limit_value)d characters.") % {"limit_value": MOST})
    local = plain.rpartition("@")[0]
    try:
        validate_email(plain)
    except ValidationError:
        raise ValidationError(no_address()) from None
    if '"' in local or plain.endswith("]") or len(local) > MOST_LOCAL or not plain.isascii():
        raise ValidationError(no_address())
    return canonical(plain)


def is_plain(text: str) -> bool:
    return len(text) <= MOST_LOCAL and bool(PLAIN.fullmatch(text)) and "xn--" not in text


def no_address() -> str:
    return _("This is not a valid email. Enter an email address such as name@example.com.")
