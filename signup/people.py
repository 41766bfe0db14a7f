"""People as the rows of a file say who they are: read, and what is wrong with each cell."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import get_language_info, get_supported_language_variant
from django.utils.translation import gettext as _

from signup import emails, groups, names, phones, usernames
from signup.models import User
from web import characters, workbooks

COLUMNS = ("username", "email", "mobile", "language")
OPTIONAL = ("name", "groups")
MOST_GROUPS = 20  # of one row
BETWEEN_GROUPS = re.compile("[,;，；、\n]")


class BadRow(Exception):  # noqa: N818
    """A row that cannot be used, in words that follow its number. `cells`: each column that has
    something wrong, with its sentence."""

    def __init__(self, words: str, *cells: tuple[str, str]) -> None:
        super().__init__(words)
        self.cells = cells or (("", words),)


class Person(NamedTuple):
    """A checked row; what is empty is left as it is."""

    row: int
    username: str
    name: str
    email: str
    mobile: str
    language: str
    attributes: Mapping[str, str]
    groups: tuple[str, ...] = ()

    @property
    def keys(self) -> set[str]:
        """What no two users share."""
        name = self.username and usernames.key(self.username)
        found = {f"username {name}", f"email {self.email}", f"mobile {self.mobile}"}
        return found - {"username ", "email ", "mobile "}


def read_person(
    number: int,
    row: Mapping[str, str],
    attributes: Sequence[str] = (),
    longest: int = groups.LONGEST_VALUE,
) -> Person:
    """`attributes`: the names of those that there are, of which none has a `longest` value. Raises
    BadRow."""
    problems: list[tuple[str, str]] = []
    found: dict[str, Any] = {}
    for name, read in readers(tuple(attributes), longest):
        if not ((text := row.get(name)) and (text := characters.trim(text))):
            continue
        try:
            check_cell(name, text)
            found[name] = read(text)
        except ValidationError as problem:
            problems.append((name, " ".join(map(str, problem.messages))))
    get = found.get
    username, email, mobile = get("username", ""), get("email", ""), get("mobile", "")
    if not (problems or username or mobile or email):
        problems.append(("username", _("Fill in a username, a mobile number or an email.")))
    if problems:
        raise BadRow(" ".join(words for _column, words in problems), *problems)
    own = {name: found[name] for name in attributes if get(name)}
    language = get("language", "")
    return Person(
        number, username, get("name", ""), email, mobile, language, own, get("groups", ())
    )


@lru_cache(maxsize=100)
def readers(attributes: Sequence[str], longest: int) -> list[tuple[str, Callable[[str], Any]]]:
    """Of each column, in the order in which problems are told."""
    own = partial(names.normalise, longest=longest)
    return [*READERS.items(), *((name, own) for name in attributes), ("groups", read_groups)]


def check_cell(name: str, text: str) -> None:
    if "\ufffd" in text:
        raise ValidationError(
            _("%(column)s is not in UTF-8. Save the file as UTF-8.") % {"column": name}
        )
    if text.startswith("#") and text in workbooks.ERRORS:
        raise ValidationError(
            _("This is an error of the spreadsheet. Mend its formula, or type what is meant.")
        )


def read_username(text: str) -> str:
    name = usernames.typed(text)
    for check in User._meta.get_field("username").validators:
        check(name)
    return name


def read_mobile(text: str) -> str:
    try:
        return phones.normalise(text, abroad=True)
    except ValidationError:
        # A spreadsheet that took it for a number left out the plus: who is meant is not guessed.
        if text.isdecimal() and text.isascii() and phones.at_once(f"+{text}"):
            raise ValidationError(
                _(
                    "If this begins with a country's code, write + before it. "
                    "Format the column as text first."
                )
            ) from None
        raise


def read_groups(text: str) -> tuple[str, ...]:
    found = {
        groups.key_of(name): name
        for name in map(groups.read_group, filter(characters.trim, BETWEEN_GROUPS.split(text)))
    }
    if len(found) > MOST_GROUPS:
        raise ValidationError(_("Name at most %(number)d groups.") % {"number": MOST_GROUPS})
    return tuple(found.values())


@lru_cache(maxsize=100)
def read_language(text: str) -> str:
    """One of settings.LANGUAGES; also "zh", "zh-CN", "en-GB" mean one of them."""
    for code, label in settings.LANGUAGES:  # as pages call it
        if text.lower() in (str(label).lower(), get_language_info(code)["name"].lower()):
            return str(code)
    try:
        return get_supported_language_variant(text.lower().replace("_", "-"))
    except LookupError:
        known = ", ".join(dict(settings.LANGUAGES))
        raise ValidationError(
            _("language %(text)r is not one of %(known)s.") % {"text": text[:20], "known": known}
        ) from None


READERS: dict[str, Callable[[str], Any]] = {
    "username": read_username,
    "name": names.normalise,
    "email": emails.normalise,
    "mobile": read_mobile,
    "language": read_language,
}
