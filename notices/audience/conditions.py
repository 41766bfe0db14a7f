"""Conditions about people, as staff choose them: no more than this can be asked, and all of it in
one query.

They are kept as a list of alternatives, each a list of conditions that all have to be true:
[[a, b], [c]] is "a and b, or c". A condition is {"what": …, "value": …, "not": true or false}, and
for an attribute its "name".
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from functools import reduce
from operator import and_, or_
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q, TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact
from django.utils.translation import get_supported_language_variant, gettext_lazy
from django.utils.translation import gettext as _

from notices.channels import CHANNELS
from notices.models import Delivery, Notice, State
from signup import groups
from signup.models import Group, Membership

__all__ = [
    "ATTRIBUTE",
    "choices",
    "fitting",
    "in_words",
    "mentions",
    "reached_by",
    "read",
    "sentence",
    "written",
]

Condition = Mapping[str, Any]
Conditions = Sequence[Sequence[Condition]]

NOBODY = Q(pk__in=[])
ATTRIBUTE = "attribute"
PLAIN = {
    "group": gettext_lazy("group"),
    "language": gettext_lazy("language"),
    "channel": gettext_lazy("reached by"),
    "before": gettext_lazy("joined before"),
    "after": gettext_lazy("joined on or after"),
    "sent": gettext_lazy("sent notice"),
    "delivered": gettext_lazy("received notice"),
    "failed": gettext_lazy("missed notice"),
}
STATES = {
    "sent": (State.SENT, State.DELIVERED, State.UNCERTAIN),
    "delivered": (State.DELIVERED,),
    "failed": (State.FAILED, State.BOUNCED, State.EXPIRED, State.SUPPRESSED, State.NO_ADDRESS),
}


def choices() -> list[tuple[str, Any]]:
    """What a condition can be about: for a form."""
    own = ((f"{ATTRIBUTE}:{name}", name) for name in groups.attributes())
    return [*list(PLAIN.items())[:1], *own, *list(PLAIN.items())[1:]]


# Reading


def read(what: str, value: str, *, negated: bool) -> Condition:
    """What a form or an object says. Raises ValidationError with a sentence."""
    what, _colon, name = what.partition(":")
    value = value.strip()
    if what == ATTRIBUTE:
        if name not in groups.attributes():
            raise ValidationError(_("There is no attribute of this name any more."))
        kept = groups.values({name: value}, [name]).get(name, "")
        return {"what": what, "name": name, "value": kept, "not": negated}
    if what not in READERS:
        raise ValidationError(_("Choose what this is about."))
    return {"what": what, "value": READERS[what](value), "not": negated}


def read_group(text: str) -> int:
    if found := groups.find(text):
        return found.pk
    raise ValidationError(_("There is no group of this name."))


def read_language(text: str) -> str:
    by_name = {str(label).lower(): code for code, label in settings.LANGUAGES}
    try:
        return by_name.get(text.lower()) or get_supported_language_variant(text.lower())
    except LookupError:
        known = ", ".join(dict(settings.LANGUAGES))
        raise ValidationError(_("Write one of these: %(known)s.") % {"known": known}) from None


def read_channel(text: str) -> str:
    if text.lower() in CHANNELS:
        return text.lower()
    raise ValidationError(_("Write one of these: %(known)s.") % {"known": ", ".join(CHANNELS)})


def read_date(text: str) -> str:
    try:
        found = date.fromisoformat(text)
        if not 1900 <= found.year < 3000:
            raise ValueError
    except ValueError:
        raise ValidationError(_("Enter a date, such as 2026-12-01.")) from None
    return found.isoformat()


def read_notice(text: str) -> int:
    number = text.removeprefix("#")
    known = number.isascii() and number.isdecimal() and len(number) < 18
    if known and Notice.objects.filter(pk=int(number)).exists():
        return int(number)
    raise ValidationError(_("There is no notice of this number."))


READERS: dict[str, Any] = {
    "group": read_group,
    "language": read_language,
    "channel": read_channel,
    "before": read_date,
    "after": read_date,
    **dict.fromkeys(STATES, read_notice),
}


# Asking the database


def fitting(alternatives: Conditions) -> Q:
    """For a query of users. Nobody, when one of them is about what is not there any more: without
    it the others would mean somebody else."""
    if any(problem for _words, problem in in_words(alternatives)):
        return NOBODY
    return reduce(or_, (reduce(and_, map(query, each)) for each in alternatives if each), NOBODY)


def query(condition: Condition) -> Q:
    found = positive(condition)
    return ~found if condition["not"] else found


def positive(condition: Condition) -> Q:
    value = condition["value"]
    match condition["what"]:
        case "group":
            return Q(Exists(Membership.objects.filter(group=value, user=OuterRef("pk"))))
        case "attribute":
            own = Coalesce(KT(f"attributes__{condition['name']}"), Value("", TextField()))
            return Q(Exact(own, Value(value, TextField())))
        case "language":
            return Q(language=value)
        case "channel":
            return reached_by(value)
        case "before":
            return Q(date_joined__lt=midnight(value))
        case "after":
            return Q(date_joined__gte=midnight(value))
    told = Delivery.objects.filter(notice=value, user=OuterRef("pk"))
    return Q(Exists(told.filter(state__in=STATES[condition["what"]])))


def reached_by(name: str) -> Q:
    channel = CHANNELS[name]
    field = channel.user_field
    wants = Q(**{channel.wants_field: True}) if channel.wants_field else Q()
    return wants & Q(**{f"{field}__isnull": False}) & ~Q(**{field: ""})


def midnight(day: str) -> datetime:
    zone = ZoneInfo(settings.TIME_ZONE_DEFAULT)
    return datetime.combine(date.fromisoformat(day), time.min, zone)


# In words


def sentence(alternatives: Conditions) -> str:
    words = iter(words for words, _problem in in_words(alternatives))
    joined = (f" {_('and')} ".join(next(words) for _each in together) for together in alternatives)
    return f", {_('or')} ".join(joined)


def in_words(alternatives: Conditions) -> list[tuple[str, str]]:
    """Of each condition in turn: the condition, and what is wrong with it by now."""
    names, known = names_of_groups(alternatives), groups.attributes()
    found = []
    for each in (condition for together in alternatives for condition in together):
        label, value = label_of(each), text_of(each, names)
        said = _("not %(what)s “%(value)s”") if each["not"] else _("%(what)s “%(value)s”")
        words = said % {"what": label, "value": value}
        problem = ""
        if each["what"] == "group" and each["value"] not in names:
            problem = _("This group was deleted. Take the condition out, or choose another group.")
        if each["what"] == ATTRIBUTE and each["name"] not in known:
            problem = _("This attribute was deleted. Take the condition out.")
        found.append((words, problem))
    return found


def written(alternatives: Conditions) -> list[tuple[str, bool, str, str]]:
    """Each in turn as a form has it: "or" where another alternative begins, whether it is negated,
    what, and its value."""
    names = names_of_groups(alternatives)
    return [
        (
            "and" if position else "or",
            each["not"],
            f"{ATTRIBUTE}:{each['name']}" if each["what"] == ATTRIBUTE else each["what"],
            text_of(each, names),
        )
        for together in alternatives
        for position, each in enumerate(together)
    ]


def names_of_groups(alternatives: Conditions) -> dict[int, str]:
    wanted = [each["value"] for each in flat(alternatives) if each["what"] == "group"]
    return dict(Group.objects.filter(pk__in=wanted).values_list("pk", "name"))


def flat(alternatives: Conditions) -> Iterable[Condition]:
    return (condition for together in alternatives for condition in together)


def label_of(condition: Condition) -> str:
    return str(condition["name"] if condition["what"] == ATTRIBUTE else PLAIN[condition["what"]])


def text_of(condition: Condition, names: Mapping[int, str]) -> str:
    """Its value as somebody would write it."""
    if condition["what"] == "group":
        return names.get(condition["value"], "–")
    return str(condition["value"])


def mentions(alternatives: Conditions, what: str, value: object) -> bool:
    """Whether one of them is about this group, or the attribute of this name."""
    key = "name" if what == ATTRIBUTE else "value"
    return any(each["what"] == what and each[key] == value for each in flat(alternatives))
