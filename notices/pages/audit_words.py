"""Entries of the audit log for people: a sentence each, in the reader's language, with what its
objects are called now."""

from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from django.contrib.auth.models import Group
from django.db.models import Model
from django.urls import reverse
from django.utils.translation import gettext as _

from notices.models import Notice, SavedAudience, Schedule, Token
from signup import groups, roles
from signup.audit.verbs import SENTENCES, STEPS
from signup.models import Entry, Purpose, Upload, User

__all__ = ["lines", "pattern"]

Kind = Entry.Kind
Names = dict[str, dict[int, str]]  # kind -> number -> what it is called
CALLED: dict[str, tuple[type[Model], Callable[[Any], str]]] = {
    Kind.ACCOUNT: (User, User.get_full_name),
    Kind.NOTICE: (Notice, lambda row: f"{row.pk} “{row.subject}”"),
    Kind.SCHEDULE: (Schedule, lambda row: f"{row.pk} “{row.subject}”"),
    Kind.AUDIENCE: (SavedAudience, lambda row: str(row.name)),
    Kind.UPLOAD: (Upload, lambda row: f"{row.pk} “{row.name}”"),
    Kind.TOKEN: (Token, lambda row: str(row.name)),
    Kind.ROLE: (Group, lambda row: roles.in_words(row)[0]),
}
HEAVY = {Notice: ("text", "addresses"), Schedule: ("text", "addresses"), Upload: ("data",)}
PAGES = {
    Kind.ACCOUNT: "person", Kind.NOTICE: "notice", Kind.SCHEDULE: "schedule",
    Kind.AUDIENCE: "audience",
}  # fmt: skip


class Line(NamedTuple):
    """`url`: of the page of what it was done to, if there is one."""

    entry: Entry
    who: str
    sentence: str
    url: str


def lines(entries: Collection[Entry]) -> list[Line]:
    names = names_of(entries)
    return [
        Line(each, who(each, names), sentence(each, names), url(each, names)) for each in entries
    ]


def names_of(entries: Collection[Entry]) -> Names:
    """By one question for each kind."""
    wanted = defaultdict[str, set[int]](set)
    for each in entries:
        wanted[Kind.ACCOUNT].add(each.by_id or 0)
        wanted[each.kind].add(each.number or 0)
        wanted[Kind.ROLE].add(each.facts.get("group") or 0)
    found: Names = {}
    for kind, (model, called) in CALLED.items():
        rows = model._default_manager.defer(*HEAVY.get(model, ())).in_bulk(wanted[kind] - {0})
        found[kind] = {pk: called(row) for pk, row in rows.items()}
    return found


def who(entry: Entry, names: Names) -> str:
    account = ""
    if entry.by_id:
        account = names[Kind.ACCOUNT].get(entry.by_id) or gone(Kind.ACCOUNT, entry.by_id)
    return " / ".join(filter(None, [account, entry.doer])) or "–"


def gone(kind: str, number: int | None) -> str:
    return f"{Kind(kind).label} {number}"


def sentence(entry: Entry, names: Names) -> str:
    """A verb of a later version is shown as it is."""
    facts = defaultdict(lambda: "–", {key: in_words(entry, key, names) for key in entry.facts})
    if entry.kind:
        called = names.get(entry.kind, {}).get(entry.number or 0)
        facts["what"] = called or gone(entry.kind, entry.number)
    elif entry.verb == "sign-in-failed":
        facts["what"] = _("by a name that nobody has")
    elif facts:
        facts["what"] = ", ".join(f"{key} {value}" for key, value in facts.items())
    return str(SENTENCES.get(entry.verb, entry.verb)) % facts


def in_words(entry: Entry, fact: str, names: Names) -> str:
    value = entry.facts[fact]
    match fact:
        case "changed":
            fields, known = list(filter(None, str(value).split(","))), CALLED.get(entry.kind)
            return (groups.fields_in_words(known[0], fields) if known else ", ".join(fields)) or "–"
        case "purpose" if value in Purpose.values:
            return str(Purpose(value).label)
        case "step" if value in STEPS:
            return str(STEPS[value])
        case "group":
            return f"“{names[Kind.ROLE].get(value) or gone(Kind.ROLE, value)}”"
    return str(value)


def url(entry: Entry, names: Names) -> str:
    there = entry.number in names.get(entry.kind, {})
    return (
        reverse(PAGES[Kind(entry.kind)], args=[entry.number])
        if there and entry.kind in PAGES
        else ""
    )


def pattern(verb: str) -> str:
    """What a verb says of whatever it was done to."""
    return str(SENTENCES[verb]) % defaultdict(lambda: "…")
