"""Who did what: rows that are only added. The database refuses to change one, and to remove one of
the last MIN_DAYS (migration 0014_audit)."""

from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from config import clock

MIN_DAYS = 30


class OnlyAdded(TypeError):  # noqa: N818
    """Somebody tried to change or to remove an entry."""


class Entries(models.QuerySet["Entry"]):
    def refuse(self, *args: Any, **facts: Any) -> NoReturn:
        raise OnlyAdded

    update = delete = refuse


class Entry(models.Model):
    """`verb`: of verbs.py. `by`: who did it, if that is an account; it may be gone by now. `doer`:
    of a token its name, of a command the user of the operating system. `kind` and `number`: to
    what. No name, address or secret stands in `facts`, and of where it came from the network."""

    class Door(models.TextChoices):
        PAGE = "page", _("page")
        API = "api", _("API")
        COMMAND = "command", _("command")
        JOB = "job", _("by itself")

    class Kind(models.TextChoices):
        ACCOUNT = "account", _("person")
        NOTICE = "notice", _("notice")
        SCHEDULE = "schedule", _("schedule")
        SUPPRESSION = "suppression", _("suppression")
        AUDIENCE = "audience", _("audience")
        UPLOAD = "upload", _("file")
        TOKEN = "token", _("token")
        ROLE = "group", _("role")

    at = models.DateTimeField(_("when"), default=clock.now)
    verb = models.CharField(_("what"), max_length=30)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        null=True,
        related_name="+",
        db_constraint=False,
    )
    doer = models.CharField(max_length=100, default="", db_default="")
    door = models.CharField(max_length=10, choices=Door)
    origin = models.CharField(max_length=50, default="", db_default="")
    kind = models.CharField(max_length=15, choices=Kind, default="", db_default="")
    number = models.BigIntegerField(null=True)
    facts = models.JSONField(default=dict)

    objects = Entries.as_manager()

    class Meta:
        db_table = "signup_audit"
        default_permissions = ()
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["at"], name="audit_at"),
            models.Index(fields=["verb", "-id"], name="audit_of_verb"),
            models.Index(fields=["kind", "number", "-id"], name="audit_of_object"),
        ]

    def __str__(self) -> str:
        return f"entry {self.pk}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise OnlyAdded
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise OnlyAdded
