"""Which of those who have an account a notice is for, as they are at this moment."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import (
    CharField,
    Exists,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
)
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, JSONObject

from notices.audience import conditions, files
from notices.models import Content
from signup.models import Membership, User

__all__ = ["chosen", "is_above", "size", "told", "values", "values_of"]

NOBODY = Q(pk__in=[])
GROUPS = "groups"  # the placeholder that is no attribute


def chosen(content: Content) -> Q:
    """For a query of users; nobody when its group or its saved audience was deleted."""
    match content.audience:
        case Content.Audience.EVERYONE:
            return Q()
        case Content.Audience.GROUP:
            in_it = Membership.objects.filter(group=content.group_id, user=OuterRef("pk"))
            return Q(Exists(in_it)) if content.group_id else NOBODY
        case Content.Audience.SAVED if content.saved:
            return conditions.fitting(content.saved.conditions)
    return NOBODY


def told(content: Content) -> QuerySet[User]:
    """Who have an account, whatever reaches them."""
    return User.objects.filter(chosen(content), is_active=True)


def size(content: Content) -> int:
    """People of the audience, or lines of a list."""
    if content.audience == Content.Audience.ADDRESSES:
        return len(content.addresses.splitlines())
    if content.audience == Content.Audience.UPLOAD:
        return files.count(content.upload) if content.upload else 0
    return told(content).count()


def is_above(content: Content, limit: int) -> bool:
    """Whether there are more, by a look at no more than are needed to tell."""
    if content.audience in (Content.Audience.ADDRESSES, Content.Audience.UPLOAD):
        return size(content) > limit
    return told(content)[: limit + 1].count() > limit


# What stands in the place of placeholders


class Joined(Func):
    """The names of a query's rows, with commas between them."""

    function = "STRING_AGG"
    template = "%(function)s(%(expressions)s, ', ')"
    output_field = CharField()

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, function="GROUP_CONCAT", **more)


def values(names: Collection[str]) -> JSONObject:
    """For a query of users: name -> value, each there."""
    found: dict[str, Any] = {
        name: Coalesce(KT(f"attributes__{name}"), Value("", TextField()))
        for name in names
        if name != GROUPS
    }
    if GROUPS in names:
        own = Membership.objects.filter(user=OuterRef("pk")).values(joined=Joined(F("group__name")))
        found[GROUPS] = Coalesce(Subquery(own, output_field=CharField()), Value(""))
    return JSONObject(**found)


def values_of(users: Collection[User], names: Collection[str]) -> Mapping[int, dict[str, str]]:
    """The same for these."""
    if not names or not users:
        return {}
    rows = User.objects.filter(pk__in=[each.pk for each in users]).annotate(own=values(names))
    return dict(rows.values_list("pk", "own"))
