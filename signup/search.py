"""Looking for people by what somebody reads or remembers of a number or an address."""

import re
import unicodedata
from functools import cache, reduce
from operator import or_
from typing import Any, ClassVar

from django.db import connection
from django.db.models import Q, QuerySet, TextField
from django.db.models.expressions import RawSQL
from django.db.models.lookups import IContains
from django.http import HttpRequest

from signup import emails, phones, security
from web import characters

SOME_LETTERS = 5  # before the @: fewer, such as "info", are many people's
SOME_DIGITS = 4  # of a number: fewer are that of a notice or a room
# What the index user_by_a_part is on.
EVERYTHING = " || chr(10) || ".join(
    ["signup_user.name", "signup_user.username", "signup_user.email",
     "COALESCE(signup_user.mobile, '')"]
)  # fmt: skip
AS_PRINTED = re.compile(r"\+?[0-9]{2,}")


def fitting(text: str, *fields: str) -> Q:
    """For rows with `text` in one of these fields, or what it stands for: "139-0000" for a part of
    +8613900000011, "info@xn--…" for an address that is kept in its own letters."""
    found = Q()
    for field in fields:
        for each in wanted(text):
            found |= Q(**{f"{field}__icontains": each})
    return found


def near(text: str) -> Q:
    """For a query of users: all whom fitting() finds by name, username, email or mobile, and
    perhaps more. Beside it, it lets PostgreSQL find them by its index, where there is one."""
    if not is_indexed():
        return Q()
    every = RawSQL(EVERYTHING, (), TextField())  # noqa: S611  it is constant
    return reduce(or_, (Q(IContains(every, rare(each))) for each in wanted(text)), Q())


def rare(text: str) -> str:
    """The part of an email address that few others have: a million end in the same domain, of
    which the index would go through every three letters."""
    local, at, _domain = text.rpartition("@")
    return f"{local}{at}" if len(local) >= SOME_LETTERS else text


@cache
def is_indexed() -> bool:
    """Whether this PostgreSQL let the migration make it."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('user_by_a_part') IS NOT NULL")
        return bool(cursor.fetchone()[0])


def wanted(text: str) -> set[str]:
    return {characters.trim(text), *meant(characters.clean(text))} - {""}


def meant(text: str) -> set[str]:
    """As what a text may stand in a row."""
    address = emails.typed(text)
    if digits := part_of_number(address):
        return {digits}
    return emails.forms(address) if emails.is_meant(text) else {address}


def part_of_number(text: str) -> str:
    """The digits as they follow each other in E.164; empty for what is no part of a number."""
    digits = characters.without_unseen(unicodedata.normalize("NFKC", text))
    digits = phones.TEL.sub("", digits, count=1).replace("(0)", "")
    digits = phones.BETWEEN.sub("", digits)
    if not AS_PRINTED.fullmatch(digits):
        return ""
    if digits.startswith("00"):
        return digits[2:]
    return digits.removeprefix("0") if not digits.startswith("+") else digits


def looked_for(text: str) -> None:
    """Keeps that somebody who sees addresses looked for one or for a part of one; not which."""
    digits = part_of_number(emails.typed(text))
    if len(digits) >= SOME_DIGITS or emails.is_meant(text):
        security.tell("addresses-searched")


class PeopleSearch:
    """For the admin: search_fields as fitting() takes them, over the whole of what is typed."""

    search_fields: ClassVar[tuple[str, ...]]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = characters.clean(search_term)
        looked_for(term)
        return queryset.filter(fitting(term, *self.search_fields)), False
