"""The kinds of notices, which people leave one by one, and who left which."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

LONGEST = 50  # characters


class Kind(models.Model):
    """What a notice is about, such as maintenance or news. Two are always there: the one of a
    notice that names none, and the one that nobody can leave. `key`: the same for names that differ
    by case only."""

    class Part(models.TextChoices):
        DEFAULT = "default", _("what names no other")
        IMPORTANT = "important", _("cannot be left")

    name = models.CharField(_("name"), max_length=LONGEST)
    key = models.CharField(max_length=2 * LONGEST, unique=True, editable=False)
    part = models.CharField(max_length=10, choices=Part, null=True, unique=True, editable=False)
    position = models.PositiveSmallIntegerField(default=0)
    retired_at = models.DateTimeField(null=True)  # no new notice is of it

    class Meta:
        verbose_name = _("kind of notices")
        verbose_name_plural = _("kinds of notices")
        default_permissions = ()
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        """As long as the two that are always there bear the names that we gave them, in the
        reader's language."""
        return gettext(self.name) if self.part else self.name

    @property
    def can_be_left(self) -> bool:
        return self.part != self.Part.IMPORTANT


class Leaving(models.Model):
    """Somebody left a kind: a user, and each address that they had then, which it outlives them
    for; or a pasted address. Coming back removes the rows."""

    kind = models.ForeignKey(Kind, models.CASCADE, related_name="leavings", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    address = models.CharField(max_length=254, null=True)  # null: of a user who had none
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["kind", "user", "address"], name="leaving_once")
        ]
        indexes = [models.Index(fields=["address", "kind"], name="leaving_of_address")]

    def __str__(self) -> str:
        return f"leaving {self.pk}"
