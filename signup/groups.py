"""What staff know of people beside their addresses: the groups that they are in, and a few texts
each, such as the building and the room."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from signup import names

LONGEST_GROUP, LONGEST_ATTRIBUTE, LONGEST_VALUE = 100, 30, 100  # characters
MOST_ATTRIBUTES = 20
AN_ATTRIBUTE = re.compile(r"[^\W\d_]+(?:[ -]?[^\W_]+)*")
# What the columns of a file, and placeholders, mean already.
RESERVED = ("name", "group", "groups", "username", "email", "mobile", "language")


class Group(models.Model):
    """Of people, for telling them something: it gives nobody a right, as the admin's do. `key`:
    the same for names that differ by case only."""

    name = models.CharField(gettext_lazy("name"), max_length=LONGEST_GROUP)
    key = models.CharField(max_length=2 * LONGEST_GROUP, unique=True, editable=False)

    class Meta:
        db_table = "signup_people_group"
        verbose_name = gettext_lazy("group of people")
        verbose_name_plural = gettext_lazy("groups of people")
        default_permissions = ()
        ordering = ["key"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    group = models.ForeignKey(Group, models.CASCADE, related_name="memberships", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["group", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"membership {self.pk}"


class Attribute(models.Model):
    """A text that each person may have, by its name in User.attributes: written in small letters,
    as placeholders and columns are."""

    name = models.CharField(gettext_lazy("name"), max_length=LONGEST_ATTRIBUTE, unique=True)

    class Meta:
        default_permissions = ()
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name


class Change(models.Model):
    """Who changed what about a person: the names of what changed, never what it was. `by` is null
    for a command, and for somebody who is not there any more."""

    class What(models.TextChoices):
        ADDED = "added", gettext_lazy("added")
        CHANGED = "changed", gettext_lazy("changed")
        IMPORTED = "imported", gettext_lazy("changed by a file")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="changes")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    what = models.CharField(max_length=10, choices=What)
    fields = models.JSONField(default=list)

    class Meta:
        db_table = "signup_person_change"
        default_permissions = ()
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"change {self.pk}"

    def in_words(self) -> str:
        return fields_in_words(type(self.user), self.fields)


def fields_in_words(model: type[models.Model], names: Iterable[str]) -> str:
    """As pages call them."""
    labels = {
        each.name: str(each.verbose_name)
        for each in model._meta.get_fields()
        if hasattr(each, "verbose_name")
    } | {"is_active": pgettext("of a person", "active")}
    return ", ".join(
        dict.fromkeys(labels.get(name, name.partition(":")[2] or name) for name in names)
    )


# Groups


def key_of(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def read_name(text: str, missing: str) -> str:
    """Of a group or an audience. Raises ValidationError; `missing`: the sentence for none."""
    if name := names.normalise(text, LONGEST_GROUP):
        return name
    raise ValidationError(missing)


def read_group(text: str) -> str:
    return read_name(text, _("Give the group a name."))


def find(name: str) -> Group | None:
    return Group.objects.filter(key=key_of(names.normalise(name, LONGEST_GROUP))).first()


def known(names: Iterable[str]) -> set[str]:
    """The keys of those that there are."""
    keys = {key_of(name) for name in names}
    return set(Group.objects.filter(key__in=keys).values_list("key", flat=True))


def make(text: str) -> tuple[Group, bool]:
    """The group of this name, and whether it is new."""
    name = read_group(text)
    return Group.objects.get_or_create(key=key_of(name), defaults={"name": name})


def rename(group: Group, text: str) -> None:
    name = read_group(text)
    with transaction.atomic():
        if Group.objects.filter(key=key_of(name)).exclude(pk=group.pk).exists():
            raise ValidationError(_("There is a group of this name. Merge the two instead."))
        Group.objects.filter(pk=group.pk).update(name=name, key=key_of(name))


def add(group: Group, users: Iterable[int]) -> None:
    """Who is in it stays."""
    rows = (Membership(group=group, user_id=each) for each in users)
    Membership.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)


def merge(group: Group, into: Group) -> None:
    """All of one are in the other, and the one is gone."""
    with transaction.atomic():
        there = Membership.objects.filter(group=into).values("user")
        moved = Membership.objects.filter(group=group)
        moved.exclude(user__in=there).update(group=into)
        group.delete()


# Attributes


def attributes() -> list[str]:
    """The names of those that there are, in the order in which they were made."""
    return list(Attribute.objects.values_list("name", flat=True))


def make_attribute(text: str) -> Attribute:
    """Raises ValidationError."""
    name = names.normalise(text, LONGEST_ATTRIBUTE).lower()
    if not AN_ATTRIBUTE.fullmatch(name):
        raise ValidationError(
            _("Begin with a letter, and use letters, digits, single blanks and hyphens only.")
        )
    if name in RESERVED or Attribute.objects.filter(name=name).exists():
        raise ValidationError(_("“%(name)s” is there already.") % {"name": name})
    if Attribute.objects.count() >= MOST_ATTRIBUTES:
        raise ValidationError(
            _("There are %(number)d already. Delete one first.") % {"number": MOST_ATTRIBUTES}
        )
    return Attribute.objects.get_or_create(name=name)[0]


def values(given: Mapping[str, str], known: Iterable[str]) -> dict[str, str]:
    """Those of a person as they are kept: only filled ones of known names. Raises
    ValidationError."""
    read = {name: names.normalise(given.get(name) or "", LONGEST_VALUE) for name in known}
    return {name: value for name, value in read.items() if value}
