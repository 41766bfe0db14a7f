"""Where a group, an attribute or a saved audience is still needed, and what becomes of that."""

import re
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from notices.audience import conditions
from notices.models import UNFINISHED, Notice, SavedAudience, Schedule
from signup import groups
from signup.models import Attribute, Group, User

__all__ = ["delete_attribute", "delete_audience", "delete_group", "merge"]

PART = 5000  # people
SHOWN = 5


def to_come() -> tuple[Q, Q]:
    """Of notices, and of schedules: what may still tell somebody."""
    return Q(state__in=UNFINISHED), ~Q(state=Schedule.State.ENDED)


def users_of(wanted: Q) -> Iterator[str]:
    unfinished, goes_on = to_come()
    for pk in Notice.objects.filter(unfinished, wanted).values_list("pk", flat=True)[:SHOWN]:
        yield _("notice %(number)d") % {"number": pk}
    for pk in Schedule.objects.filter(goes_on, wanted).values_list("pk", flat=True)[:SHOWN]:
        yield _("schedule %(number)d") % {"number": pk}


def in_other_languages(placeholder: str) -> Iterator[str]:
    """Read here: the database may keep these with escapes."""
    unfinished, goes_on = to_come()
    notice, schedule = _("notice %(number)d"), _("schedule %(number)d")
    for model, there, called in ((Notice, unfinished, notice), (Schedule, goes_on, schedule)):
        rows: Any = model
        for row in rows.objects.filter(there, texts__isnull=False):
            written = (text for each in row.texts.values() for text in each.values())
            if any(re.search(placeholder, text) for text in written):
                yield called % {"number": row.pk}


def audiences_with(what: str, value: object) -> list[SavedAudience]:
    every = SavedAudience.objects.order_by("key")
    return [each for each in every if conditions.mentions(each.conditions, what, value)]


def refuse_if(*used: str) -> None:
    """Raises ValidationError when it is used at all."""
    if used:
        raise ValidationError(
            _("It is still in use: %(uses)s. Change or end these first.")
            % {"uses": ", ".join(used[:SHOWN])}
        )


def delete_group(pk: int) -> None:
    """Raises ValidationError when somebody is still to be told by it. People stay."""
    with transaction.atomic():
        group = Group.objects.select_for_update().filter(pk=pk).first()
        if group is not None:
            refuse_if(*users_of(Q(group=pk)), *map(str, audiences_with("group", pk)))
            group.delete()


def merge(group: Group, into: Group) -> None:
    """Also what tells the one tells the other."""
    with transaction.atomic():
        for model in (Notice, Schedule):
            model._default_manager.filter(group=group).update(group=into)
        for each in audiences_with("group", group.pk):
            for condition in (one for together in each.conditions for one in together):
                if condition["what"] == "group" and condition["value"] == group.pk:
                    condition["value"] = into.pk
            each.save(update_fields=["conditions"])
        groups.merge(group, into)


def delete_audience(pk: int) -> None:
    with transaction.atomic():
        found = SavedAudience.objects.select_for_update().filter(pk=pk).first()
        if found is not None:
            refuse_if(*users_of(Q(saved=pk)))
            found.delete()


def delete_attribute(name: str) -> None:
    """From all people, too: a new one of this name begins empty."""
    placeholder = rf"\(\(\s*{re.escape(name)}\s*(\)\)|\||\?\?)"
    in_text = Q(text__regex=placeholder) | Q(subject__regex=placeholder)
    in_text |= Q(sms_text__regex=placeholder)
    refuse_if(
        *users_of(in_text),
        *in_other_languages(placeholder),
        *map(str, audiences_with(conditions.ATTRIBUTE, name)),
    )
    Attribute.objects.filter(name=name).delete()
    without, path = "json_remove(attributes, %s)", f'$."{name}"'
    if connection.vendor == "postgresql":
        without, path = "attributes - %s", name
    having = User.objects.filter(attributes__has_key=name).order_by("pk")
    while part := list(having.values_list("pk", flat=True)[:PART]):
        table = connection.ops.quote_name(User._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {table} SET attributes = {without} WHERE id BETWEEN %s AND %s"  # noqa: S608
                " AND attributes IS NOT NULL",
                [path, part[0], part[-1]],
            )
