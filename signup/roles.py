"""Roles: groups of Django's, given and taken on a page. Nobody hands out what they may not do
themselves, nobody changes their own, and somebody who can give roles is always left."""

from typing import Any

from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from signup import security
from signup.models import User

MANAGE = "signup.manage_roles"
BACKEND = "django.contrib.auth.backends.ModelBackend"
# What the migration made, as pages call them and what each is for.
WORDS = {
    "Writer": (gettext_noop("Writer"), gettext_noop("Writes drafts, which others send.")),
    "Sender": (gettext_noop("Sender"), gettext_noop("Writes and sends notices.")),
    "Approver": (gettext_noop("Approver"), gettext_noop("Says yes to what others send.")),
    "People manager": (
        gettext_noop("People manager"),
        gettext_noop("Looks after people, groups and audiences."),
    ),
    "Address viewer": (
        gettext_noop("Address viewer"),
        gettext_noop("Sees numbers and emails in full; else they are masked."),
    ),
    "Auditor": (gettext_noop("Auditor"), gettext_noop("Reads everything and changes nothing.")),
    "Administrator": (gettext_noop("Administrator"), gettext_noop("May do everything here.")),
    "Staff": (
        gettext_noop("Staff"), gettext_noop("What all staff could do before there were roles."),
    ),
}  # fmt: skip


def in_words(role: Group) -> tuple[str, str]:
    """What pages call it, and what it is for; of one that superusers made only its name."""
    name, purpose = WORDS.get(role.name, (role.name, ""))
    return _(name) if purpose else name, purpose and _(purpose)


def rights_of(role: Group) -> dict[str, str]:
    """Permission -> its name."""
    rows = role.permissions.select_related("content_type").order_by("content_type", "codename")
    return {f"{each.content_type.app_label}.{each.codename}": each.name for each in rows}


def may_hand_out(by: Any, role: Group) -> bool:
    return bool(by.has_perms(rights_of(role)))


def managers() -> QuerySet[User]:
    """Who can give roles."""
    return User.objects.with_perm(MANAGE, backend=BACKEND).filter(is_staff=True)


def give(role_id: int, user: User, by: Any) -> Group:
    """Whoever has a role is staff. Raises Group.DoesNotExist, PermissionDenied."""
    with transaction.atomic():
        role = locked(role_id)
        demand(by, role, user)
        if not user.groups.filter(pk=role.pk).exists():
            user.groups.add(role)
            User.objects.filter(pk=user.pk).update(is_staff=True)
            security.tell("role-given", account=user.pk, group=role.pk)
    return role


def take(role_id: int, user: User, by: Any) -> Group:
    """Who has no role and no right left is staff no more. Raises Group.DoesNotExist,
    PermissionDenied, and ValidationError when nobody could give roles then."""
    with transaction.atomic():
        role = locked(role_id)
        demand(by, role, user)
        if user.groups.filter(pk=role.pk).exists():
            user.groups.remove(role)
            if not (user.is_superuser or user.groups.exists() or user.user_permissions.exists()):
                User.objects.filter(pk=user.pk).update(is_staff=False)
            if not managers().exists():
                raise ValidationError(_("Somebody has to be left who can give roles."))
            security.tell("role-taken", account=user.pk, group=role.pk)
    return role


def locked(role_id: int) -> Group:
    """All of them: two who take from one another at once would leave nobody."""
    roles = {each.pk: each for each in Group.objects.select_for_update().order_by("pk")}
    if role_id not in roles:
        raise Group.DoesNotExist
    return roles[role_id]


def demand(by: Any, role: Group, user: User) -> None:
    if by.pk == user.pk:
        raise PermissionDenied(_("Your own roles are changed by somebody else."))
    if not may_hand_out(by, role):
        raise PermissionDenied(_("This role may do more than you. Somebody who has it gives it."))
